//! Scheduler and kubelets in one: pods are bound, start, fail, and end.

use std::time::Duration;

use rand::RngExt;
use serde_json::{Value, json};

use super::Controller;
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::object;
use crate::queue::Event;
use crate::resource::ids;
use crate::store::{Key, Object};

/// Stages of a pod's life that time brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PodStage {
    Bind,
    Start,
    End,
}

/// What is wrong with a pod; its image, its label or its annotation `sim.shipper.dev/fault` says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PodFault {
    /// The image cannot be pulled (`broken`).
    ImagePull,
    /// The container exits again and again (`crash`).
    Crash,
    /// It takes the slow start (`slow`).
    Slow,
    /// It is never bound to a node (`unschedulable`).
    Unschedulable,
}

const FAULT: &str = "sim.shipper.dev/fault";

fn fault_of(pod: &Value) -> Option<PodFault> {
    let mark = [object::label(pod, FAULT), object::annotation(pod, FAULT)];
    let images = object::items(pod, "/spec/containers").iter().filter_map(|c| c["image"].as_str());
    let all: Vec<&str> = mark.into_iter().chain(images).collect();
    let has = |word: &str| all.iter().any(|w| w.contains(word));
    [
        ("unschedulable", PodFault::Unschedulable),
        ("broken", PodFault::ImagePull),
        ("crash", PodFault::Crash),
        ("slow", PodFault::Slow),
    ]
    .into_iter()
    .find(|(word, _)| has(word))
    .map(|(_, fault)| fault)
}

/// Whether the cluster cannot pull an image of a pod, whatever its name is.
fn lacks_image(cluster: &Cluster, pod: &Value) -> bool {
    let images = object::items(pod, "/spec/containers").iter().filter_map(|c| c["image"].as_str());
    images.into_iter().any(|image| cluster.faults.images.contains(image))
}

pub(super) fn reconcile(cluster: &mut Cluster, key: &Key) {
    let Some(pod) = cluster.controllers.get(Controller::Kubelet, ids::PODS, key).cloned() else { return };
    let bound = !object::text(&pod, "/spec/nodeName").is_empty();
    if object::is_deleting(&pod) {
        if !bound {
            return;
        }
        let grace = object::number(&pod, "/metadata/deletionGracePeriodSeconds").unwrap_or_default();
        let most = Duration::from_secs(u64::try_from(grace).unwrap_or_default());
        let after = cluster.options.terminate.draw(&mut cluster.rng).min(most);
        stage(cluster, key, &pod, after, PodStage::End);
    } else if !bound && object::condition(&pod, "PodScheduled").is_empty() {
        let after = cluster.options.schedule.draw(&mut cluster.rng);
        stage(cluster, key, &pod, after, PodStage::Bind);
    } else if bound && object::text(&pod, "/status/startTime").is_empty() {
        let delay = if fault_of(&pod) == Some(PodFault::Slow) {
            cluster.options.slow_start
        } else {
            cluster.options.start
        };
        let after = delay.draw(&mut cluster.rng);
        stage(cluster, key, &pod, after, PodStage::Start);
    }
}

fn stage(cluster: &mut Cluster, key: &Key, pod: &Value, after: Duration, stage: PodStage) {
    cluster.schedule(after, Event::Pod(key.clone(), object::uid(pod).to_owned(), stage));
}

/// A pod reaches a stage, unless it has gone, or gone further, meanwhile.
pub(super) fn reach(cluster: &mut Cluster, key: &Key, uid: &str, stage: PodStage) {
    let Some(pod) = cluster.store.get(ids::PODS, key).cloned() else { return };
    if object::uid(&pod) != uid {
        return;
    }
    match stage {
        PodStage::Bind if object::text(&pod, "/spec/nodeName").is_empty() && !object::is_deleting(&pod) => {
            bind(cluster, &pod);
        }
        PodStage::Start
            if object::text(&pod, "/status/startTime").is_empty()
                && !object::is_deleting(&pod)
                && !has_ended(&pod) =>
        {
            start(cluster, &pod);
        }
        PodStage::End if object::is_deleting(&pod) => end(cluster, key, &pod),
        _ => {}
    }
}

