//! What watches see: lists, pages of lists and single objects go into the index, and whoever they belong to is woken.

use super::{GroupKind, State};
use serde_json::Value;
use shipper_core::AppKey;
use std::collections::BTreeSet;

impl State {
    /// A watch has listed a kind.
    pub fn listed(&self, kind: &GroupKind, objects: &[Value]) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let inner = &mut *inner;
        let mut changed = if kind.0.is_empty() && kind.1 == "Namespace" {
            let wanted = inner.apps.keys().map(|key| key.namespace.clone());
            inner.namespaces.listed(&mut inner.index, wanted, objects)
        } else {
            inner.index.reset(&kind.0, &kind.1, objects, now)
        };
        objects.iter().for_each(|object| self.inventory(inner, object));
        if inner.seen.insert(kind.clone()) {
            changed.extend(inner.apps.keys().cloned());
        }
        self.wake(inner, changed);
    }

    /// A page of a list that is not complete yet.
    pub fn page(&self, objects: &[Value]) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let inner = &mut *inner;
        objects.iter().for_each(|object| self.inventory(inner, object));
        let changed: BTreeSet<AppKey> =
            objects.iter().filter_map(|object| inner.index.apply(object, now)).collect();
        self.wake(inner, changed);
    }

    /// The server does not have the kind: nothing of it can be there.
    pub fn unknown(&self, kind: &GroupKind) {
        let mut inner = self.lock();
        if inner.seen.insert(kind.clone()) {
            let all = inner.apps.keys().cloned().collect();
            self.wake(&mut inner, all);
        }
    }

    /// A watch saw an object added or changed (`gone`: deleted).
    pub fn event(&self, kind: &GroupKind, object: &Value, gone: bool) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let inner = &mut *inner;
        if kind.0.is_empty() && kind.1 == "Namespace" {
            let changed = inner.namespaces.event(&mut inner.index, object, gone);
            return self.wake(inner, changed);
        }
        if kind.1 == "CustomResourceDefinition" {
            self.kinds.notify_one();
        }
        let changed = if gone { inner.index.delete(object, now) } else { inner.index.apply(object, now) };
        self.wake(inner, changed.into_iter().collect());
    }
}
