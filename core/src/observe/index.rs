//! The index: objects in, per-application views out. It has no client; its inputs are `apply`, `delete` and `reset`.

use super::{Live, NamespaceState, Observed, Pod, Repairs, Slice, View, WriteFailure, at};
use crate::converge::applyset_id;
use crate::manifest::ObjectKey;
use crate::{AppKey, labels};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Applications whose view changed.
pub type Changed = BTreeSet<AppKey>;

/// Everything seen in one cluster.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// By ApplySet ID, which is on every object; the application's key cannot be read off a cluster-scoped one.
    sets: HashMap<String, Observed>,
    /// The applications that are asked for.
    registered: HashMap<String, AppKey>,
    /// ApplySet IDs of applications that were asked for: computing one is a hash, and every pod's event needs it.
    ids: HashMap<AppKey, String>,
    namespaces: BTreeMap<String, NamespaceState>,
}

impl Index {
    /// An index that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an application known: changes of its objects are told from now on. What was seen of it before is kept.
    pub fn register(&mut self, app: &AppKey) {
        let id = self.ids.entry(app.clone()).or_insert_with(|| applyset_id(app)).clone();
        let state = self.namespaces.get(&app.namespace).copied();
        self.sets.entry(id.clone()).or_default().namespace = state.unwrap_or_default();
        self.registered.insert(id, app.clone());
    }

    /// Changes of the application are no longer told.
    pub fn unregister(&mut self, app: &AppKey) {
        self.registered.remove(&self.id_of(app));
        self.ids.remove(app);
    }

    /// The applications that are asked for.
    pub fn registered(&self) -> impl Iterator<Item = &AppKey> {
        self.registered.values()
    }

    /// What is seen of an application.
    pub fn observed(&self, app: &AppKey) -> Option<&Observed> {
        self.sets.get(&self.id_of(app))
    }

    fn id_of(&self, app: &AppKey) -> String {
        self.ids.get(app).cloned().unwrap_or_else(|| applyset_id(app))
    }

    /// The ApplySet an object is filed under: its label, or for pods (whose template does not carry it) the application's.
    fn set_of(&self, object: &Value, key: &ObjectKey) -> Option<String> {
        let labels = object.get("metadata")?.get("labels")?;
        if key.is("", "Pod") {
            let name = labels.get(labels::APPLICATION)?.as_str()?;
            return Some(self.id_of(&AppKey::new(key.namespace.clone()?, name)));
        }
        labels.get(labels::APPLYSET_PART_OF)?.as_str().map(str::to_owned)
    }

    /// An object was added or changed. An older version than the one already seen is ignored, so that an answer to a write
    /// and the watch may come in any order. Returns the application it belongs to, if that is asked for and its view changed.
    pub fn apply(&mut self, object: &Value, now: Timestamp) -> Option<AppKey> {
        let key = ObjectKey::of(object)?;
        if key.is("", "Namespace") {
            let phase = at(object, "/status/phase").and_then(Value::as_str);
            let state = if phase == Some("Terminating") {
                NamespaceState::Terminating
            } else {
                NamespaceState::Active
            };
            self.set_namespace(&key.name, state);
        }
        let id = self.set_of(object, &key)?;
        let observed = self.sets.entry(id.clone()).or_default();
        let changed = match (key.group.as_str(), key.kind.as_str()) {
            ("", "Pod") => apply_pod(observed, object, now),
            ("discovery.k8s.io", "EndpointSlice") => apply_slice(observed, key.name, object, now),
            _ => apply_live(observed, key, object, now),
        };
        if changed { self.registered.get(&id).cloned() } else { None }
    }

    /// An object is gone.
    pub fn delete(&mut self, object: &Value, now: Timestamp) -> Option<AppKey> {
        let key = ObjectKey::of(object)?;
        if key.is("", "Namespace") {
            self.set_namespace(&key.name, NamespaceState::Missing);
        }
        let id = self.set_of(object, &key)?;
        let uid = at(object, "/metadata/uid").and_then(Value::as_str);
        let observed = self.sets.get_mut(&id)?;
        let changed = remove(observed, &key, uid, now);
        if changed { self.registered.get(&id).cloned() } else { None }
    }

