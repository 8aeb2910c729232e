//! The objects that are in force, by name, and who refers to whom.

use shipper_core::intent::{Application, Cluster, Object, Strategy, UnreadableBlock};
use shipper_core::plan::{ClusterInfo, Fleet};
use shipper_core::{AppKey, ClusterName};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

/// What an object is called, whichever file it is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ObjectName {
    Application(AppKey),
    Strategy(String),
    Cluster(ClusterName),
    Block { namespace: Option<String>, name: String },
}

impl ObjectName {
    pub(super) fn of(object: &Object) -> Self {
        match object {
            Object::Application(application) => Self::Application(application.key()),
            Object::Strategy(strategy) => Self::Strategy(strategy.metadata.name.clone()),
            Object::Cluster(cluster) => Self::Cluster(cluster.metadata.name.as_str().into()),
            Object::RolloutBlock(block) => {
                Self::Block { namespace: block.metadata.namespace.clone(), name: block.metadata.name.clone() }
            }
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(key) => write!(f, "Application {key}"),
            Self::Strategy(name) => write!(f, "Strategy {name}"),
            Self::Cluster(name) => write!(f, "Cluster {name}"),
            Self::Block { namespace: Some(namespace), name } => write!(f, "RolloutBlock {namespace}/{name}"),
            Self::Block { namespace: None, name } => write!(f, "RolloutBlock {name}"),
        }
    }
}

/// The objects in force: the last good version of every file that names its object alone.
#[derive(Debug, Default)]
pub struct Objects {
    /// Each is an application.
    applications: BTreeMap<AppKey, Arc<Object>>,
    strategies: BTreeMap<String, Arc<Strategy>>,
    fleet: Fleet,
    strategy_users: HashMap<String, BTreeSet<AppKey>>,
    /// Clusters that are missing on `main` and stay in force as they last were, but for new applications [X2].
    missing_clusters: BTreeSet<ClusterName>,
}

impl Objects {
    /// An application.
    pub fn application(&self, key: &AppKey) -> Option<&Application> {
        self.applications.get(key).and_then(|object| application(object))
    }

    /// All applications.
    pub fn applications(&self) -> impl Iterator<Item = (&AppKey, &Application)> {
        self.applications.iter().filter_map(|(key, object)| Some((key, application(object)?)))
    }

    /// A shared strategy.
    pub fn strategy(&self, name: &str) -> Option<&Arc<Strategy>> {
        self.strategies.get(name)
    }

    /// The clusters.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Clusters that are missing on `main` and stay in force until their removal is confirmed [X2].
    pub fn missing_clusters(&self) -> &BTreeSet<ClusterName> {
        &self.missing_clusters
    }

    /// Puts the last versions of clusters that are missing in force, and says which are removed; whether that is news.
    pub(super) fn settle_clusters(
        &mut self,
        missing: BTreeMap<ClusterName, Cluster>,
        removed: BTreeSet<ClusterName>,
    ) -> bool {
        let names: BTreeSet<ClusterName> = missing.keys().cloned().collect();
        let lapsed: Vec<ClusterName> = self.missing_clusters.difference(&names).cloned().collect();
        let news = names != self.missing_clusters || removed != self.fleet.removed;
        for name in lapsed.iter().filter(|name| removed.contains(*name)) {
            self.fleet.clusters.remove(name);
        }
        for (name, mut cluster) in missing {
            // What is on its way out takes nothing new in.
            cluster.spec.scheduler.unschedulable = true;
            self.set_cluster(&name, &cluster);
        }
        self.missing_clusters = names;
        self.fleet.removed = removed;
        news
    }

    /// The applications whose `strategyRef` is `name`.
    pub(super) fn users_of_strategy(&self, name: &str) -> impl Iterator<Item = &AppKey> {
        self.strategy_users.get(name).into_iter().flatten()
    }

    /// Puts `object` in force under `name`, or nothing any more.
    pub(super) fn set(&mut self, name: &ObjectName, kept: Option<&Arc<Object>>) {
        match (name, kept.map(AsRef::as_ref)) {
            (ObjectName::Application(key), _) => self.set_application(key, kept),
            (ObjectName::Strategy(name), Some(Object::Strategy(strategy))) => {
                self.strategies.insert(name.clone(), Arc::new(strategy.clone()));
            }
            (ObjectName::Strategy(name), _) => drop(self.strategies.remove(name)),
            (ObjectName::Cluster(name), Some(Object::Cluster(cluster))) => self.set_cluster(name, cluster),
            (ObjectName::Cluster(name), _) => drop(self.fleet.clusters.remove(name)),
            (ObjectName::Block { namespace, name }, Some(Object::RolloutBlock(block))) => {
                self.fleet.blocks.insert((namespace.clone(), name.clone()), block.clone());
            }
            (ObjectName::Block { namespace, name }, _) => {
                self.fleet.blocks.remove(&(namespace.clone(), name.clone()));
            }
        }
    }

    /// Says which block files cannot be read.
    pub(super) fn set_unreadable_blocks(&mut self, blocks: BTreeMap<String, UnreadableBlock>) {
        self.fleet.unreadable_blocks = blocks;
    }

    fn set_cluster(&mut self, name: &ClusterName, cluster: &Cluster) {
        self.fleet.clusters.insert(name.clone(), ClusterInfo { cluster: cluster.clone() });
    }

    fn set_application(&mut self, key: &AppKey, object: Option<&Arc<Object>>) {
        let object = object.filter(|object| application(object).is_some());
        let old = match object {
            Some(object) => self.applications.insert(key.clone(), Arc::clone(object)),
            None => self.applications.remove(key),
        };
        let strategy =
            |object: Option<&Arc<Object>>| application(object?)?.spec.template.strategy_ref.clone();
        if let Some(name) = strategy(old.as_ref())
            && let Some(users) = self.strategy_users.get_mut(&name)
        {
            users.remove(key);
        }
        if let Some(name) = strategy(object) {
            self.strategy_users.entry(name).or_default().insert(key.clone());
        }
    }
}

fn application(object: &Object) -> Option<&Application> {
    match object {
        Object::Application(application) => Some(application),
        _ => None,
    }
}
