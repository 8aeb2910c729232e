//! ReplicaSets: as many pods as wanted, and the documented order when there are too many.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::seq::SliceRandom;
use serde_json::{Value, json};

use super::{Controller, retry};
use crate::api::{DeleteOptions, Subresource};
use crate::cluster::Cluster;
use crate::object;
use crate::queue::Event;
use crate::resource::ids;
use crate::selector::LabelSelector;
use crate::store::{ChangeKind, Key, Object};

const POD_DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Creations and deletions (by pod UID) that this controller has made and its view does not show yet.
#[derive(Debug, Default)]
pub(crate) struct Expectations {
    created: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

/// Notes that the view shows a pod coming or going.
pub(super) fn fulfil(cluster: &mut Cluster, kind: ChangeKind, pod: &Value) {
    let Some(owner) = object::controller_of(pod) else { return };
    let key = Key::new(object::namespace(pod), owner["name"].as_str().unwrap_or_default());
    if let Some(expected) = cluster.controllers.expectations.get_mut(&key) {
        expected.created.remove(object::uid(pod));
        if kind == ChangeKind::Deleted || object::is_deleting(pod) {
            expected.deleted.remove(object::uid(pod));
        }
    }
}

/// ReplicaSets that would take a pod without an owner.
pub(super) fn adopters(cluster: &Cluster, key: &Key, pod: &Value) -> Vec<Key> {
    let sets = cluster.controllers.within(Controller::ReplicaSet, ids::REPLICA_SETS, &key.namespace);
    sets.iter()
        .filter(|set| LabelSelector::from_object(&set["spec"]["selector"]).matches(object::labels(pod)))
        .map(|set| Key::of(set))
        .collect()
}

fn is_active(pod: &Value) -> bool {
    !object::is_deleting(pod) && !matches!(object::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

pub(super) fn reconcile(cluster: &mut Cluster, key: &Key) {
    let Some(set) = cluster.controllers.get(Controller::ReplicaSet, ids::REPLICA_SETS, key).cloned() else {
        cluster.controllers.expectations.remove(key);
        cluster.controllers.backoff.remove(key);
        return;
    };
    let pods = claim(cluster, &set);
    let settled = cluster
        .controllers
        .expectations
        .get(key)
        .is_none_or(|e| e.created.is_empty() && e.deleted.is_empty());
    let mut failure = None;
    if settled && !object::is_deleting(&set) {
        failure = manage(cluster, key, &set, &pods);
    }
    report(cluster, key, &set, &pods, failure);
}

/// The active pods of a set; matching orphans are adopted, those that stopped matching are let go.
fn claim(cluster: &mut Cluster, set: &Object) -> Vec<Object> {
    let selector = LabelSelector::from_object(&set["spec"]["selector"]);
    let mut mine = Vec::new();
    for pod in cluster.controllers.within(Controller::ReplicaSet, ids::PODS, object::namespace(set)) {
        let matches = selector.matches(object::labels(&pod));
        match object::controller_of(&pod) {
            Some(owner) if owner["uid"] == set["metadata"]["uid"] => {
                if matches {
                    mine.push(pod);
                } else if !object::is_deleting(set) {
                    let mut new = (*pod).clone();
                    if let Some(list) = new["metadata"]["ownerReferences"].as_array_mut() {
                        list.retain(|o| o["uid"] != set["metadata"]["uid"]);
                    }
                    // A conflict means a newer pod is on its way to the view, and with it another look.
                    let _ = cluster.system_update(ids::PODS, &pod, new, Subresource::None);
                }
            }
            None if matches && is_active(&pod) && !object::is_deleting(set) => {
                let mut new = (*pod).clone();
                let reference = owner_reference(set);
                match new["metadata"]["ownerReferences"].as_array_mut() {
                    Some(list) => list.push(reference),
                    None => new["metadata"]["ownerReferences"] = json!([reference]),
                }
                if let Ok(adopted) = cluster.system_update(ids::PODS, &pod, new, Subresource::None) {
                    mine.push(adopted);
                }
            }
            _ => {}
        }
    }
    mine.retain(|pod| is_active(pod));
    mine
}

fn owner_reference(set: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": object::name(set), "uid": object::uid(set),
        "controller": true, "blockOwnerDeletion": true,
    })
}

fn manage(cluster: &mut Cluster, key: &Key, set: &Object, pods: &[Object]) -> Option<(&'static str, String)> {
    let wanted = usize::try_from(object::number(set, "/spec/replicas").unwrap_or(1)).unwrap_or_default();
    if pods.len() < wanted {
        for _ in pods.len()..wanted {
            match cluster.system_create(ids::PODS, new_pod(set)) {
                Ok(pod) => {
                    let expected = cluster.controllers.expectations.entry(key.clone()).or_default();
                    expected.created.insert(object::uid(&pod).to_owned());
                }
                Err(error) => {
                    retry(cluster, Controller::ReplicaSet, key);
                    return Some(("FailedCreate", error.message));
                }
            }
        }
    }
    cluster.controllers.backoff.remove(key);
    if pods.len() > wanted {
        for pod in victims(cluster, pods, pods.len() - wanted) {
            let options =
                DeleteOptions { uid: Some(object::uid(&pod).to_owned()), ..DeleteOptions::default() };
            if cluster.do_delete(ids::PODS, &Key::of(&pod), &options).is_ok() {
                let expected = cluster.controllers.expectations.entry(key.clone()).or_default();
                expected.deleted.insert(object::uid(&pod).to_owned());
            }
        }
    }
    None
}

fn new_pod(set: &Value) -> Value {
    let template = &set["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    object::remove(&mut metadata, "creationTimestamp");
    metadata["generateName"] = json!(format!("{}-", object::name(set)));
    metadata["namespace"] = set["metadata"]["namespace"].clone();
    metadata["ownerReferences"] = json!([owner_reference(set)]);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}

/// Which pods go first: unassigned, then by phase, then not ready, then the lower deletion cost. What the real
/// controller decides after that (spread over nodes, age in steps) a client must not rely on, so chance decides.
fn victims(cluster: &mut Cluster, pods: &[Object], count: usize) -> Vec<Object> {
    let mut order = pods.to_vec();
    order.shuffle(&mut cluster.rng);
    order.sort_by_key(|pod| {
        let assigned = !object::text(pod, "/spec/nodeName").is_empty();
        let phase = match object::text(pod, "/status/phase") {
            "Pending" => 0,
            "Unknown" => 1,
            _ => 2,
        };
        let cost: i64 = object::annotation(pod, POD_DELETION_COST).parse().unwrap_or_default();
        (assigned, phase, object::pod_is_ready(pod), cost)
    });
    order.truncate(count);
    order
}

fn report(
    cluster: &mut Cluster,
    key: &Key,
    set: &Object,
    pods: &[Object],
    failure: Option<(&'static str, String)>,
) {
    let template = LabelSelector::from_map(
        set.pointer("/spec/template/metadata/labels")
            .and_then(Value::as_object)
            .unwrap_or(&serde_json::Map::new()),
    );
    let wait = object::number(set, "/spec/minReadySeconds").unwrap_or_default();
    let (mut labelled, mut ready, mut available) = (0, 0, 0);
    let mut next: Option<Duration> = None;
    for pod in pods {
        labelled += i64::from(template.matches(object::labels(pod)));
        if !object::pod_is_ready(pod) {
            continue;
        }
        ready += 1;
        match until_available(cluster, pod, wait) {
            None => available += 1,
            Some(left) => next = Some(next.map_or(left, |n| n.min(left))),
        }
    }
    if let Some(after) = next {
        cluster.schedule(after, Event::Requeue(Controller::ReplicaSet, key.clone()));
    }
    let mut status = json!({"replicas": pods.len(), "observedGeneration": object::generation(set)});
    for (field, count) in
        [("fullyLabeledReplicas", labelled), ("readyReplicas", ready), ("availableReplicas", available)]
    {
        if count > 0 {
            status[field] = json!(count);
        }
    }
    let wanted = object::number(set, "/spec/replicas").unwrap_or(1);
    let old_failure = object::items(set, "/status/conditions").iter().find(|c| c["type"] == "ReplicaFailure");
    if let Some((reason, message)) = failure {
        // The first message stands: each names another pod, and a change of status would bring the next try at once.
        let condition = old_failure.filter(|c| c["reason"] == *reason).cloned().unwrap_or_else(|| {
            json!({
                "type": "ReplicaFailure", "status": "True", "reason": reason, "message": message,
                "lastTransitionTime": cluster.stamp(),
            })
        });
        status["conditions"] = json!([condition]);
    } else if let Some(condition) = old_failure
        && i64::try_from(pods.len()).unwrap_or_default() < wanted
        && cluster.controllers.backoff.contains_key(key)
    {
        status["conditions"] = json!([condition]);
    }
    if set["status"] == status {
        return;
    }
    let mut new = (**set).clone();
    new["status"] = status;
    // On a conflict the newer set is on its way to the view.
    let _ = cluster.system_update(ids::REPLICA_SETS, set, new, Subresource::Status);
}

/// How long until a ready pod counts as available; `None` when it does.
fn until_available(cluster: &Cluster, pod: &Value, seconds: i64) -> Option<Duration> {
    if seconds == 0 {
        return None;
    }
    let ready = object::items(pod, "/status/conditions").iter().find(|c| c["type"] == "Ready")?;
    let since: jiff::Timestamp = ready["lastTransitionTime"].as_str()?.parse().ok()?;
    let at = since.as_second() + seconds - cluster.options.epoch.as_second();
    Duration::from_secs(u64::try_from(at).unwrap_or_default())
        .checked_sub(cluster.now)
        .filter(|d| !d.is_zero())
}
