//! The status of every application. What lists show is made once, when a status is published, so that a page of a fleet of ten thousand
//! applications is a walk over a hundred of them; what a stream tells is made once, however many listen.

use super::Pulse;
use crate::notify::lock;
use bytes::Bytes;
use shipper_core::api::{ApplicationCounts, ApplicationSummary, Failing, FleetPods, PodsByState, troubles};
use shipper_core::protocol::ClusterApplication;
use shipper_core::status::{ApplicationStatus, ClusterStatus, DepartureStage, WaitingFor};
use shipper_core::{AppKey, ClusterName};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::watch;

/// The status of an application with what is made of it once.
#[derive(Debug)]
pub struct Published {
    /// The status.
    pub status: Arc<ApplicationStatus>,
    /// The same in a line.
    pub summary: ApplicationSummary,
    /// Its pods that are not well, over all clusters.
    pub troubles: Vec<PodsByState>,
    /// The summary as JSON.
    pub line: Bytes,
    event: OnceLock<Bytes>,
}

/// What stands around the status where it is told as a server-sent event.
const BEFORE: &str = "event: application\ndata: ";
const BEHIND: &str = "\n\n";

impl Published {
    fn of(status: ApplicationStatus) -> Self {
        let summary = ApplicationSummary::of(&status);
        let line = json(&summary);
        let troubles = troubles(&status);
        Self { status: Arc::new(status), summary, troubles, line, event: OnceLock::new() }
    }

    /// The status as a server-sent event; made when it is first asked for.
    pub fn event(&self) -> Bytes {
        let make = || [BEFORE.as_bytes(), &json(&*self.status), BEHIND.as_bytes()].concat().into();
        self.event.get_or_init(make).clone()
    }

    /// The status as JSON.
    pub fn whole(&self) -> Bytes {
        let event = self.event();
        event.slice(BEFORE.len()..event.len() - BEHIND.len())
    }

    /// Whether the application has something in the cluster, and what.
    pub fn within(&self, cluster: &ClusterName) -> Option<&ClusterStatus> {
        let clusters = &self.status.clusters;
        let found = clusters.binary_search_by(|there| there.cluster.cmp(cluster)).ok()?;
        clusters.get(found)
    }
}

fn json<T: serde::Serialize>(value: &T) -> Bytes {
    // These types have string keys only, so this cannot fail.
    let text = serde_json::to_vec(value).unwrap_or_default();
    // What it was written into has room to grow, and these are kept.
    text.into_boxed_slice().into()
}

/// Which applications are asked for: those that fit everything that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationFilter {
    /// Those of one namespace.
    pub namespace: Option<String>,
    /// Those of these namespaces; `None` = of all.
    pub within: Option<BTreeSet<String>>,
    /// Those that have something in a cluster.
    pub cluster: Option<ClusterName>,
    /// Those that wait for this.
    pub waiting: Option<WaitingFor>,
    /// Those whose key, contender or version holds this text, in small letters.
    pub text: Option<String>,
}

impl ApplicationFilter {
    /// Whether the application is asked for.
    pub fn fits(&self, one: &Published) -> bool {
        let summary = &one.summary;
        let holds = |text: &str, part: &str| text.to_lowercase().contains(part);
        self.namespace.as_ref().is_none_or(|namespace| summary.application.namespace == *namespace)
            && self.within.as_ref().is_none_or(|within| within.contains(&summary.application.namespace))
            && self.waiting.is_none_or(|waiting| summary.waiting.state == waiting)
            && self.cluster.as_ref().is_none_or(|cluster| one.within(cluster).is_some())
            && self.text.as_ref().is_none_or(|part| {
                holds(&summary.application.to_string(), part)
                    || summary.contender.as_ref().is_some_and(|name| holds(name.as_str(), part))
                    || summary.version.as_ref().is_some_and(|version| holds(version, part))
            })
    }
}

/// What a cluster has of applications, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClusterLoad {
    /// Applications that have something there.
    pub applications: usize,
    /// Those of them that are on their way out.
    pub leaving: usize,
    /// Those of them that are to leave and cannot [S4].
    pub held: usize,
}

