//! What the agent knows at this moment, behind one lock: the index of the cluster, the targets, and who has to be looked at.

mod agenda;
mod measured;
mod namespaces;
mod news;
mod told;
mod unlistable;

pub use news::News;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::room::Room;
use crate::targets::{AppTarget, Changes};
use agenda::Agenda;
use jiff::{SignedDuration, Timestamp};
use namespaces::Namespaces;
use serde_json::Value;
use shipper_core::catalogue::Trouble;
use shipper_core::converge::{Action, Wanted, applyset_id, converge};
use shipper_core::manifest::ObjectKey;
use shipper_core::observe::{Index, NamespaceState, WriteFailure};
use shipper_core::report::{AnalysisReport, AppReport};
use shipper_core::{AppKey, labels};
use shipper_telemetry::trace::{Begun, Parent, Traces};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use told::{tell_met, tell_target};

/// Watch events of one application within this time are answered by one look.
const COALESCE: SignedDuration = SignedDuration::from_millis(5);

/// How often an object of somebody else that is in the way is looked at.
const FOREIGN: Duration = Duration::from_secs(30);
/// When one that is gone is looked at again, unless the target changes: nobody is expected to make it anew.
const NEVER: Timestamp = Timestamp::MAX;

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

/// One application that is asked for.
struct App {
    target: Arc<AppTarget>,
    /// Group and kind of everything it consists of, and is seen through.
    kinds: BTreeSet<GroupKind>,
    /// Raised by every new target.
    version: u64,
    /// The commit that brought the target.
    commit: String,
    /// When the target came, and its span, until it is met for the first time.
    unmet: Option<(Timestamp, Option<Begun>)>,
    /// The span of the target: what is done for it hangs below.
    trace: Option<Parent>,
    /// Somebody is at work on it.
    running: bool,
    /// Something was seen since it was last decided on.
    dirty: bool,
    /// Not to be looked at before, for the sake of others' events.
    rest_until: Timestamp,
    /// Its report, and the number of the change that made it so.
    report: Option<(Arc<AppReport>, u64)>,
    /// What was measured for the gate that the target names.
    measured: Option<AnalysisReport>,
    /// Pods and deletions that failed: tries, and when the next may be made.
    held: HashMap<ObjectKey, (u32, Timestamp)>,
    /// Objects of others in the way, and when to look whether they are still there: no watch sees them.
    foreign: BTreeMap<ObjectKey, Timestamp>,
}

#[derive(Default)]
struct Inner {
    index: Index,
    apps: BTreeMap<AppKey, App>,
    agenda: Agenda,
    /// Kinds that nobody waits for: the watch has delivered its first list, or never will.
    seen: BTreeSet<GroupKind>,
    unlistable: unlistable::Unlistable,
    namespaces: Namespaces,
    problems: BTreeMap<String, String>,
    /// Applications without a target of which something may still be present.
    departed: BTreeSet<AppKey>,
    commit: Option<String>,
    /// Epoch and generation of that commit.
    standing: Option<(u64, u64)>,
    /// The kinds that the inventory in the cluster names, by ApplySet: those of a tombstone's objects are in no manifest.
    inventories: HashMap<String, BTreeSet<GroupKind>>,
    /// What is to be watched, and in which API version; `None` = the one the server prefers.
    kinds: BTreeMap<GroupKind, Option<String>>,
    version: u64,
    news: u64,
}

impl Inner {
    /// Something of the application was seen: it is to be looked at, or looked at again.
    fn wake(&mut self, key: &AppKey) {
        if let Some(app) = self.apps.get_mut(key) {
            app.dirty = true;
            if !app.running {
                self.agenda.ask(key, app.rest_until);
            }
        }
    }
}

/// The state that all parts of an agent share.
pub struct State {
    clock: Clock,
    inner: Mutex<Inner>,
    /// What the cluster has free.
    pub room: Arc<Room>,
    /// Where is told what is done for each commit.
    pub(crate) traces: Traces,
    /// Counts and times.
    pub(crate) metrics: Arc<Metrics>,
    /// Some application is to be looked at.
    pub work: Notify,
    /// Some report or problem changed.
    pub news: Notify,
    /// More kinds are to be watched, or a definition changed.
    pub kinds: Notify,
    /// Targets changed, and with them perhaps what is to be measured.
    pub measuring: Notify,
}

/// What is to be done for an application now.
pub struct Round {
    /// Of the target that it is for.
    pub version: u64,
    /// What to do; empty = look again at `wake_at`.
    pub actions: Vec<Action>,
    /// When to look again.
    pub wake_at: Option<Timestamp>,
}

