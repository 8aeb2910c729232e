//! CustomResourceDefinitions: established after a moment, and then served.

use std::time::Duration;

use serde_json::{Value, json};

use super::Controller;
use crate::api::{DeleteOptions, Subresource};
use crate::cluster::Cluster;
use crate::object;
use crate::queue::Event;
use crate::resource::{Resource, ResourceId, ids};
use crate::schema::Schema;
use crate::store::Key;

const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

pub(super) fn reconcile(cluster: &mut Cluster, key: &Key) {
    let Some(definition) = cluster.store.get(ids::DEFINITIONS, key).cloned() else {
        withdraw(cluster, key);
        return;
    };
    if object::is_deleting(&definition) {
        retire(cluster, key);
        return;
    }
    if object::condition(&definition, "Established") == "True" {
        serve(cluster, &definition);
        return;
    }
    if object::condition(&definition, "NamesAccepted").is_empty() {
        let stamp = cluster.stamp();
        let mut new = (*definition).clone();
        new["status"] = json!({
            "acceptedNames": definition["spec"]["names"],
            "storedVersions": object::items(&definition, "/spec/versions").iter()
                .filter(|v| v["storage"] == true).map(|v| v["name"].clone()).collect::<Vec<_>>(),
            "conditions": [
                {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found",
                 "lastTransitionTime": stamp},
                {"type": "Established", "status": "False", "reason": "Installing",
                 "message": "the initial names have been accepted", "lastTransitionTime": stamp},
            ],
        });
        let delay = cluster.options.establish.draw(&mut cluster.rng);
        if cluster.system_update(ids::DEFINITIONS, &definition, new, Subresource::Status).is_ok() {
            cluster.schedule(
                delay.max(Duration::from_nanos(1)),
                Event::Requeue(Controller::Definition, key.clone()),
            );
        }
        return;
    }
    // The change that this pass itself made brings it here at once; the time to establish is kept by that change.
    let since =
        cluster.store.tables[ids::DEFINITIONS.0].log.iter().rev().find(|c| c.key == *key).map(|c| c.at);
    if since.is_some_and(|at| {
        at == cluster.now && !matches!(cluster.options.establish, crate::options::Delay::NONE)
    }) {
        return;
    }
    let mut new = (*definition).clone();
    let stamp = cluster.stamp();
    for condition in new["status"]["conditions"].as_array_mut().into_iter().flatten() {
        if condition["type"] == "Established" {
            *condition = json!({
                "type": "Established", "status": "True", "reason": "InitialNamesAccepted",
                "message": "the initial names have been accepted", "lastTransitionTime": stamp,
            });
        }
    }
    if object::finalizers(&new).is_empty() {
        new["metadata"]["finalizers"] = json!([CLEANUP]);
    }
    serve(cluster, &new);
    cluster.commit(ids::DEFINITIONS, crate::store::ChangeKind::Modified, new);
}

fn serve(cluster: &mut Cluster, definition: &Value) {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let group = text(&spec["group"]);
    for version in object::items(spec, "/versions").iter().filter(|v| v["served"] != false) {
        let subresources = &version["subresources"];
        let resource = Resource {
            group: group.clone(),
            version: text(&version["name"]),
            kind: text(&names["kind"]),
            plural: text(&names["plural"]),
            singular: text(&names["singular"]),
            short_names: object::items(names, "/shortNames").iter().map(text).collect(),
            namespaced: spec["scope"] == "Namespaced",
            status: subresources.get("status").is_some(),
            scale: subresources.get("scale").is_some(),
            generation: true,
            shape: Schema::get().root("", "", ""),
            custom: true,
            served: true,
        };
        cluster.store.add_resource(resource);
    }
}

fn resources_of(cluster: &Cluster, key: &Key) -> Vec<ResourceId> {
    let all = cluster.store.resources.iter().enumerate();
    all.filter(|(_, r)| r.custom && r.qualified() == *key.name).map(|(index, _)| ResourceId(index)).collect()
}

/// Deletes the objects first, then lets the definition go.
fn retire(cluster: &mut Cluster, key: &Key) {
    let mut left = false;
    for id in resources_of(cluster, key) {
        let keys: Vec<Key> = cluster.store.tables[id.0].objects.keys().cloned().collect();
        for key in keys {
            let _ = cluster.do_delete(id, &key, &DeleteOptions::default());
            left |= cluster.store.get(id, &key).is_some();
        }
    }
    if left {
        cluster.schedule(Duration::from_millis(100), Event::Requeue(Controller::Definition, key.clone()));
        return;
    }
    let Some(definition) = cluster.store.get(ids::DEFINITIONS, key).cloned() else { return };
    let mut new = (*definition).clone();
    if let Some(list) = new["metadata"]["finalizers"].as_array_mut() {
        list.retain(|f| f != CLEANUP);
    }
    let _ = cluster.system_update(ids::DEFINITIONS, &definition, new, Subresource::None);
}

fn withdraw(cluster: &mut Cluster, key: &Key) {
    for id in resources_of(cluster, key) {
        let mut resource = (*cluster.store.resources[id.0]).clone();
        resource.served = false;
        cluster.store.resources[id.0] = std::sync::Arc::new(resource);
    }
}