type Map = BTreeMap<AppKey, Arc<Published>>;

/// The status of every application, with a revision that grows whenever one changes.
#[derive(Debug, Default)]
pub struct Statuses {
    boards: RwLock<Boards>,
    /// Those that somebody follows. Locked while `boards` is, never the other way round.
    followed: Mutex<HashMap<AppKey, watch::Sender<Option<Arc<Published>>>>>,
    revision: watch::Sender<u64>,
    pulse: Pulse,
}

#[derive(Debug, Default)]
struct Boards {
    map: Map,
    loads: BTreeMap<ClusterName, ClusterLoad>,
    failing: Failing,
}

impl Boards {
    fn put(&mut self, published: &Arc<Published>) {
        let before = self.map.insert(published.status.application.clone(), published.clone());
        if let Some(before) = before {
            self.weigh(&before, |count| *count = count.saturating_sub(1));
            self.failing.remove(&before.status.application, &before.summary.failing);
        }
        self.weigh(published, |count| *count += 1);
        self.failing.add(&published.status.application, &published.summary.failing);
    }

    fn take(&mut self, application: &AppKey) -> bool {
        let taken = self.map.remove(application);
        if let Some(taken) = &taken {
            self.weigh(taken, |count| *count = count.saturating_sub(1));
            self.failing.remove(application, &taken.summary.failing);
        }
        taken.is_some()
    }

    fn weigh(&mut self, published: &Published, change: impl Fn(&mut usize)) {
        for cluster in &published.status.clusters {
            if !self.loads.contains_key(&cluster.cluster) {
                self.loads.insert(cluster.cluster.clone(), ClusterLoad::default());
            }
            let Some(load) = self.loads.get_mut(&cluster.cluster) else { continue };
            change(&mut load.applications);
            match cluster.departure.as_ref().map(|departure| departure.stage) {
                Some(DepartureStage::Held) => change(&mut load.held),
                Some(DepartureStage::Waiting | DepartureStage::Emptying) => change(&mut load.leaving),
                None => {}
            }
        }
    }
}

impl Statuses {
    /// Empty ones that let `pulse` beat.
    pub fn new(pulse: Pulse) -> Self {
        Self { pulse, ..Self::default() }
    }

    /// Puts the status of an application in the place of its last one.
    pub fn publish(&self, status: ApplicationStatus) {
        if self.get(&status.application).is_some_and(|last| *last == status) {
            return;
        }
        let published = Arc::new(Published::of(status));
        let mut boards = self.boards.write().unwrap_or_else(PoisonError::into_inner);
        boards.put(&published);
        self.tell(&published.status.application, Some(&published));
        drop(boards);
        self.changed();
    }

    /// Drops an application that is neither on `main` nor in the records any more.
    pub fn remove(&self, application: &AppKey) {
        let mut boards = self.boards.write().unwrap_or_else(PoisonError::into_inner);
        let removed = boards.take(application);
        self.tell(application, None);
        drop(boards);
        if removed {
            self.changed();
        }
    }

    /// Drops everything: what was said is not known to be true any more.
    pub fn clear(&self) {
        let mut boards = self.boards.write().unwrap_or_else(PoisonError::into_inner);
        *boards = Boards::default();
        lock(&self.followed).drain().for_each(|(_, follower)| {
            follower.send_replace(None);
        });
        drop(boards);
        self.changed();
    }

    /// One application.
    pub fn get(&self, application: &AppKey) -> Option<Arc<ApplicationStatus>> {
        self.read().map.get(application).map(|published| published.status.clone())
    }

    /// One application, with what is made of it.
    pub fn find(&self, application: &AppKey) -> Option<Arc<Published>> {
        self.read().map.get(application).cloned()
    }

    /// All applications, or those of one namespace, in the order of their keys.
    pub fn list(&self, namespace: Option<&str>) -> Vec<Arc<ApplicationStatus>> {
        let wanted = |one: &&Arc<Published>| namespace.is_none_or(|n| one.status.application.namespace == n);
        self.read().map.values().filter(wanted).map(|one| one.status.clone()).collect()
    }

