//! Deployments: one ReplicaSet per template, moved from the old to the new, and the status of it all.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Controller, rollout};
use crate::api::{DeleteOptions, Subresource};
use crate::cluster::Cluster;
use crate::object;
use crate::queue::Event;
use crate::resource::ids;
use crate::store::{Key, Object};

const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";

/// The ReplicaSets of a Deployment, as the controller sees them.
pub(super) struct Sets {
    pub(super) new: Option<Object>,
    pub(super) old: Vec<Object>,
}

pub(super) fn replicas(set: &Value) -> i64 {
    object::number(set, "/spec/replicas").unwrap_or_default()
}

fn status(set: &Value, field: &str) -> i64 {
    set["status"][field].as_i64().unwrap_or_default()
}

pub(super) fn reconcile(cluster: &mut Cluster, key: &Key) {
    let Some(deployment) = cluster.controllers.get(Controller::Deployment, ids::DEPLOYMENTS, key).cloned()
    else {
        return;
    };
    let mut sets = find(cluster, &deployment);
    if !object::is_deleting(&deployment) {
        let paused = deployment["spec"]["paused"] == Value::Bool(true);
        if sets.new.is_none() && !paused {
            sets.new = create(cluster, &deployment, &sets.old);
        }
        let moved = if paused {
            rollout::scale_only(cluster, &deployment, &sets)
        } else {
            annotate_revision(cluster, &deployment, &mut sets);
            rollout::step(cluster, &deployment, &sets)
        };
        if !moved && !paused {
            clean_up(cluster, &deployment, &sets);
        }
    }
    let sets = refresh(cluster, sets);
    report(cluster, key, &deployment, &sets);
}

/// The sets as they are stored now, so that the status counts what this pass has just asked for.
fn refresh(cluster: &Cluster, sets: Sets) -> Sets {
    let latest = |set: Object| cluster.store.get(ids::REPLICA_SETS, &Key::of(&set)).cloned().unwrap_or(set);
    Sets { new: sets.new.map(latest), old: sets.old.into_iter().map(latest).collect() }
}

fn find(cluster: &Cluster, deployment: &Value) -> Sets {
    let mut sets = Sets { new: None, old: Vec::new() };
    let wanted = &deployment["spec"]["template"];
    for set in
        cluster.controllers.within(Controller::Deployment, ids::REPLICA_SETS, object::namespace(deployment))
    {
        if object::controller_of(&set).is_none_or(|o| o["uid"] != deployment["metadata"]["uid"]) {
            continue;
        }
        if sets.new.is_none() && is_same(wanted, &set["spec"]["template"]) {
            sets.new = Some(set);
        } else {
            sets.old.push(set);
        }
    }
    sets.old.sort_by_key(|s| {
        (object::annotation(s, REVISION).parse::<i64>().unwrap_or_default(), object::name(s).to_owned())
    });
    sets
}

/// Whether two templates differ in nothing but what [`normalise`] takes out; most differ in their specs.
fn is_same(a: &Value, b: &Value) -> bool {
    let normal = |template: &Value| {
        let mut template = json!({"metadata": template["metadata"]});
        normalise(&mut template);
        template
    };
    a["spec"] == b["spec"] && normal(a) == normal(b)
}

fn normalise(template: &mut Value) {
    let metadata = object::child(template, "metadata");
    object::remove(metadata, "creationTimestamp");
    if let Some(labels) = metadata.get_mut("labels") {
        object::remove(labels, HASH);
    }
}

/// FNV-1a over the value with sorted keys.
fn digest(value: &Value, hash: &mut u64) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            for key in keys {
                fold(hash, key.as_bytes());
                digest(&map[key], hash);
            }
        }
        Value::Array(list) => list.iter().for_each(|item| digest(item, hash)),
        other => fold(hash, other.to_string().as_bytes()),
    }
    fold(hash, &[0]);
}