/// An ended pod stays as it is: its owner makes another.
fn has_ended(pod: &Value) -> bool {
    matches!(object::text(pod, "/status/phase"), "Failed" | "Succeeded")
}

fn bind(cluster: &mut Cluster, pod: &Object) {
    let stamp = cluster.stamp();
    let mut new = (**pod).clone();
    if fault_of(pod) == Some(PodFault::Unschedulable) || cluster.options.nodes.is_empty() {
        let count = cluster.options.nodes.len();
        let message = format!("0/{count} nodes are available: {count} Insufficient cpu.");
        set_condition(&mut new, "PodScheduled", "False", "Unschedulable", &message, &stamp);
    } else {
        let index = cluster.rng.random_range(0..cluster.options.nodes.len());
        new["spec"]["nodeName"] = json!(cluster.options.nodes[index]);
        set_condition(&mut new, "PodScheduled", "True", "", "", &stamp);
    }
    write(cluster, pod, new);
}

fn start(cluster: &mut Cluster, pod: &Object) {
    let stamp = cluster.stamp();
    let mut new = (**pod).clone();
    let number = cluster.next_pod_ip;
    cluster.next_pod_ip += 1;
    let ip = format!("10.{}.{}.{}", 1 + number / 65_536, (number / 256) % 256, number % 256);
    new["status"]["startTime"] = json!(stamp);
    new["status"]["podIP"] = json!(ip);
    new["status"]["podIPs"] = json!([{"ip": ip}]);
    new["status"]["hostIP"] = json!("192.0.2.1");
    let ended = object::text(pod, "/spec/restartPolicy") != "Always";
    let fault = if lacks_image(cluster, pod) { Some(PodFault::ImagePull) } else { fault_of(pod) };
    match fault {
        Some(PodFault::ImagePull) => {
            let image = object::text(pod, "/spec/containers/0/image").to_owned();
            let message = format!("Back-off pulling image \"{image}\"");
            become_waiting(&mut new, "Pending", "ImagePullBackOff", &message, 0, &stamp);
        }
        Some(PodFault::Crash) => {
            let message = "back-off 10s restarting failed container";
            become_waiting(&mut new, "Running", "CrashLoopBackOff", message, 1, &stamp);
        }
        _ if ended => {
            new["status"]["phase"] = json!("Succeeded");
            set_ready(&mut new, false, "PodCompleted", &stamp);
        }
        _ => become_running(&mut new, &stamp),
    }
    write(cluster, pod, new);
}

fn end(cluster: &mut Cluster, key: &Key, pod: &Object) {
    if !object::finalizers(pod).is_empty() {
        let mut new = (**pod).clone();
        let stamp = cluster.stamp();
        new["metadata"]["deletionGracePeriodSeconds"] = json!(0);
        set_ready(&mut new, false, "PodCompleted", &stamp);
        cluster.commit(ids::PODS, crate::store::ChangeKind::Modified, new);
        return;
    }
    cluster.remove(ids::PODS, key);
}

/// Kubelets write what they know: spec.nodeName at binding, status after.
fn write(cluster: &mut Cluster, pod: &Object, new: Value) {
    if new != **pod {
        let mut new = new;
        new["metadata"]["managedFields"] = pod["metadata"]["managedFields"].clone();
        cluster.commit(ids::PODS, crate::store::ChangeKind::Modified, new);
    }
}

fn statuses(pod: &Value, ready: bool, restarts: i64, state: &Value) -> Value {
    let list = object::items(pod, "/spec/containers").iter().map(|c| {
        json!({
            "name": c["name"], "image": c["image"], "imageID": "", "ready": ready, "started": ready,
            "restartCount": restarts, "state": state,
        })
    });
    Value::Array(list.collect())
}

