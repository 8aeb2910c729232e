//! What is seen of a cluster: a pure index over watch events.
//!
//! The agent feeds it whole objects as they come from watches and from its own writes; it keeps small views of them, per
//! application, with the moments at which pods changed as *this* observer saw them (no clock of another machine counts).
//! [`crate::converge`] reads an application's [`Observed`]; nothing here decides anything.

mod index;
mod judgement;
mod live;
mod ownership;
mod pod;
mod repairs;
mod slice;

pub use index::{Changed, Index};
pub use judgement::Judgement;
pub use live::{AutoscalerView, DeploymentView, Live, Lowered, ServiceView, View};
pub use ownership::covers;
pub use pod::Pod;
pub use repairs::Repairs;
pub use slice::Slice;

use crate::catalogue::Trouble;
use crate::manifest::ObjectKey;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long controllers that watch pods and replicas separately are left to see a change of one before they are relied on to know it with
/// a change of the other. Short enough that a Deployment that somebody scaled is back within a second [C7].
pub const PROPAGATION: Duration = Duration::from_millis(500);

/// The value at a path as [`Value::pointer`] takes it, without the copies which that makes of every name: watches bring thousands of objects.
/// None of the names has a `~` or a `/` in it.
fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').skip(1).try_fold(object, |value, name| value.get(name))
}

/// All that is seen of one application in one cluster.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The application's namespace.
    pub namespace: NamespaceState,
    /// Objects that carry the application's ApplySet label, and objects of others that stand where one of ours should be.
    pub objects: BTreeMap<ObjectKey, Live>,
    /// Pods of the application, by name.
    pub pods: BTreeMap<String, Pod>,
    /// EndpointSlices of the application's Services, by their own name.
    pub slices: BTreeMap<String, Slice>,
    /// UIDs of objects whose deletion was accepted and is not seen yet.
    pub deleting: BTreeSet<String>,
    /// Objects that could not be written lately.
    pub failures: BTreeMap<ObjectKey, WriteFailure>,
    /// Services that are gone, to ask for their addresses and ports again [C7].
    pub former_services: BTreeMap<ObjectKey, ServiceView>,
    /// How often an object was put back after another changed or deleted it [C7].
    pub repairs: BTreeMap<ObjectKey, Repairs>,
}

impl Observed {
    /// Whether the object was there before: its absence is another's doing [C7].
    pub fn was_deleted(&self, key: &ObjectKey) -> bool {
        self.repairs.contains_key(key)
    }

    /// Names of the pods that are ready in the EndpointSlices of the Service with this name and UID.
    pub fn endpoints(&self, service: &str, uid: &str) -> BTreeSet<&str> {
        self.slices
            .values()
            .filter(|slice| slice.service == service && slice.owner == uid)
            .flat_map(|slice| slice.ready.iter().map(String::as_str))
            .collect()
    }
}

/// Whether objects can be written to a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamespaceState {
    /// Not seen yet: the watch has not delivered its first list.
    #[default]
    Unknown,
    /// It is not there.
    Missing,
    /// It is there.
    Active,
    /// It is being deleted; nothing new can be created.
    Terminating,
}

/// An object that could not be written, and when it may be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFailure {
    /// Digest of the manifest that failed; another one is tried at once.
    pub digest: String,
    /// For programs.
    pub reason: Trouble,
    /// In the API server's words.
    pub message: String,
    /// Whether waiting could heal it.
    pub heals: bool,
    /// Tries so far.
    pub tries: u32,
    /// Not before.
    pub retry_at: Timestamp,
}
