//! A real PostgreSQL for tests: a server in a directory of its own, reached through a socket in it, that ends with the test process, however
//! that ends. What is on the machine is used; nothing of the system is touched.
//!
//! - [`shared`]: the server of a test binary, where each test makes a database of its own
//! - [`Server::start`]: one that a test may stop
//! - [`Account`]: who runs what does not run as root
//! - [`skip`]: what happens where there is no PostgreSQL

mod account;
mod programs;
mod server;
mod skip;

pub use account::Account;
pub use server::Server;
pub use skip::{possible, shared};
