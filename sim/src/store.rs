//! Objects and the log of their changes, under one growing resource version.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::object;
use crate::resource::{Resource, ResourceId, built_in};

/// A stored object; shared, never changed in place.
pub type Object = Arc<Value>;

/// Namespace (empty for cluster-scoped objects) and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Namespace, or empty.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl Key {
    /// A key of these two.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: Arc::from(namespace), name: Arc::from(name) }
    }

    /// The key of an object.
    pub fn of(value: &Value) -> Self {
        Self::new(object::namespace(value), object::name(value))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Created.
    Added,
    /// Changed.
    Modified,
    /// Removed.
    Deleted,
}

/// One entry of the log.
#[derive(Debug, Clone)]
pub struct Change {
    /// Resource version of the change.
    pub version: u64,
    /// Simulated time of the change.
    pub at: Duration,
    /// What happened.
    pub kind: ChangeKind,
    /// To which object.
    pub key: Key,
    /// Its state after the change; for deletions the last one.
    pub object: Object,
    /// Its state before.
    pub previous: Option<Object>,
}

/// The objects of one resource and their recent changes.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) objects: BTreeMap<Key, Object>,
    pub(crate) log: VecDeque<Change>,
    /// Watches and lists from before this version are gone.
    pub(crate) compacted: u64,
}

impl Table {
    /// Objects of a namespace, or all.
    pub(crate) fn within<'a>(
        &'a self,
        namespace: Option<&str>,
    ) -> Box<dyn Iterator<Item = (&'a Key, &'a Object)> + 'a> {
        match namespace {
            None => Box::new(self.objects.iter()),
            Some(namespace) => {
                let from = Key::new(namespace, "");
                let ns = from.namespace.clone();
                Box::new(self.objects.range(from..).take_while(move |(k, _)| k.namespace == ns))
            }
        }
    }
}

/// Everything stored.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) resources: Vec<Arc<Resource>>,
    pub(crate) tables: Vec<Table>,
    pub(crate) version: u64,
    history: usize,
    live: HashMap<String, (ResourceId, Key)>,
    dependents: HashMap<String, BTreeSet<(ResourceId, Key)>>,
}

impl Store {
    pub(crate) fn new(history: usize) -> Self {
        let resources: Vec<Arc<Resource>> = built_in().into_iter().map(Arc::new).collect();
        let tables = resources.iter().map(|_| Table::default()).collect();
        Self { resources, tables, version: 1, history, live: HashMap::new(), dependents: HashMap::new() }
    }

    pub(crate) fn get(&self, id: ResourceId, key: &Key) -> Option<&Object> {
        self.tables[id.0].objects.get(key)
    }

    /// Where the object with this UID is, if it still is.
    pub(crate) fn by_uid(&self, uid: &str) -> Option<&(ResourceId, Key)> {
        self.live.get(uid)
    }

    /// Objects that name this UID as an owner.
    pub(crate) fn dependents(&self, uid: &str) -> Vec<(ResourceId, Key)> {
        self.dependents.get(uid).into_iter().flatten().cloned().collect()
    }

    /// Stores a change and logs it; `object` must already carry its new resource version.
    pub(crate) fn record(
        &mut self,
        id: ResourceId,
        kind: ChangeKind,
        at: Duration,
        object: Object,
    ) -> Change {
        let key = Key::of(&object);
        let table = &mut self.tables[id.0];
        let previous = match kind {
            ChangeKind::Deleted => table.objects.remove(&key),
            _ => table.objects.insert(key.clone(), object.clone()),
        };
        if let Some(previous) = &previous {
            for owner in owners(previous) {
                if let Some(set) = self.dependents.get_mut(owner) {
                    set.remove(&(id, key.clone()));
                    if set.is_empty() {
                        self.dependents.remove(owner);
                    }
                }
            }
        }
        if kind == ChangeKind::Deleted {
            self.live.remove(object::uid(&object));
        } else {
            if kind == ChangeKind::Added {
                self.live.insert(object::uid(&object).to_owned(), (id, key.clone()));
            }
            for owner in owners(&object) {
                self.dependents.entry(owner.to_owned()).or_default().insert((id, key.clone()));
            }
        }
        let change = Change { version: self.version, at, kind, key, object, previous };
        let table = &mut self.tables[id.0];
        table.log.push_back(change.clone());
        while table.log.len() > self.history {
            if let Some(old) = table.log.pop_front() {
                table.compacted = old.version;
            }
        }
        change
    }

    /// Forgets all changes up to now, as etcd's compaction does.
    pub(crate) fn compact(&mut self) {
        let version = self.version;
        for table in &mut self.tables {
            table.log.clear();
            table.compacted = version;
        }
    }

    /// Adds a resource, or replaces one of the same group, version and plural.
    pub(crate) fn add_resource(&mut self, resource: Resource) -> ResourceId {
        let same = |r: &Arc<Resource>| {
            r.group == resource.group && r.version == resource.version && r.plural == resource.plural
        };
        if let Some(index) = self.resources.iter().position(same) {
            self.resources[index] = Arc::new(resource);
            return ResourceId(index);
        }
        self.resources.push(Arc::new(resource));
        let compacted = self.version;
        self.tables.push(Table { compacted, ..Table::default() });
        ResourceId(self.resources.len() - 1)
    }
}

fn owners(object: &Value) -> impl Iterator<Item = &str> {
    object::items(object, "/metadata/ownerReferences").iter().filter_map(|o| o["uid"].as_str())
}