fn fold(hash: &mut u64, bytes: &[u8]) {
    for byte in bytes {
        *hash = (*hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
}

fn template_hash(template: &Value) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut template = template.clone();
    normalise(&mut template);
    let mut hash = 0xcbf2_9ce4_8422_2325;
    digest(&template, &mut hash);
    (0..10)
        .map(|_| {
            let c = char::from(ALPHABET[(hash % 27) as usize]);
            hash /= 27;
            c
        })
        .collect()
}

fn create(cluster: &mut Cluster, deployment: &Value, old: &[Object]) -> Option<Object> {
    let spec = &deployment["spec"];
    let hash = template_hash(&spec["template"]);
    let mut template = spec["template"].clone();
    object::child(object::child(&mut template, "metadata"), "labels")[HASH] = json!(hash);
    let mut selector = spec["selector"].clone();
    object::child(&mut selector, "matchLabels")[HASH] = json!(hash);
    let mut labels = template["metadata"]["labels"].clone();
    labels[HASH] = json!(hash);
    let mut annotations = json!({});
    for (key, value) in
        deployment.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten()
    {
        if key != "kubectl.kubernetes.io/last-applied-configuration"
            && !key.starts_with("deployment.kubernetes.io/")
        {
            annotations[key] = value.clone();
        }
    }
    annotations[REVISION] = json!(next_revision(old).to_string());
    let wanted = replicas(deployment);
    annotations["deployment.kubernetes.io/desired-replicas"] = json!(wanted.to_string());
    annotations["deployment.kubernetes.io/max-replicas"] =
        json!((wanted + rollout::max_surge(deployment)).to_string());
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", object::name(deployment)),
            "namespace": object::namespace(deployment),
            "labels": labels, "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": object::name(deployment),
                "uid": object::uid(deployment), "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "replicas": rollout::new_size(deployment, None, old),
            "selector": selector, "template": template,
        },
    });
    if let Some(wait) = spec.get("minReadySeconds") {
        set["spec"]["minReadySeconds"] = wait.clone();
    }
    match cluster.system_create(ids::REPLICA_SETS, set) {
        Ok(set) => Some(set),
        Err(error) => {
            if error.reason != "AlreadyExists" {
                super::retry(cluster, Controller::Deployment, &Key::of(deployment));
            }
            None
        }
    }
}

fn revision(object: &Value) -> i64 {
    object::annotation(object, REVISION).parse().unwrap_or_default()
}

fn next_revision(old: &[Object]) -> i64 {
    old.iter().map(|s| revision(s)).max().unwrap_or_default() + 1
}

fn annotate_revision(cluster: &mut Cluster, deployment: &Object, sets: &mut Sets) {
    let Some(set) = sets.new.clone() else { return };
    let newest = sets.old.iter().map(|s| revision(s)).max().unwrap_or_default();
    if revision(&set) <= newest {
        let mut new = (*set).clone();
        object::child(&mut new["metadata"], "annotations")[REVISION] = json!((newest + 1).to_string());
        if let Ok(set) = cluster.system_update(ids::REPLICA_SETS, &set, new, Subresource::None) {
            sets.new = Some(set);
        }
    }
    let wanted = sets.new.as_ref().map(|s| revision(s)).unwrap_or_default();
    if revision(deployment) != wanted {
        let mut new = (**deployment).clone();
        object::child(&mut new["metadata"], "annotations")[REVISION] = json!(wanted.to_string());
        // On a conflict the newer Deployment is on its way to the view.
        let _ = cluster.system_update(ids::DEPLOYMENTS, deployment, new, Subresource::None);
    }
}

fn clean_up(cluster: &mut Cluster, deployment: &Value, sets: &Sets) {
    let limit = object::number(deployment, "/spec/revisionHistoryLimit").unwrap_or(10);
    let idle: Vec<&Object> = sets
        .old
        .iter()
        .filter(|s| replicas(s) == 0 && status(s, "replicas") == 0 && !object::is_deleting(s))
        .collect();
    let surplus = idle.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    for set in &idle[..surplus] {
        let options = DeleteOptions { uid: Some(object::uid(set).to_owned()), ..DeleteOptions::default() };
        // Gone already is as good.
        let _ = cluster.do_delete(ids::REPLICA_SETS, &Key::of(set), &options);
    }
}

fn report(cluster: &mut Cluster, key: &Key, seen: &Object, sets: &Sets) {
    // The revision may just have been written: the status goes on top of that, if nothing else has happened.
    let Some(deployment) = cluster.store.get(ids::DEPLOYMENTS, key).cloned() else { return };
    if object::generation(&deployment) != object::generation(seen)
        || object::uid(&deployment) != object::uid(seen)
    {
        return;
    }
    let all = || sets.old.iter().chain(&sets.new);
    let sum = |field: &str| all().map(|s| status(s, field)).sum::<i64>();
    let wanted = replicas(&deployment);
    let (total, ready, available) = (sum("replicas"), sum("readyReplicas"), sum("availableReplicas"));
    let updated = sets.new.as_ref().map(|s| status(s, "replicas")).unwrap_or_default();
    let unavailable = (all().map(|s| replicas(s)).sum::<i64>() - available).max(0);
    let mut next = json!({"observedGeneration": object::generation(&deployment)});
    for (field, count) in [
        ("replicas", total),
        ("updatedReplicas", updated),
        ("readyReplicas", ready),
        ("availableReplicas", available),
        ("unavailableReplicas", unavailable),
    ] {
        if count > 0 {
            next[field] = json!(count);
        }
    }
    let mut conditions: Vec<Value> = object::items(&deployment, "/status/conditions").to_vec();
    let enough = available >= wanted - rollout::max_unavailable(&deployment);
    let (is, reason, message) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    set_condition(cluster, &mut conditions, "Available", is, reason, message);
    progress(cluster, key, &deployment, sets, &next, &mut conditions);
    let failure = all()
        .flat_map(|s| object::items(s, "/status/conditions"))
        .find(|c| c["type"] == "ReplicaFailure" && c["status"] == "True")
        .cloned();
    match failure {
        Some(f) => {
            let text = |k: &str| f[k].as_str().unwrap_or_default().to_owned();
            set_condition(
                cluster,
                &mut conditions,
                "ReplicaFailure",
                "True",
                &text("reason"),
                &text("message"),
            );
        }
        None => conditions.retain(|c| c["type"] != "ReplicaFailure"),
    }
    next["conditions"] = json!(conditions);
    if let Some(count) = deployment["status"].get("collisionCount") {
        next["collisionCount"] = count.clone();
    }
    if deployment["status"] == next {
        return;
    }
    let mut new = (*deployment).clone();
    new["status"] = next;
    // It has just been read: nothing can have come between.
    let _ = cluster.system_update(ids::DEPLOYMENTS, &deployment, new, Subresource::Status);
}

