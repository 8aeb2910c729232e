//! What the API server answered: what it took is known before a watch shows it, and what it refused is tried again in time.

use super::{State, after};
use serde_json::Value;
use shipper_core::AppKey;
use shipper_core::catalogue::Trouble;
use shipper_core::manifest::ObjectKey;
use shipper_core::observe::WriteFailure;
use std::time::Duration;

impl State {
    /// The API server answered a write, or a look, with an object of the application.
    pub fn answered(&self, object: &Value) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let inner = &mut *inner;
        let key = ObjectKey::of(object);
        if key.is_some_and(|key| key.is("", "Namespace")) {
            let changed = inner.namespaces.event(&mut inner.index, object, false);
            self.wake(inner, changed);
        }
        inner.index.apply(object, now);
    }

    /// A pod was given the traffic label or lost it by our doing; to be told before the answer is.
    pub fn labelled(&self, app: &AppKey, pod: &str, serve: bool) {
        let now = self.clock.now();
        self.lock().index.labelled(app, pod, serve, now);
    }

    /// Who else wrote an object; to be asked before it is written.
    pub fn managers(&self, app: &AppKey, key: &ObjectKey) -> String {
        self.lock().index.managers(app, key)
    }

    /// A write succeeded; to be told before the answer is. `repaired`: it put back what these had changed.
    pub fn written(&self, app: &AppKey, key: &ObjectKey, repaired: Option<&str>) {
        let now = self.clock.now();
        let mut inner = self.lock();
        inner.index.written(app, key, repaired, now);
        if let Some(app) = inner.apps.get_mut(app) {
            app.held.remove(key);
            // It is ours by now, and a watch shows it.
            app.foreign.remove(key);
        }
    }

    /// The API server has accepted the deletion of an object.
    pub fn deleting(&self, app: &AppKey, key: &ObjectKey, uid: &str) {
        self.lock().index.deleting(app, key, uid);
    }

    /// An object is known not to be there.
    pub fn forget(&self, app: &AppKey, key: &ObjectKey) {
        let mut inner = self.lock();
        inner.index.forget(app, key);
        if let Some(app) = inner.apps.get_mut(app) {
            app.foreign.remove(key);
        }
    }

    /// An apply failed. `pause`: the time to the next try, from the number of tries before.
    pub fn failed(
        &self,
        app: &AppKey,
        key: &ObjectKey,
        digest: &str,
        (reason, message, heals): (Trouble, String, bool),
        pause: impl FnOnce(u32) -> Duration,
    ) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let earlier = inner.index.observed(app).and_then(|observed| observed.failures.get(key));
        let tries = earlier.filter(|failure| failure.digest == digest).map_or(0, |failure| failure.tries);
        let failure = WriteFailure {
            digest: digest.to_owned(),
            reason,
            message,
            heals,
            tries: tries + 1,
            retry_at: after(now, pause(tries)),
        };
        inner.index.failed(app, key, failure);
    }
}