impl State {
    /// Nothing known.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            inner: Mutex::default(),
            room: Arc::default(),
            traces: Traces::off(),
            metrics: Arc::default(),
            work: Notify::new(),
            news: Notify::new(),
            kinds: Notify::new(),
            measuring: Notify::new(),
        }
    }

    /// Tells what is done for each commit.
    #[must_use]
    pub fn tracing(mut self, traces: Traces) -> Self {
        self.traces = traces;
        self
    }

    /// The agent's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// New targets come into force, between any two actions [C9].
    pub fn set_targets(&self, mut changes: Changes) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.commit = Some(changes.commit.clone());
        inner.standing = Some(changes.standing);
        for key in std::mem::take(&mut changes.gone) {
            inner.index.unregister(&key);
            inner.apps.remove(&key);
            inner.agenda.drop(&key);
            inner.departed.insert(key);
        }
        for (key, target) in std::mem::take(&mut changes.set) {
            inner.index.register(&key);
            if inner.namespaces.is_missing(&key.namespace) {
                inner.index.set_namespace(&key.namespace, NamespaceState::Missing);
            }
            inner.departed.remove(&key);
            inner.version += 1;
            let base = BASE_KINDS.iter().map(|(version, kind)| ((*version).to_owned(), (*kind).to_owned()));
            let mut kinds = BTreeSet::new();
            for (version, kind) in base.chain(target.kinds()) {
                let id = group_kind(&version, &kind);
                kinds.insert(id.clone());
                inner.kinds.entry(id).or_insert(Some(version));
            }
            let version = inner.version;
            tell_target(&key, &target, &changes.commit);
            let begun = self.begin(&key, &target, &changes, now);
            let trace = begun.as_ref().map(Begun::parent);
            match inner.apps.get_mut(&key) {
                Some(app) => {
                    app.target = target;
                    app.kinds = kinds;
                    measured::keep_run(app);
                    app.version = version;
                    (app.unmet, app.trace) = (Some((now, begun)), trace);
                    app.commit.clone_from(&changes.commit);
                    app.rest_until = now;
                    app.foreign.values_mut().for_each(|look_at| *look_at = now);
                }
                None => {
                    let app = App {
                        target,
                        kinds,
                        version,
                        commit: changes.commit.clone(),
                        unmet: Some((now, begun)),
                        trace,
                        running: false,
                        dirty: true,
                        rest_until: now,
                        report: None,
                        measured: None,
                        held: HashMap::new(),
                        foreign: BTreeMap::new(),
                    };
                    inner.apps.insert(key.clone(), app);
                }
            }
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

    /// Says, or no longer says, what is wrong with a part of the agent.
    pub fn problem(&self, part: &str, text: Option<String>) {
        let mut inner = self.lock();
        let changed = match text {
            Some(text) => {
                if inner.problems.get(part) != Some(&text) {
                    tracing::warn!(part, problem = %text);
                }
                inner.problems.insert(part.to_owned(), text.clone()) != Some(text)
            }
            None => inner.problems.remove(part).is_some(),
        };
        if changed {
            self.news.notify_one();
        }
    }

    /// What is to be watched: group and kind, and the API version to watch it in; `None` = the one the server prefers.
    pub fn kinds_to_watch(&self) -> BTreeMap<GroupKind, Option<String>> {
        self.lock().kinds.clone()
    }

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

    /// An inventory names the kinds of an application's objects: those of a removed release stand in no manifest any more, and
    /// have to be seen to be removed.
    fn inventory(&self, inner: &mut Inner, object: &Value) {
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

    fn wake(&self, inner: &mut Inner, changed: BTreeSet<AppKey>) {
        if changed.is_empty() {
            return;
        }
        for key in changed {
            inner.wake(&key);
        }
        self.work.notify_one();
    }

    /// Everything is to be looked at again.
    pub fn wake_all(&self) {
        let mut inner = self.lock();
        let all = inner.apps.keys().cloned().collect();
        self.wake(&mut inner, all);
    }

    /// Takes applications that are to be looked at now, at most `most`; and when the next one is due.
    pub fn take_ready(&self, most: usize) -> (Vec<AppKey>, Option<Timestamp>) {
        let mut ready = Vec::new();
        if most == 0 {
            return (ready, None);
        }
        let now = self.clock.now();
        let mut inner = self.lock();
        let Inner { apps, agenda, seen, inventories, .. } = &mut *inner;
        while ready.len() < most
            && let Some(key) = agenda.take(now)
        {
            let Some(app) = apps.get_mut(&key) else { continue };
            // A tombstone is judged on what was there, which the inventory alone tells.
            let inventory = || inventories.get(&applyset_id(&key)).is_none_or(|kinds| kinds.is_subset(seen));
            // Those that wait for a kind to be listed are woken when it is.
            if !app.running && app.kinds.is_subset(seen) && (!is_tombstone(app) || inventory()) {
                app.running = true;
                ready.push(key);
            }
        }
        (ready, agenda.next())
    }

    /// Decides what is to be done for an application; `None` = it is not asked for any more.
    pub fn round(&self, key: &AppKey) -> Option<Round> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let Inner { index, apps, news, unlistable, inventories, .. } = &mut *inner;
        let app = apps.get_mut(key)?;
        app.dirty = false;
        unlistable::hold(unlistable, index, key, app, now);
        let observed = index.observed(key)?;
        let wanted = Wanted { target: &app.target.target, manifests: &app.target.manifests };
        let mut convergence = converge(wanted, observed, now);
        convergence.report.analysis.clone_from(&app.measured);
        if is_tombstone(app) {
            unlistable::unseen(unlistable, inventories.get(&applyset_id(key)), &mut convergence.report);
        }
        if let Some((since, begun)) = app.unmet.take_if(|_| is_met(&convergence.report)) {
            let took = now.duration_since(since).as_secs_f64();
            self.metrics.target_duration.observe(took);
            tell_met(key, app, took);
            begun.into_iter().for_each(|begun| begun.end(now.into()));
        }
        if app.report.as_ref().is_none_or(|(report, _)| **report != convergence.report) {
            *news += 1;
            app.report = Some((Arc::new(convergence.report), *news));
            self.news.notify_one();
        }
        app.held.retain(|_, (_, until)| now.duration_since(*until) < SignedDuration::from_mins(10));
        app.foreign.retain(|key, look_at| *look_at < NEVER || convergence.look_for.contains(key));
        for key in convergence.look_for {
            app.foreign.entry(key).or_insert(now);
        }
        let looks = app.foreign.values().copied().filter(|look_at| *look_at < NEVER);
        let mut wake_at = convergence.wake_at.into_iter().chain(looks).min();
        let mut actions = convergence.actions;
        actions.retain(|action| {
            let until = held_key(action).and_then(|key| app.held.get(&key)).map(|(_, until)| *until);
            match until.filter(|until| *until > now) {
                Some(until) => {
                    wake_at = Some(wake_at.map_or(until, |earlier| earlier.min(until)));
                    false
                }
                None => true,
            }
        });
        Some(Round { version: app.version, actions, wake_at })
    }

    /// Work on an application ends for now.
    pub fn rest(&self, key: &AppKey, wake_at: Option<Timestamp>) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let Inner { apps, agenda, .. } = &mut *inner;
        if let Some(app) = apps.get_mut(key) {
            app.running = false;
            app.rest_until = now.saturating_add(COALESCE).unwrap_or(now);
            if let Some(at) = if app.dirty { Some(app.rest_until) } else { wake_at } {
                agenda.ask(key, at);
            }
        }
        self.work.notify_one();
    }

    /// Whether the target is still the one that an action was decided for [C9].
    pub fn is_current(&self, key: &AppKey, version: u64) -> bool {
        self.lock().apps.get(key).is_some_and(|app| app.version == version)
    }

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

    /// A write succeeded; to be told before the answer is.
    pub fn written(&self, app: &AppKey, key: &ObjectKey, repair: bool) {
        let now = self.clock.now();
        let mut inner = self.lock();
        inner.index.written(app, key, repair, now);
        if let Some(app) = inner.apps.get_mut(app) {
            app.held.remove(key);
            // It is ours by now, and a watch shows it.
            app.foreign.remove(key);
        }
    }

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

    /// A label or deletion failed and is not to be tried before `pause` has passed.
    pub fn hold(&self, app: &AppKey, key: &ObjectKey, pause: impl FnOnce(u32) -> Duration) {
        let now = self.clock.now();
        if let Some(app) = self.lock().apps.get_mut(app) {
            let held = app.held.entry(key.clone()).or_insert((0, now));
            *held = (held.0 + 1, after(now, pause(held.0)));
        }
    }
}

fn is_tombstone(app: &App) -> bool {
    app.target.target.absent || app.target.target.releases.iter().any(|release| release.absent)
}

/// Whether everything is as the target asks.
fn is_met(report: &AppReport) -> bool {
    report.releases.iter().all(|release| {
        let there = release.installed && release.capacity.achieved;
        let gone = !release.present && release.capacity.desired == 0;
        gone || (there && release.traffic.as_ref().is_none_or(|traffic| traffic.achieved))
    })
}

fn after(now: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| now.saturating_add(pause).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Under what a failed label or deletion is held back; an apply has its own memory in the index.
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

/// Whether an object carries the mark of the application's ApplySet, whatever its kind.
pub fn is_marked(object: &Value, set: &str) -> bool {
    object.get("metadata").and_then(|m| m.get("labels")?.get(labels::APPLYSET_PART_OF)?.as_str()) == Some(set)
}
