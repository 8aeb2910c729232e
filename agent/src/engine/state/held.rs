//! Labels and deletions that failed, and are held back for a while. An apply has its own memory in the index.

use super::{App, State, after};
use jiff::{SignedDuration, Timestamp};
use shipper_core::AppKey;
use shipper_core::converge::Action;
use shipper_core::manifest::ObjectKey;
use std::time::Duration;

/// How long tries are counted that nobody needs any more.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);

impl State {
    /// A label or deletion failed and is not to be tried before `pause` has passed.
    pub fn hold(&self, app: &AppKey, key: &ObjectKey, pause: impl FnOnce(u32) -> Duration) {
        let now = self.clock.now();
        if let Some(app) = self.lock().apps.get_mut(app) {
            let held = app.held.entry(key.clone()).or_insert((0, now));
            *held = (held.0 + 1, after(now, pause(held.0)));
        }
    }
}

/// Takes out the actions that are held back; returns when the first of them may be tried.
pub(super) fn hold_back(app: &mut App, actions: &mut Vec<Action>, now: Timestamp) -> Option<Timestamp> {
    app.held.retain(|_, (_, until)| now.duration_since(*until) < REMEMBERED);
    let until =
        |action: &Action| held_key(action).and_then(|key| app.held.get(&key)).map(|(_, until)| *until);
    let mut first = None;
    actions.retain(|action| match until(action).filter(|until| *until > now) {
        Some(until) => {
            first = Some(first.map_or(until, |earlier: Timestamp| earlier.min(until)));
            false
        }
        None => true,
    });
    first
}

/// Under what a failed label or deletion is held back.
fn held_key(action: &Action) -> Option<ObjectKey> {
    match action {
        Action::Apply(_) => None,
        Action::Label(label) => Some(pod_key(&label.namespace, &label.pod)),
        Action::Delete(delete) => Some(delete.key.clone()),
    }
}

/// The identity of a pod.
pub fn pod_key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: "Pod".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}
