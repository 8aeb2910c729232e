//! Kinds that the API server does not let the agent see. Whoever has objects of them is looked at all the same: those objects are
//! held back, because what they are like is not known, and are reported as a problem of their release; the rest goes on.

use super::{App, BASE_KINDS, GroupKind, Inner, State, after, group_kind};
use jiff::Timestamp;
use shipper_core::AppKey;
use shipper_core::catalogue::Trouble;
use shipper_core::observe::{Index, WriteFailure};
use shipper_core::report::{AppReport, ObjectProblem};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a held object is held before it is looked at again; a list that succeeds frees it at once.
const HOLD: Duration = Duration::from_secs(60);

/// Why each kind cannot be listed or watched, in words.
pub(super) type Unlistable = BTreeMap<GroupKind, String>;

impl State {
    /// The agent may not list or watch a kind. Nothing waits for it any longer, unless it is one that every application is seen
    /// through: nothing can be decided without.
    pub fn unlistable(&self, kind: &GroupKind, why: String) {
        if BASE_KINDS.iter().any(|(version, base)| group_kind(version, base) == *kind) {
            return;
        }
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.seen.insert(kind.clone());
        if inner.unlistable.insert(kind.clone(), why).is_none() {
            self.wake_users(inner, kind);
        }
    }

    /// It may again.
    pub fn listable(&self, kind: &GroupKind) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        if inner.unlistable.remove(kind).is_none() {
            return;
        }
        let now = self.clock().now();
        for (key, app) in &inner.apps {
            let objects = app.target.manifests.values().flat_map(|manifests| &manifests.objects);
            for object in objects.filter(|object| object.key.is(&kind.0, &kind.1)) {
                // Forgets that it was held.
                inner.index.written(key, &object.key, None, now);
            }
        }
        self.wake_users(inner, kind);
    }

    fn wake_users(&self, inner: &mut Inner, kind: &GroupKind) {
        let users = inner.apps.iter().filter(|(_, app)| app.kinds.contains(kind));
        let users = users.map(|(key, _)| key.clone()).collect();
        self.wake(inner, users);
    }
}

/// Notes, for the next decision, that the application's objects of these kinds cannot be written now.
pub(super) fn hold(unlistable: &Unlistable, index: &mut Index, key: &AppKey, app: &App, now: Timestamp) {
    for (kind, why) in unlistable.iter().filter(|(kind, _)| app.kinds.contains(kind)) {
        let objects = app.target.manifests.values().flat_map(|manifests| &manifests.objects);
        for object in objects.filter(|object| object.key.is(&kind.0, &kind.1)) {
            let failure = WriteFailure {
                digest: object.digest.clone(),
                reason: Trouble::Forbidden,
                message: why.clone(),
                heals: false,
                tries: 1,
                retry_at: after(now, HOLD),
            };
            index.failed(key, &object.key, failure);
        }
    }
}

/// Adds to the report on a tombstone what may be there and cannot be seen: until it can, nothing counts as gone.
pub(super) fn unseen(
    unlistable: &Unlistable,
    inventory: Option<&BTreeSet<GroupKind>>,
    report: &mut AppReport,
) {
    for kind in inventory.into_iter().flatten() {
        let Some(why) = unlistable.get(kind) else { continue };
        if let Some(remains) = report.remains.as_mut() {
            remains.objects += 1;
        }
        report.problems.push(ObjectProblem {
            object: kind.1.clone(),
            heals: false,
            reason: Trouble::Forbidden,
            message: format!("{why}; whether any of the application is left cannot be told"),
        });
    }
    report.problems.sort();
}
