//! Objects of somebody else that are in the way [C8]: no watch sees them, so they are looked at now and then.

use super::{App, State, after};
use jiff::Timestamp;
use serde_json::Value;
use shipper_core::AppKey;
use shipper_core::manifest::ObjectKey;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often an object of somebody else that is in the way is looked at.
const FOREIGN: Duration = Duration::from_secs(30);
/// When one that is gone is looked at again, unless the target changes: nobody is expected to make it anew.
const NEVER: Timestamp = Timestamp::MAX;

impl State {
    /// An object of somebody else is in the way [C8]; it is looked at again when the target changes, and now and then.
    pub fn foreign(&self, app: &AppKey, object: &Value) {
        let look_at = after(self.clock.now(), FOREIGN);
        let mut inner = self.lock();
        inner.index.foreign(app, object);
        if let (Some(app), Some(key)) = (inner.apps.get_mut(app), ObjectKey::of(object)) {
            app.foreign.insert(key, look_at);
        }
    }

    /// An object of somebody else was looked for and is not there.
    pub fn absent(&self, app: &AppKey, key: &ObjectKey) {
        if let Some(app) = self.lock().apps.get_mut(app) {
            app.foreign.insert(key.clone(), NEVER);
        }
    }

    /// Takes the objects of others that are to be looked at again.
    pub fn take_foreign(&self, app: &AppKey) -> Vec<ObjectKey> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let Some(app) = inner.apps.get_mut(app) else { return Vec::new() };
        let due: Vec<ObjectKey> =
            app.foreign.iter().filter(|(_, look_at)| **look_at <= now).map(|(key, _)| key.clone()).collect();
        // A look that fails is made again; one that succeeds forgets the object first.
        for key in &due {
            app.foreign.insert(key.clone(), after(now, FOREIGN));
        }
        due
    }
}

/// Notes what a decision wants to be looked for, and forgets what it does not; returns when the next look is due.
pub(super) fn look_for(app: &mut App, wanted: BTreeSet<ObjectKey>, now: Timestamp) -> Option<Timestamp> {
    app.foreign.retain(|key, look_at| *look_at < NEVER || wanted.contains(key));
    for key in wanted {
        app.foreign.entry(key).or_insert(now);
    }
    app.foreign.values().copied().filter(|look_at| *look_at < NEVER).min()
}
