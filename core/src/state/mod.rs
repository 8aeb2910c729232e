//! The files of the state branch: what the hub has decided, as agents and people read it.

mod accept;
mod advance;
mod application;
mod failure;
mod fleet;
pub mod paths;
mod phase;
mod release;
mod target;

pub use accept::{Accepted, Descent, Refused, accept};
pub use advance::{Advance, How, advances};
pub use application::{
    AppRecord, ChartPin, Leaves, Missing, OpenFailure, Order, PlacedCluster, Placement, Removal, RemovalCause,
};
pub use failure::{FailingCluster, FailureKind, Lagging, Pods};
pub use fleet::{FleetState, RemovedCluster};
pub use phase::{MOVES, Move, Phase};
pub use release::{
    Achieved, Cause, Environment, Failure, GateFailure, GateRecord, PinnedChart, PinnedSource, Position,
    ReleaseRecord, Withdrawal, WithdrawalReason,
};
pub use target::{Seconds, Target, TargetAnalysis, TargetRelease};

use crate::yaml;
use serde::{Serialize, de::DeserializeOwned};

/// The trailer of a commit on `main` that confirms the removal of an application, `<namespace>/<name>`, or of a cluster, `<name>`
/// [X1, X2].
pub const CONFIRM_REMOVAL: &str = "Shipper-Confirm-Removal";

/// An object of the state branch with its `apiVersion` and `kind`.
pub trait StateObject: Serialize + DeserializeOwned {
    /// Its `kind`.
    const KIND: &'static str;

    /// The file's bytes. Equal objects give equal bytes, so an unchanged object keeps its blob id.
    ///
    /// # Errors
    /// When a value cannot be written as YAML, which no value of these types does.
    fn to_yaml(&self) -> Result<Vec<u8>, yaml::Error> {
        yaml::write_object(Self::KIND, self)
    }

    /// Reads a file of the state branch. Fields of a newer version are ignored, so that an older program can read on.
    ///
    /// # Errors
    /// When it is not YAML, of another kind, or lacks a field.
    fn from_yaml(bytes: &[u8]) -> Result<Self, yaml::Error> {
        yaml::read_object(Self::KIND, bytes)
    }
}

impl StateObject for FleetState {
    const KIND: &'static str = "FleetState";
}
impl StateObject for AppRecord {
    const KIND: &'static str = "ApplicationRecord";
}
impl StateObject for ReleaseRecord {
    const KIND: &'static str = "Release";
}
impl StateObject for Target {
    const KIND: &'static str = "Target";
}