fn become_running(pod: &mut Value, stamp: &str) {
    pod["status"]["phase"] = json!("Running");
    let restarts = object::number(pod, "/status/containerStatuses/0/restartCount").unwrap_or_default();
    pod["status"]["containerStatuses"] =
        statuses(pod, true, restarts, &json!({"running": {"startedAt": stamp}}));
    set_ready(pod, true, "", stamp);
}

fn become_waiting(pod: &mut Value, phase: &str, reason: &str, message: &str, restarts: i64, stamp: &str) {
    pod["status"]["phase"] = json!(phase);
    let state = json!({"waiting": {"reason": reason, "message": message}});
    pod["status"]["containerStatuses"] = statuses(pod, false, restarts, &state);
    set_ready(pod, false, "ContainersNotReady", stamp);
}

fn set_ready(pod: &mut Value, ready: bool, reason: &str, stamp: &str) {
    let status = if ready { "True" } else { "False" };
    set_condition(pod, "Initialized", "True", "", "", stamp);
    set_condition(pod, "ContainersReady", status, reason, "", stamp);
    set_condition(pod, "Ready", status, reason, "", stamp);
}

fn set_condition(pod: &mut Value, kind: &str, status: &str, reason: &str, message: &str, stamp: &str) {
    let state = object::child(pod, "status");
    if !state["conditions"].is_array() {
        state["conditions"] = json!([]);
    }
    let Some(list) = state["conditions"].as_array_mut() else { return };
    let since = match list.iter().position(|c| c["type"] == *kind) {
        Some(index) => {
            let old = list.remove(index);
            if old["status"] == *status { old["lastTransitionTime"].clone() } else { json!(stamp) }
        }
        None => json!(stamp),
    };
    let mut condition = json!({"type": kind, "status": status, "lastTransitionTime": since});
    for (field, text) in [("reason", reason), ("message", message)] {
        if !text.is_empty() {
            condition[field] = json!(text);
        }
    }
    list.push(condition);
}

impl Cluster {
    fn change_pod(
        &mut self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value, &str),
    ) -> Result<(), ApiError> {
        let pod = self.current(ids::PODS, namespace, name)?;
        if !has_ended(&pod) {
            let stamp = self.stamp();
            let mut new = (*pod).clone();
            change(&mut new, &stamp);
            write(self, &pod, new);
        }
        Ok(())
    }

    /// Makes a running pod unready (its probe fails), or ready again.
    ///
    /// # Errors
    /// The pod does not exist.
    pub fn set_pod_ready(&mut self, namespace: &str, name: &str, ready: bool) -> Result<(), ApiError> {
        self.change_pod(namespace, name, |pod, stamp| {
            if ready {
                become_running(pod, stamp);
            } else {
                for container in pod
                    .pointer_mut("/status/containerStatuses")
                    .and_then(Value::as_array_mut)
                    .into_iter()
                    .flatten()
                {
                    container["ready"] = json!(false);
                }
                set_ready(pod, false, "ContainersNotReady", stamp);
            }
        })
    }

    /// Makes a pod's containers crash, with the waiting reason `CrashLoopBackOff`; [`Cluster::set_pod_ready`] ends it.
    ///
    /// # Errors
    /// The pod does not exist.
    pub fn crash_pod(&mut self, namespace: &str, name: &str, message: &str) -> Result<(), ApiError> {
        self.change_pod(namespace, name, |pod, stamp| {
            let restarts =
                object::number(pod, "/status/containerStatuses/0/restartCount").unwrap_or_default() + 1;
            become_waiting(pod, "Running", "CrashLoopBackOff", message, restarts, stamp);
        })
    }

    /// Ends a pod as an eviction does: phase `Failed`; its owner replaces it.
    ///
    /// # Errors
    /// The pod does not exist.
    pub fn evict_pod(&mut self, namespace: &str, name: &str, message: &str) -> Result<(), ApiError> {
        self.change_pod(namespace, name, |pod, stamp| {
            pod["status"]["phase"] = json!("Failed");
            pod["status"]["reason"] = json!("Evicted");
            pod["status"]["message"] = json!(message);
            set_ready(pod, false, "PodFailed", stamp);
        })
    }
}
