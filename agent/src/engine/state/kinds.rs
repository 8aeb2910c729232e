//! Which kinds are to be watched: those that every application is seen through, those of the manifests, and those that inventories in the
//! cluster name.

use super::{Inner, State};
use crate::targets::AppTarget;
use serde_json::Value;
use shipper_core::labels;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds that every application is seen through: API version and kind.
pub const BASE_KINDS: [(&str, &str); 6] = [
    ("v1", "Namespace"),
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
];

/// Group and kind.
pub type GroupKind = (String, String);

/// Group of an API version, and the kind.
pub fn group_kind(api_version: &str, kind: &str) -> GroupKind {
    (api_version.split_once('/').map_or("", |(group, _)| group).to_owned(), kind.to_owned())
}

impl State {
    /// What is to be watched: group and kind, and the API version to watch it in; `None` = the one the server prefers.
    pub fn kinds_to_watch(&self) -> BTreeMap<GroupKind, Option<String>> {
        self.lock().kinds.clone()
    }

    /// An inventory names the kinds of an application's objects: those of a removed release stand in no manifest any more, and
    /// have to be seen to be removed.
    pub(super) fn inventory(&self, inner: &mut Inner, object: &Value) {
        let annotation = || object.get("metadata")?.get("annotations")?.get(labels::APPLYSET_KINDS)?.as_str();
        let id = || object.get("metadata")?.get("labels")?.get(labels::APPLYSET_ID)?.as_str();
        for named in annotation().into_iter().flat_map(|kinds| kinds.split(',')) {
            let (kind, group) = named.split_once('.').unwrap_or((named, ""));
            if let Some(id) = id().filter(|_| !kind.is_empty()) {
                inner
                    .inventories
                    .entry(id.to_owned())
                    .or_default()
                    .insert((group.to_owned(), kind.to_owned()));
            }
            if !kind.is_empty() && !inner.kinds.contains_key(&(group.to_owned(), kind.to_owned())) {
                inner.kinds.insert((group.to_owned(), kind.to_owned()), None);
                self.kinds.notify_one();
            }
        }
    }
}

impl Inner {
    /// Has everything watched that a target consists of and is seen through; returns it.
    pub(super) fn watch_for(&mut self, target: &AppTarget) -> BTreeSet<GroupKind> {
        let base = BASE_KINDS.iter().map(|(version, kind)| ((*version).to_owned(), (*kind).to_owned()));
        let mut kinds = BTreeSet::new();
        for (version, kind) in base.chain(target.kinds()) {
            let id = group_kind(&version, &kind);
            kinds.insert(id.clone());
            self.kinds.entry(id).or_insert(Some(version));
        }
        kinds
    }
}