    /// All applications with what is made of them, in the order of their keys.
    pub fn all(&self) -> Vec<Arc<Published>> {
        self.read().map.values().cloned().collect()
    }

    /// The first `limit` applications behind `after` that are asked for, in the order of their keys, and whether there are more.
    pub fn page(
        &self,
        filter: &ApplicationFilter,
        after: Option<&AppKey>,
        limit: usize,
    ) -> (Vec<Arc<Published>>, bool) {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let boards = self.read();
        let mut found = boards.map.range::<AppKey, _>((begin, Bound::Unbounded)).map(|(_, one)| one);
        let mut wanted = found.by_ref().filter(|one| filter.fits(one));
        let page = wanted.by_ref().take(limit).cloned().collect();
        (page, wanted.next().is_some())
    }

    /// What every cluster has, in numbers.
    pub fn loads(&self) -> BTreeMap<ClusterName, ClusterLoad> {
        self.read().loads.clone()
    }

    /// What `look` makes of the pods that fail, over all applications. Nothing is counted for it: that was done as they changed.
    pub fn look_at_failing<T>(&self, look: impl FnOnce(&Failing) -> T) -> T {
        look(&self.read().failing)
    }

    /// What a cluster has, in the order of the keys.
    pub fn within(&self, cluster: &ClusterName) -> Vec<ClusterApplication> {
        let there = |one: &Arc<Published>| {
            let there = one.within(cluster)?;
            let (application, departure) = (one.status.application.clone(), there.departure.clone());
            Some(ClusterApplication { application, departure })
        };
        self.read().map.values().filter_map(there).collect()
    }

    /// Told whenever a status changes; the value is the revision.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Told whenever one application changes; the value is what it is now, `None` = it is not known, or not any more.
    pub fn follow(&self, application: &AppKey) -> watch::Receiver<Option<Arc<Published>>> {
        let boards = self.read();
        let mut followed = lock(&self.followed);
        if let Some(follower) = followed.get(application) {
            return follower.subscribe();
        }
        let (follower, receiver) = watch::channel(boards.map.get(application).cloned());
        // Of what is not there nobody will be told, so nothing is kept.
        if receiver.borrow().is_some() {
            followed.insert(application.clone(), follower);
        }
        receiver
    }

    fn tell(&self, application: &AppKey, published: Option<&Arc<Published>>) {
        let mut followed = lock(&self.followed);
        let Some(follower) = followed.get(application) else { return };
        if follower.receiver_count() == 0 || published.is_none() {
            follower.send_replace(None);
            followed.remove(application);
        } else {
            follower.send_replace(published.cloned());
        }
    }

    fn changed(&self) {
        self.revision.send_modify(|revision| *revision += 1);
        self.pulse.beat();
    }

