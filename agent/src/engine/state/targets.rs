//! New targets come into force, and applications without one depart.

use super::told::tell_target;
use super::{App, Inner, State, measured};
use crate::targets::{AppTarget, Changes};
use jiff::Timestamp;
use shipper_core::AppKey;
use shipper_core::observe::NamespaceState;
use shipper_telemetry::trace::Begun;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

impl State {
    /// New targets come into force, between any two actions [C9].
    pub fn set_targets(&self, mut changes: Changes) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.commit = Some(changes.commit.clone());
        inner.standing = Some(changes.standing);
        std::mem::take(&mut changes.gone).into_iter().for_each(|key| inner.depart(key));
        for (key, target) in std::mem::take(&mut changes.set) {
            tell_target(&key, &target, &changes.commit);
            let begun = self.begin(&key, &target, &changes, now);
            inner.enter(&key, target, &changes.commit, begun, now);
            inner.wake(&key);
        }
        let files: BTreeMap<String, String> = changes
            .problems
            .into_iter()
            .map(|(file, text)| (format!("file {file}"), format!("{file}: {text}")))
            .collect();
        inner.problems.retain(|key, _| !key.starts_with("file "));
        inner.problems.extend(files);
        self.kinds.notify_one();
        self.work.notify_one();
        self.news.notify_one();
        self.measuring.notify_one();
    }
}

impl Inner {
    fn depart(&mut self, key: AppKey) {
        self.index.unregister(&key);
        self.apps.remove(&key);
        self.agenda.drop(&key);
        self.departed.insert(key);
    }

    fn enter(
        &mut self,
        key: &AppKey,
        target: Arc<AppTarget>,
        commit: &str,
        begun: Option<Begun>,
        now: Timestamp,
    ) {
        self.index.register(key);
        if self.namespaces.is_missing(&key.namespace) {
            self.index.set_namespace(&key.namespace, NamespaceState::Missing);
        }
        self.departed.remove(key);
        self.version += 1;
        let kinds = self.watch_for(&target);
        let app = self.apps.entry(key.clone()).or_insert_with(|| App::new(target.clone(), now));
        app.target = target;
        app.kinds = kinds;
        measured::keep_run(app);
        app.version = self.version;
        app.trace = begun.as_ref().map(Begun::parent);
        app.unmet = Some((now, begun));
        commit.clone_into(&mut app.commit);
        app.rest_until = now;
        app.foreign.values_mut().for_each(|look_at| *look_at = now);
    }
}

impl App {
    /// Nothing was seen of it yet.
    fn new(target: Arc<AppTarget>, now: Timestamp) -> Self {
        Self {
            target,
            kinds: BTreeSet::new(),
            version: 0,
            commit: String::new(),
            unmet: None,
            trace: None,
            running: false,
            dirty: true,
            rest_until: now,
            report: None,
            measured: None,
            held: HashMap::new(),
            foreign: BTreeMap::new(),
        }
    }
}
