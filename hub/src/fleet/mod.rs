//! Reading: the fleet repository as a model in memory, brought up to date commit by commit.
//!
//! - [`intent`](mod@intent): the objects people wrote, file by file; a bad file keeps its last good version.
//! - [`sources`](mod@sources): the Git ids of `path:` charts and manifests, and who uses them.
//! - [`records`](mod@records): what the state branch says of every application.
//! - [`view`](mod@view): both together; an update says which applications it concerns.
//! - [`resolve`](mod@resolve): what one application asks for, with everything pinned.
//! - [`guard`](mod@guard): whether a commit of `main` may be followed at all.
//! - [`missing`](mod@missing): which commit confirms that what is missing may be removed.
//!
//! The work of an update is that of the change: trees with the same id are never entered, files with the same id never
//! parsed again.

pub mod guard;
mod intent;
mod last_good;
pub mod missing;
mod objects;
mod records;
mod resolve;
mod sources;
mod view;

#[cfg(test)]
mod tests;

pub use objects::Objects;
pub use records::{AppState, Records};
pub use resolve::{ChartPin, ChartPins, chart_to_resolve, chart_without_record, resolve};
pub use sources::Sources;
pub use view::{Branches, FleetView, ReadFleetError, Stats};
