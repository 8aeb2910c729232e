//! The domain of Shipper: what people write, what the hub decides, what an agent does about it.
//!
//! Nothing here touches a client, a socket, a clock, a file or randomness; time and identifiers are arguments.
//! That is what makes every decision repeatable, and the simulation in `shipper-sim` exact.
//!
//! - [`intent`]: the objects people commit to `main`, and how they are read and refused.
//! - [`state`]: the files the hub writes to its state branch: records, targets, their paths.
//! - [`report`]: what agents tell the hub.
//! - [`resources`]: what clusters have free and pods ask for.
//! - [`plan`]: the hub's decision, `plan(&AppInput) -> AppPlan`.
//! - [`manifest`]: rendered objects made ready for a cluster: labels, scopes, suffixes, references.
//! - [`observe`] and [`converge`]: the agent's decision, `converge(&Wanted, &Observed) -> Convergence`.
//! - [`standing`]: which hub acts.
//! - [`status`] and [`api`]: what people are told.
//! - [`analysis`]: what a measured value is worth.
//! - [`few`]: a map of a few entries; [`suggest`]: the name that was meant.
//! - [`command`]: command lines that people copy; [`shown`]: text of others as it may be shown.
//! - [`condition`]: the catalogue of conditions and reasons, which are the API.

pub mod analysis;
pub mod api;
pub mod catalogue;
pub mod command;
pub mod condition;
pub mod converge;
pub mod few;
pub mod hash;
pub mod intent;
pub mod labels;
pub mod manifest;
pub mod name;
pub mod observe;
pub mod plan;
pub mod protocol;
pub mod report;
pub mod resources;
pub mod shown;
pub mod standing;
pub mod state;
pub mod status;
pub mod suggest;
pub mod why;
pub mod yaml;

pub use name::{AppKey, ClusterName, ReleaseName};