    /// A watch listed a kind anew: what is not in the list is gone.
    pub fn reset<'a>(
        &mut self,
        group: &str,
        kind: &str,
        objects: impl IntoIterator<Item = &'a Value>,
        now: Timestamp,
    ) -> Changed {
        let mut changed = Changed::new();
        let mut seen: HashMap<String, BTreeSet<String>> = HashMap::new();
        let mut namespaces = BTreeSet::new();
        for object in objects {
            changed.extend(self.apply(object, now));
            let Some(key) = ObjectKey::of(object) else { continue };
            if let Some(id) = self.set_of(object, &key) {
                seen.entry(id).or_default().insert(qualified(&key));
            }
            namespaces.insert(key.name);
        }
        if (group, kind) == ("", "Namespace") {
            let known: Vec<String> = self
                .namespaces
                .keys()
                .chain(self.registered.values().map(|app| &app.namespace))
                .cloned()
                .collect();
            for name in known {
                if !namespaces.contains(&name) {
                    changed.extend(self.set_namespace(&name, NamespaceState::Missing));
                }
            }
        }
        let none = BTreeSet::new();
        for (id, observed) in &mut self.sets {
            let seen = seen.get(id).unwrap_or(&none);
            let gone: Vec<ObjectKey> =
                keys_of_kind(observed, group, kind).filter(|key| !seen.contains(&qualified(key))).collect();
            let mut touched = false;
            for key in gone {
                touched |= remove(observed, &key, None, now);
            }
            if touched {
                changed.extend(self.registered.get(id).cloned());
            }
        }
        changed
    }

    /// What is known of a namespace; returns the applications in it for which that is news.
    pub fn set_namespace(&mut self, name: &str, state: NamespaceState) -> Changed {
        self.namespaces.insert(name.to_owned(), state);
        let mut changed = Changed::new();
        for (id, app) in &self.registered {
            if app.namespace == name
                && let Some(observed) = self.sets.get_mut(id)
                && observed.namespace != state
            {
                observed.namespace = state;
                changed.insert(app.clone());
            }
        }
        changed
    }

    /// An object of somebody else stands where one of the application should be [C8]. It is forgotten with `delete` or when
    /// it is looked at again.
    pub fn foreign(&mut self, app: &AppKey, object: &Value) {
        if let (Some(key), Some(live)) = (ObjectKey::of(object), Live::of(object)) {
            self.sets.entry(self.id_of(app)).or_default().objects.insert(key, live);
        }
    }

    /// Forgets an object, for example one of somebody else that is no longer there.
    pub fn forget(&mut self, app: &AppKey, key: &ObjectKey) {
        if let Some(observed) = self.sets.get_mut(&self.id_of(app)) {
            observed.objects.remove(key);
        }
    }

    /// The API server has accepted the deletion of an object: it counts as terminating until the watch says that it is gone.
    pub fn deleting(&mut self, app: &AppKey, key: &ObjectKey, uid: &str) {
        let Some(observed) = self.sets.get_mut(&self.id_of(app)) else { return };
        if let Some(live) = observed.objects.get_mut(key).filter(|live| live.uid == uid) {
            live.terminating = true;
            observed.deleting.insert(uid.to_owned());
        }
    }

    /// A write failed.
    pub fn failed(&mut self, app: &AppKey, key: &ObjectKey, failure: WriteFailure) {
        self.sets.entry(self.id_of(app)).or_default().failures.insert(key.clone(), failure);
    }

    /// Who else wrote an object, for [`Self::written`]: to be asked before it is written, for who loses all of its fields is named no more.
    pub fn managers(&self, app: &AppKey, key: &ObjectKey) -> String {
        let live = self.observed(app).and_then(|observed| observed.objects.get(key));
        live.map(|live| live.managers.join(", ")).unwrap_or_default()
    }

    /// A write succeeded. `repaired`: it put back what these had changed.
    pub fn written(&mut self, app: &AppKey, key: &ObjectKey, repaired: Option<&str>, now: Timestamp) {
        let observed = self.sets.entry(self.id_of(app)).or_default();
        observed.failures.remove(key);
        if let Some(by) = repaired {
            let repairs = Repairs::again(observed.repairs.get(key), by, now);
            observed.repairs.retain(|_, repairs| !repairs.forgotten(now));
            observed.repairs.insert(key.clone(), repairs);
        }
    }

    /// A pod was given the traffic label (`serve`), or it was taken away; to be told before the answer is applied. The same once
    /// more is a repair.
    pub fn labelled(&mut self, app: &AppKey, pod: &str, serve: bool, now: Timestamp) {
        let observed = self.sets.get_mut(&self.id_of(app));
        if let Some(pod) = observed.and_then(|observed| observed.pods.get_mut(pod)) {
            pod.labelled(serve, now);
        }
    }
}

/// A name that is unique within an application and kind. Its pods and slices are filed by name alone.
fn qualified(key: &ObjectKey) -> String {
    if key.is("", "Pod") || key.is("discovery.k8s.io", "EndpointSlice") {
        return key.name.clone();
    }
    format!("{}/{}", key.namespace.as_deref().unwrap_or_default(), key.name)
}

