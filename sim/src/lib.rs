//! Simulated Kubernetes clusters behind kube's own client.
//!
//! [`Cluster`] is a synchronous, deterministic model of one cluster with an explicit clock. [`client()`] puts it behind
//! a `kube::Client`, so that a program cannot tell the difference; a harness may call the model directly instead.
//! [`conformance`] holds the cases that the model and a real API server must both pass.

mod api;
pub mod client;
mod cluster;
pub mod conformance;
mod controller;
mod error;
mod faults;
mod fields;
pub mod object;
mod options;
mod patch;
mod queue;
mod resource;
mod schema;
mod selector;
mod store;

pub use api::{
    DeleteOptions, Deleted, ListQuery, Listing, Match, Propagation, Subresource, Watch, WatchEvent,
    WatchQuery, WatchStep, WriteOptions,
};
pub use client::{Shared, client, lock};
pub use cluster::Cluster;
pub use error::{ApiError, Cause};
pub use faults::{Admission, Faults, Requests};
pub use options::{Delay, Options};
pub use patch::Patch;
pub use resource::{Resource, ResourceId, ids};
pub use selector::{FieldSelector, LabelSelector};
pub use store::{Change, ChangeKind, Key, Object};
