//! The agent in every application cluster: fetch, verify, plan, apply, observe, report.
//!
//! What is to be done is decided in `shipper-core`; this crate is its hands and eyes. It goes on with the last accepted
//! target when the hub, the Git server, or both are away.
//!
//! [`App`] is one agent. Its API server, its hub ([`hub::HubLink`]), its source of targets ([`source::Source`]) and its
//! clock (tokio's) are given to it, so that a simulation runs any number of agents in one process.

pub mod accept;
mod analysis;
pub mod api;
mod app;
pub mod args;
pub mod clock;
pub mod engine;
mod fetcher;
pub mod hub;
pub mod identity;
pub mod lease;
mod metrics;
pub mod random;
pub mod reporter;
pub mod room;
pub mod source;
mod status;
pub mod targets;
mod watch;

pub use app::{App, Config};
pub use fetcher::Polling;
pub use status::Status;