fn progress(
    cluster: &mut Cluster,
    key: &Key,
    deployment: &Value,
    sets: &Sets,
    next: &Value,
    conditions: &mut Vec<Value>,
) {
    let wanted = replicas(deployment);
    let count = |v: &Value, field: &str| v[field].as_i64().unwrap_or_default();
    let old = &deployment["status"];
    let name = sets.new.as_ref().map(|s| object::name(s).to_owned()).unwrap_or_default();
    let complete = count(next, "updatedReplicas") == wanted
        && count(next, "replicas") == wanted
        && count(next, "availableReplicas") == wanted;
    let advanced = count(next, "updatedReplicas") > count(old, "updatedReplicas")
        || count(next, "replicas") - count(next, "updatedReplicas")
            < count(old, "replicas") - count(old, "updatedReplicas")
        || count(next, "readyReplicas") > count(old, "readyReplicas")
        || count(next, "availableReplicas") > count(old, "availableReplicas");
    let current = conditions.iter().find(|c| c["type"] == "Progressing").cloned();
    let reason = current.as_ref().and_then(|c| c["reason"].as_str()).unwrap_or_default().to_owned();
    let settled =
        reason == "NewReplicaSetAvailable" && count(next, "replicas") == count(next, "updatedReplicas");
    let this_one = current
        .as_ref()
        .and_then(|c| c["message"].as_str())
        .is_some_and(|m| m.contains(&format!("\"{name}\"")));
    if complete {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        set_condition(cluster, conditions, "Progressing", "True", "NewReplicaSetAvailable", &message);
    } else if current.is_none() || (!this_one && !name.is_empty()) {
        let message = format!("Created new replica set \"{name}\"");
        set_condition(cluster, conditions, "Progressing", "True", "NewReplicaSetCreated", &message);
        remind(cluster, key, deployment);
    } else if settled && this_one {
        // A complete Deployment that is only being scaled keeps saying so.
    } else if advanced {
        let message = format!("ReplicaSet \"{name}\" is progressing.");
        conditions.retain(|c| c["type"] != "Progressing" || c["status"] == "True");
        set_condition(cluster, conditions, "Progressing", "True", "ReplicaSetUpdated", &message);
        if let Some(c) = conditions.iter_mut().find(|c| c["type"] == "Progressing") {
            c["lastUpdateTime"] = json!(cluster.stamp());
        }
        remind(cluster, key, deployment);
    } else if reason != "ProgressDeadlineExceeded" {
        let since = current
            .as_ref()
            .and_then(|c| c["lastUpdateTime"].as_str())
            .and_then(|t| t.parse::<jiff::Timestamp>().ok());
        let limit = object::number(deployment, "/spec/progressDeadlineSeconds").unwrap_or(600);
        if since.is_some_and(|s| s.as_second() + limit <= cluster.timestamp().as_second()) {
            let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
            set_condition(cluster, conditions, "Progressing", "False", "ProgressDeadlineExceeded", &message);
        }
    }
}

fn remind(cluster: &mut Cluster, key: &Key, deployment: &Value) {
    let limit = object::number(deployment, "/spec/progressDeadlineSeconds").unwrap_or(600);
    let after = Duration::from_secs(u64::try_from(limit).unwrap_or_default() + 1);
    cluster.schedule(after, Event::Requeue(Controller::Deployment, key.clone()));
}

fn set_condition(
    cluster: &Cluster,
    conditions: &mut Vec<Value>,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
) {
    let now = cluster.stamp();
    match conditions.iter_mut().find(|c| c["type"] == *kind) {
        Some(c) if c["status"] == *status && c["reason"] == *reason && c["message"] == *message => {}
        Some(c) => {
            if c["status"] != *status {
                c["lastTransitionTime"] = json!(now);
            }
            c["status"] = json!(status);
            c["reason"] = json!(reason);
            c["message"] = json!(message);
            c["lastUpdateTime"] = json!(now);
        }
        None => conditions.push(json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastUpdateTime": now, "lastTransitionTime": now,
        })),
    }
}
