//! The garbage collector: dependents follow their owners.

use serde_json::json;

use crate::api::{DeleteOptions, Propagation, Subresource};
use crate::cluster::Cluster;
use crate::object;
use crate::queue::Event;
use crate::resource::ResourceId;
use crate::store::{Change, ChangeKind, Key};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

pub(super) fn observe(cluster: &mut Cluster, id: ResourceId, change: &Change) {
    let owners = object::items(&change.object, "/metadata/ownerReferences");
    let mut events = Vec::new();
    if change.kind == ChangeKind::Deleted {
        let uid = object::uid(&change.object);
        if !cluster.store.dependents(uid).is_empty() {
            events.push(Event::Orphaned(uid.to_owned()));
        }
        // An owner in the foreground may have waited for this one.
        for uid in owners.iter().filter_map(|o| o["uid"].as_str()) {
            if let Some((id, key)) = cluster.store.by_uid(uid).cloned()
                && cluster.store.get(id, &key).is_some_and(|o| object::is_deleting(o))
            {
                events.push(Event::Collect(id, key));
            }
        }
    } else if !owners.is_empty()
        && change
            .previous
            .as_ref()
            .is_none_or(|p| p["metadata"]["ownerReferences"] != change.object["metadata"]["ownerReferences"])
    {
        events.push(Event::Collect(id, change.key.clone()));
    }
    for event in events {
        let delay = cluster.options.collect.draw(&mut cluster.rng);
        cluster.schedule(delay, event);
    }
}

pub(super) fn orphaned(cluster: &mut Cluster, uid: &str) {
    for (id, key) in cluster.store.dependents(uid) {
        collect(cluster, id, &key);
    }
}

pub(super) fn collect(cluster: &mut Cluster, id: ResourceId, key: &Key) {
    let Some(object) = cluster.store.get(id, key).cloned() else { return };
    let owners = object::items(&object, "/metadata/ownerReferences");
    if !owners.is_empty() && !object::is_deleting(&object) {
        let alive: Vec<_> = owners
            .iter()
            .filter(|o| o["uid"].as_str().is_some_and(|uid| cluster.store.by_uid(uid).is_some()))
            .cloned()
            .collect();
        if alive.is_empty() {
            let options = DeleteOptions {
                uid: Some(object::uid(&object).to_owned()),
                propagation: Some(Propagation::Background),
                ..DeleteOptions::default()
            };
            // Gone already is as good.
            let _ = cluster.do_delete(id, key, &options);
            return;
        }
        if alive.len() < owners.len() {
            let mut new = (*object).clone();
            new["metadata"]["ownerReferences"] = json!(alive);
            let _ = cluster.system_update(id, &object, new, Subresource::None);
            return;
        }
    }
    if object::is_deleting(&object) {
        finalize(cluster, id, key);
    }
}

fn finalize(cluster: &mut Cluster, id: ResourceId, key: &Key) {
    let Some(object) = cluster.store.get(id, key).cloned() else { return };
    let finalizers = object::finalizers(&object);
    let dependents = cluster.store.dependents(object::uid(&object));
    let done = if finalizers.contains(&FOREGROUND) {
        let mut waiting = false;
        for (id, key) in dependents {
            let Some(dependent) = cluster.store.get(id, &key).cloned() else { continue };
            let blocks = object::items(&dependent, "/metadata/ownerReferences")
                .iter()
                .any(|o| o["uid"] == object["metadata"]["uid"] && o["blockOwnerDeletion"] == true);
            if !object::is_deleting(&dependent) {
                let more = !cluster.store.dependents(object::uid(&dependent)).is_empty();
                let propagation = if more { Propagation::Foreground } else { Propagation::Background };
                let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
                let _ = cluster.do_delete(id, &key, &options);
            }
            waiting |= blocks && cluster.store.get(id, &key).is_some();
        }
        if waiting { None } else { Some(FOREGROUND) }
    } else if finalizers.contains(&ORPHAN) {
        for (id, key) in dependents {
            let Some(dependent) = cluster.store.get(id, &key).cloned() else { continue };
            let mut new = (*dependent).clone();
            if let Some(list) = new["metadata"]["ownerReferences"].as_array_mut() {
                list.retain(|o| o["uid"] != object["metadata"]["uid"]);
            }
            let _ = cluster.system_update(id, &dependent, new, Subresource::None);
        }
        Some(ORPHAN)
    } else {
        None
    };
    let Some(done) = done else { return };
    let mut new = (*object).clone();
    if let Some(list) = new["metadata"]["finalizers"].as_array_mut() {
        list.retain(|f| f != done);
    }
    let _ = cluster.system_update(id, &object, new, Subresource::None);
}
