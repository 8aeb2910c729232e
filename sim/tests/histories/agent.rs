//! An agent, reduced to its loop: watch, converge, act, report. Anything in it can be lost at any moment.

use super::chart;
use super::git::State;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use shipper_core::catalogue::Trouble;
use shipper_core::converge::{Action, Apply, Delete, Label, Wanted, applyset_id, converge};
use shipper_core::manifest::{Manifests, ObjectKey};
use shipper_core::observe::{Index, WriteFailure};
use shipper_core::report::AppReport;
use shipper_core::state::Target;
use shipper_core::{ClusterName, ReleaseName, labels};
use shipper_sim::{
    Cluster, DeleteOptions, LabelSelector, ListQuery, Patch, ResourceId, Subresource, Watch, WatchEvent,
    WatchQuery, WatchStep, WriteOptions, ids,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What an agent watches: resource, group, kind, and the label that selects.
const WATCHED: [(ResourceId, &str, &str, Option<&str>); 6] = [
    (ids::NAMESPACES, "", "Namespace", None),
    (ids::SERVICES, "", "Service", Some(labels::APPLYSET_PART_OF)),
    (ids::CONFIG_MAPS, "", "ConfigMap", Some(labels::APPLYSET_PART_OF)),
    (ids::DEPLOYMENTS, "apps", "Deployment", Some(labels::APPLYSET_PART_OF)),
    (ids::PODS, "", "Pod", Some(labels::RELEASE)),
    (ids::ENDPOINT_SLICES, "discovery.k8s.io", "EndpointSlice", Some(labels::APPLYSET_PART_OF)),
];

pub struct Agent {
    pub name: ClusterName,
    index: Index,
    watches: Vec<Option<Watch>>,
    /// Index of the accepted commit of the state branch, plus one; survives a kill, as the data directory does.
    pub accepted: usize,
    pub target: Option<Target>,
    manifests: BTreeMap<ReleaseName, Manifests>,
    pub actions: VecDeque<Action>,
    dirty: bool,
    wake_at: Option<Timestamp>,
    pub session: u64,
    pub sequence: u64,
    /// The newest report made, and the newest handed to the hub.
    pub report: Option<AppReport>,
    pub sent: Option<AppReport>,
    pub sees_git: bool,
    pub sees_hub: bool,
}

/// What one look came to.
pub struct Look {
    /// When to look again at the latest, in simulated time.
    pub again: Option<Duration>,
}

impl Agent {
    pub fn new(name: ClusterName) -> Self {
        Self {
            name,
            index: Index::new(),
            watches: WATCHED.iter().map(|_| None).collect(),
            accepted: 0,
            target: None,
            manifests: BTreeMap::new(),
            actions: VecDeque::new(),
            dirty: true,
            wake_at: None,
            session: 0,
            sequence: 0,
            report: None,
            sent: None,
            sees_git: true,
            sees_hub: true,
        }
    }

    /// `kill -9`, and a start: only the data directory is left.
    pub fn kill(&mut self) {
        let killed = std::mem::replace(self, Self::new(self.name.clone()));
        self.accepted = killed.accepted;
        self.target = killed.target;
        self.manifests = killed.manifests;
        self.sees_git = killed.sees_git;
        self.sees_hub = killed.sees_hub;
        if self.target.is_some() {
            self.index.register(&chart::app());
        }
    }

    /// Takes a new commit of the state branch over.
    pub fn accept(&mut self, newest: usize, state: &Arc<State>) {
        self.accepted = newest;
        let Some(target) = state.targets.get(&self.name) else {
            // Nothing is asked for any more; nothing is removed because of that.
            if self.target.take().is_some() {
                self.index.unregister(&chart::app());
                self.manifests.clear();
                self.actions.clear();
                self.report = None;
            }
            return;
        };
        if self.target.as_ref() == Some(target) {
            return;
        }
        self.manifests = target
            .releases
            .iter()
            .filter(|release| !release.absent)
            .filter_map(|release| {
                let manifests = state.manifests.get(&(release.name.clone(), None))?;
                Some((release.name.clone(), (**manifests).clone()))
            })
            .collect();
        self.target = Some(target.clone());
        self.index.register(&chart::app());
        // A new target pre-empts the old one between any two actions [C9].
        self.actions.clear();
        self.dirty = true;
    }

    /// Reads the watches, and decides anew where something changed and nothing is under way.
    pub fn look(&mut self, cluster: &mut Cluster, wall: Timestamp, rng: &mut StdRng) -> Look {
        let again = self.read_watches(cluster, wall);
        let due = self.wake_at.is_some_and(|at| at <= wall);
        if self.actions.is_empty() && (self.dirty || due) {
            self.decide(wall, rng);
        }
        let wake = self.wake_at.map(|at| {
            let left = Duration::try_from(at.duration_since(wall)).unwrap_or_default();
            cluster.now() + left.max(Duration::from_millis(1))
        });
        Look { again: [again, wake].into_iter().flatten().min() }
    }

    fn read_watches(&mut self, cluster: &mut Cluster, wall: Timestamp) -> Option<Duration> {
        let mut again: Option<Duration> = None;
        for (slot, (id, group, kind, label)) in self.watches.iter_mut().zip(WATCHED) {
            if slot.is_none() {
                let labels = label
                    .map(|l| LabelSelector::parse(l).expect("a label is a selector"))
                    .unwrap_or_default();
                let query = ListQuery { labels: labels.clone(), ..ListQuery::default() };
                let Ok(listing) = cluster.list(id, None, &query) else { continue };
                let objects: Vec<&Value> = listing.items.iter().map(|o| &**o).collect();
                self.index.reset(group, kind, objects, wall);
                self.dirty = true;
                let query = WatchQuery { labels, version: Some(listing.version), ..WatchQuery::default() };
                *slot = cluster.watch(id, None, query).ok();
            }
            let Some(watch) = slot else { continue };
            loop {
                match cluster.poll_watch(watch) {
                    WatchStep::Event(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                        self.dirty |= self.index.apply(&object, wall).is_some() || kind == "Namespace";
                    }
                    WatchStep::Event(WatchEvent::Deleted(object)) => {
                        self.dirty |= self.index.delete(&object, wall).is_some() || kind == "Namespace";
                    }
                    WatchStep::Event(WatchEvent::Bookmark(_)) => {}
                    WatchStep::Event(WatchEvent::Error(_)) | WatchStep::End => {
                        *slot = None;
                        again = Some(cluster.now() + Duration::from_millis(1));
                        break;
                    }
                    WatchStep::Wait(until) => {
                        again = [again, until].into_iter().flatten().min();
                        break;
                    }
                }
            }
        }
        again
    }

    fn decide(&mut self, wall: Timestamp, rng: &mut StdRng) {
        let (Some(target), Some(observed)) = (&self.target, self.index.observed(&chart::app())) else {
            return;
        };
        if self.watches.iter().any(Option::is_none) {
            return;
        }
        let convergence = converge(Wanted { target, manifests: &self.manifests }, observed, wall);
        self.dirty = false;
        self.wake_at = convergence.wake_at;
        self.report = Some(convergence.report);
        let mut actions: Vec<(usize, u32, Action)> = convergence
            .actions
            .into_iter()
            .map(|action| {
                let rank = match &action {
                    Action::Apply(apply) => apply.rank,
                    Action::Label(_) => 0,
                    Action::Delete(delete) => usize::MAX - delete.rank,
                };
                (rank, rng.random::<u32>(), action)
            })
            .collect();
        // Side by side within a rank: any order may come out.
        actions.sort_by_key(|(rank, order, _)| (*rank, *order));
        self.actions = actions.into_iter().map(|(.., action)| action).collect();
    }

    /// Carries out the next action. `Some` = a tombstone's or an unlisted object was deleted.
    pub fn act(&mut self, cluster: &mut Cluster, wall: Timestamp) -> Option<Delete> {
        self.dirty = true;
        match self.actions.pop_front()? {
            Action::Apply(apply) => self.apply(cluster, &apply, wall),
            Action::Label(label) => self.label(cluster, &label, wall),
            Action::Delete(delete) => {
                let id = resource(cluster, &delete.key)?;
                let options = DeleteOptions {
                    uid: Some(delete.uid.clone()),
                    version: Some(delete.resource_version.clone()),
                    ..DeleteOptions::default()
                };
                let namespace = delete.key.namespace.as_deref().unwrap_or_default();
                if cluster.delete(id, namespace, &delete.key.name, &options).is_ok() {
                    self.index.deleting(&chart::app(), &delete.key, &delete.uid);
                    return Some(delete);
                }
            }
        }
        None
    }

    fn apply(&mut self, cluster: &mut Cluster, apply: &Apply, wall: Timestamp) {
        let Some(id) = resource(cluster, &apply.key) else { return };
        let namespace = apply.key.namespace.as_deref().unwrap_or_default();
        let app = chart::app();
        if apply.uid.is_none()
            && let Ok(found) = cluster.get(id, namespace, &apply.key.name)
        {
            let set = found
                .pointer("/metadata/labels")
                .and_then(|l| l.get(labels::APPLYSET_PART_OF))
                .and_then(Value::as_str);
            if set == Some(applyset_id(&app).as_str()) {
                self.index.apply(&found, wall);
            } else {
                self.index.foreign(&app, &found);
            }
            return;
        }
        let options = WriteOptions::by(labels::FIELD_MANAGER).forced();
        let patch = Patch::Apply(apply.body());
        let by = apply.repair.then(|| self.index.managers(&app, &apply.key));
        match cluster.patch(id, (namespace, &apply.key.name), &patch, Subresource::None, &options) {
            Ok((object, _)) => {
                self.index.written(&app, &apply.key, by.as_deref(), wall);
                self.index.apply(&object, wall);
            }
            // Not as it was seen any more: what it is like now decides.
            Err(error) if error.code == 409 && apply.uid.is_some() => {
                if let Ok(found) = cluster.get(id, namespace, &apply.key.name) {
                    self.index.forget(&app, &apply.key);
                    self.index.apply(&found, wall);
                }
            }
            Err(error) => {
                // As the agent: what only a person can heal is tried less and less often.
                let heals = error.code != 403;
                let earlier =
                    self.index.observed(&app).and_then(|observed| observed.failures.get(&apply.key));
                let tries = earlier.filter(|e| e.digest == apply.digest).map_or(0, |e| e.tries);
                let pause = if heals { 1 } else { (10 << tries.min(5)).min(300) };
                let failure = WriteFailure {
                    digest: apply.digest.clone(),
                    reason: if heals { Trouble::Rejected } else { Trouble::Forbidden },
                    message: error.to_string(),
                    heals,
                    tries: tries + 1,
                    retry_at: wall + SignedDuration::from_secs(pause),
                };
                self.index.failed(&app, &apply.key, failure);
            }
        }
    }

    fn label(&mut self, cluster: &mut Cluster, label: &Label, wall: Timestamp) {
        let (traffic, cost) =
            if label.serve { (json!("true"), json!("1")) } else { (Value::Null, json!("-1")) };
        let patch = Patch::Merge(json!({"metadata": {
            "uid": label.uid,
            "resourceVersion": label.resource_version,
            "labels": {labels::TRAFFIC: traffic},
            "annotations": {labels::DELETION_COST: cost},
        }}));
        let options = WriteOptions::by(labels::FIELD_MANAGER);
        let answer =
            cluster.patch(ids::PODS, (&label.namespace, &label.pod), &patch, Subresource::None, &options);
        let object = match answer {
            Ok((object, _)) => {
                self.index.labelled(&chart::app(), &label.pod, label.serve, wall);
                Some(object)
            }
            // The pod is another than the one decided on: look at it before anything else.
            Err(_) => cluster.get(ids::PODS, &label.namespace, &label.pod).ok(),
        };
        if let Some(object) = object {
            self.index.apply(&object, wall);
        }
    }
}

fn resource(cluster: &Cluster, key: &ObjectKey) -> Option<ResourceId> {
    let version = match key.group.as_str() {
        "" => "v1".to_owned(),
        group => format!("{group}/v1"),
    };
    cluster.resource(&version, &key.kind)
}