fn newer(object: &Value, than: &str) -> bool {
    let version = at(object, "/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
    match (version.parse::<u64>(), than.parse::<u64>()) {
        (Ok(new), Ok(old)) => new > old,
        _ => version != than,
    }
}

fn apply_pod(observed: &mut Observed, object: &Value, now: Timestamp) -> bool {
    let Some(mut pod) = Pod::of(object, now) else { return false };
    if let Some(earlier) = observed.pods.get(&pod.name) {
        if earlier.uid == pod.uid && !newer(object, &earlier.resource_version) {
            return false;
        }
        pod.continue_from(earlier, now);
    }
    observed.pods.insert(pod.name.clone(), pod);
    true
}

fn apply_slice(observed: &mut Observed, name: String, object: &Value, now: Timestamp) -> bool {
    let Some(slice) = Slice::of(object) else { return false };
    let before = observed.slices.insert(name, slice.clone());
    if before.as_ref() == Some(&slice) {
        return false;
    }
    note_leaving(observed, before, now);
    true
}

/// Remembers when pods left the ready addresses of a Service: those that `before` listed and none of its slices lists now.
fn note_leaving(observed: &mut Observed, before: Option<Slice>, now: Timestamp) {
    let Some(Slice { service, ready, .. }) = before else { return };
    let Observed { pods, slices, .. } = observed;
    for name in ready {
        let listed = slices.values().any(|slice| slice.service == service && slice.ready.contains(&name));
        if let Some(pod) = pods.get_mut(&name).filter(|_| !listed) {
            pod.left.insert(service.clone(), now);
        }
    }
}

fn apply_live(observed: &mut Observed, key: ObjectKey, object: &Value, now: Timestamp) -> bool {
    let Some(mut live) = Live::of(object) else { return false };
    // The watch may still have older news of an object whose deletion was accepted.
    live.terminating |= observed.deleting.contains(&live.uid);
    let earlier = observed.objects.get(&key).filter(|earlier| earlier.uid == live.uid);
    if earlier.is_some_and(|earlier| !newer(object, &earlier.resource_version)) {
        return false;
    }
    match &mut live.view {
        View::Deployment(deployment) => deployment.continue_from(earlier.and_then(Live::deployment), now),
        View::Service(service) => service.continue_from(earlier.and_then(Live::service), now),
        _ => {}
    }
    observed.objects.insert(key, live);
    true
}

fn remove(observed: &mut Observed, key: &ObjectKey, uid: Option<&str>, now: Timestamp) -> bool {
    let same = |seen: &str| uid.is_none_or(|uid| uid == seen);
    match (key.group.as_str(), key.kind.as_str()) {
        ("", "Pod") => {
            let found = observed.pods.get(&key.name).is_some_and(|pod| same(&pod.uid));
            if found {
                observed.pods.remove(&key.name);
            }
            found
        }
        ("discovery.k8s.io", "EndpointSlice") => {
            let before = observed.slices.remove(&key.name);
            let found = before.is_some();
            note_leaving(observed, before, now);
            found
        }
        _ => {
            let found = observed.objects.get(key).is_some_and(|live| same(&live.uid));
            if found && let Some(live) = observed.objects.remove(key) {
                note_loss(observed, key, &live, now);
            }
            found
        }
    }
}

/// What we did not delete ourselves was deleted by another, and is a repair when it is made anew [C7].
fn note_loss(observed: &mut Observed, key: &ObjectKey, live: &Live, now: Timestamp) {
    if observed.deleting.remove(&live.uid) {
        return;
    }
    observed.repairs.retain(|_, repairs| !repairs.forgotten(now));
    observed.repairs.entry(key.clone()).or_insert_with(|| Repairs::missing(now));
    if let Some(service) = live.service() {
        observed.former_services.insert(key.clone(), service.clone());
    }
}

fn keys_of_kind<'a>(
    observed: &'a Observed,
    group: &'a str,
    kind: &'a str,
) -> Box<dyn Iterator<Item = ObjectKey> + 'a> {
    let named = move |name: &String, namespace: Option<String>| ObjectKey {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace,
        name: name.clone(),
    };
    match (group, kind) {
        ("", "Pod") => Box::new(observed.pods.keys().map(move |name| named(name, None))),
        ("discovery.k8s.io", "EndpointSlice") => {
            Box::new(observed.slices.keys().map(move |name| named(name, None)))
        }
        _ => Box::new(observed.objects.keys().filter(move |key| key.is(group, kind)).cloned()),
    }
}
