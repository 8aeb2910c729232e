//! What the API server does with requests, verb by verb.

mod admit;
mod allocate;
mod defaults;
mod delete;
mod read;
mod scale;
mod validate;
mod watch;
mod write;

pub use delete::{DeleteOptions, Deleted, Propagation};
pub use read::{ListQuery, Listing, Match};
pub(crate) use scale::read as scale_of;
pub use watch::{Watch, WatchEvent, WatchQuery, WatchStep};
pub use write::{Subresource, WriteOptions};