    fn read(&self) -> RwLockReadGuard<'_, Boards> {
        self.boards.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Applications in numbers, and their pods.
pub fn totals(applications: &[Arc<Published>]) -> (ApplicationCounts, FleetPods) {
    let mut counts = ApplicationCounts::default();
    let mut pods = FleetPods::default();
    for one in applications {
        counts.total += 1;
        *counts.states.entry(one.summary.state).or_default() += 1;
        *counts.waiting.entry(one.summary.waiting.state).or_default() += 1;
        pods.add(&one.summary.pods, &one.troubles);
    }
    pods.sort();
    (counts, pods)
}

/// The pods of these applications that fail.
pub fn failing(applications: &[Arc<Published>]) -> Failing {
    let mut failing = Failing::default();
    applications.iter().for_each(|one| failing.add(&one.status.application, &one.summary.failing));
    failing
}

/// What every cluster has of these applications, in numbers.
pub fn loads(applications: &[Arc<Published>]) -> BTreeMap<ClusterName, ClusterLoad> {
    let mut boards = Boards::default();
    applications.iter().for_each(|one| boards.put(one));
    boards.loads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn placed(name: &str, clusters: &[(&str, Option<&str>)]) -> ApplicationStatus {
        let mut status = sample::status(&AppKey::new("web", name));
        status.clusters = clusters.iter().map(|(cluster, stage)| sample::cluster(cluster, *stage)).collect();
        status
    }

    fn load(statuses: &Statuses, cluster: &str) -> (usize, usize, usize) {
        let load = statuses.loads().get(&ClusterName::from(cluster)).copied().unwrap_or_default();
        (load.applications, load.leaving, load.held)
    }

    #[test]
    fn what_a_cluster_has_is_counted_through_every_change() {
        let statuses = Statuses::default();
        statuses.publish(placed("shop", &[("eu", None), ("us", Some("held"))]));
        statuses.publish(placed("blog", &[("eu", Some("waiting"))]));
        assert_eq!((load(&statuses, "eu"), load(&statuses, "us")), ((2, 1, 0), (1, 0, 1)));
        statuses.publish(placed("shop", &[("us", Some("emptying"))]));
        assert_eq!((load(&statuses, "eu"), load(&statuses, "us")), ((1, 1, 0), (1, 1, 0)));
        assert_eq!(statuses.within(&ClusterName::from("us")).len(), 1);
        statuses.remove(&AppKey::new("web", "blog"));
        assert_eq!(load(&statuses, "eu"), (0, 0, 0));
        statuses.clear();
        assert_eq!(load(&statuses, "us"), (0, 0, 0));
    }

    #[test]
    fn what_fails_is_counted_through_every_change() {
        let failing = |name: &str, count: u32| {
            let mut status = placed(name, &[("eu", None)]);
            let capacity = serde_json::json!({"rendered": 4, "desired": 4, "replicas": 4, "pods": 4, "ready": 0, "available": 0, "achieved": false});
            let pods = serde_json::json!([{"reason": "CrashLoopBackOff", "count": count, "example": name, "message": ""}]);
            let release =
                serde_json::json!({"name": "r-0", "capacity": capacity, "traffic": null, "pods": pods});
            status.clusters[0].releases.push(serde_json::from_value(release).unwrap());
            status
        };
        let statuses = Statuses::default();
        let told = || {
            let told = statuses.look_at_failing(|failing| failing.worst(9));
            // Counted anew it is the same.
            assert_eq!(told, super::failing(&statuses.all()).worst(9));
            told.iter().map(|one| (one.count, one.applications)).collect::<Vec<_>>()
        };
        statuses.publish(failing("shop", 3));
        statuses.publish(failing("blog", 1));
        assert_eq!(told(), [(4, 2)]);
        statuses.publish(failing("shop", 1));
        assert_eq!(told(), [(2, 2)]);
        statuses.publish(placed("blog", &[("eu", None)]));
        assert_eq!(told(), [(1, 1)]);
        statuses.remove(&AppKey::new("web", "shop"));
        assert_eq!(told(), []);
        statuses.publish(failing("shop", 3));
        statuses.clear();
        assert_eq!(told(), []);
    }

    #[test]
    fn who_follows_one_application_is_told_of_it_alone_and_of_its_end() {
        let statuses = Statuses::default();
        statuses.publish(placed("shop", &[]));
        let mut shop = statuses.follow(&AppKey::new("web", "shop"));
        let again = statuses.follow(&AppKey::new("web", "shop"));
        assert!(shop.borrow_and_update().is_some());
        statuses.publish(placed("blog", &[]));
        statuses.publish(placed("shop", &[]));
        assert!(!shop.has_changed().unwrap(), "nothing about it changed");
        statuses.publish(placed("shop", &[("eu", None)]));
        assert_eq!(shop.borrow_and_update().as_ref().unwrap().summary.clusters.total, 1);
        assert!(Arc::ptr_eq(shop.borrow().as_ref().unwrap(), again.borrow().as_ref().unwrap()));
        statuses.remove(&AppKey::new("web", "shop"));
        assert!(shop.borrow_and_update().is_none());
        assert!(statuses.follow(&AppKey::new("web", "shop")).borrow().is_none());
    }
}
