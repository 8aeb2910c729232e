//! What the cluster has free [S1]: a running count over nodes and pods, fed by two watches. Of a pod nothing is kept but where it is and what it
//! asks for, shared by all pods that ask for the same.
//!
//! Nodes that are cordoned or not ready do not count, nor do pods that are on no node yet. Where the agent may not look at nodes or at
//! all pods, nothing is said, and the hub takes the cluster to have room.

use crate::engine::state::GroupKind;
use crate::watch::{Selection, Sink, encoded};
use serde_json::Value;
use shipper_core::resources::{Resources, of_amounts, of_pod};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is watched for it: API version and kind.
pub const WATCHED: [(&str, &str); 2] = [("v1", "Node"), ("v1", "Pod")];

/// Pods that hold something: on a node, and not at their end.
const HOLDING: &str = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed";

/// The count.
#[derive(Debug, Default)]
pub struct Room(Mutex<Count>);

#[derive(Debug, Default)]
struct Count {
    nodes: HashMap<Arc<str>, Node>,
    pods: HashMap<String, Pod>,
    /// What pods ask for, so that equal requests are kept once.
    shapes: HashSet<Arc<Resources>>,
    /// By kind, what the list under way has named so far.
    listing: HashMap<GroupKind, HashSet<String>>,
    /// The kinds that were listed to the end.
    listed: HashSet<GroupKind>,
}

#[derive(Debug, Default)]
struct Node {
    /// `None` = it was named by a pod only.
    allocatable: Option<Resources>,
    usable: bool,
    used: Resources,
}

#[derive(Debug)]
struct Pod {
    node: Arc<str>,
    asks: Arc<Resources>,
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is free on the nodes that take pods; `None` until both have been listed.
    pub fn free(&self) -> Option<Resources> {
        let count = self.lock();
        if count.listed.len() < WATCHED.len() {
            return None;
        }
        let mut free = Resources::default();
        for node in count.nodes.values().filter(|node| node.usable) {
            if let Some(allocatable) = &node.allocatable {
                free.add(allocatable);
                free.take(&node.used);
            }
        }
        Some(free)
    }
}

impl Count {
    fn node(&mut self, name: &str) -> (Arc<str>, &mut Node) {
        let name: Arc<str> =
            self.nodes.get_key_value(name).map_or_else(|| name.into(), |(name, _)| Arc::clone(name));
        let node = self.nodes.entry(Arc::clone(&name)).or_default();
        (name, node)
    }

    fn set_node(&mut self, object: &Value) {
        let Some(name) = text(object, "/metadata/name") else { return };
        let ready = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten().any(
            |condition| {
                text(condition, "/type") == Some("Ready") && text(condition, "/status") == Some("True")
            },
        );
        let cordoned = object.pointer("/spec/unschedulable").and_then(Value::as_bool).unwrap_or(false);
        let allocatable = of_amounts(object.pointer("/status/allocatable"));
        let (_, node) = self.node(name);
        node.usable = ready && !cordoned;
        node.allocatable = Some(allocatable);
    }

    fn drop_node(&mut self, name: &str) {
        if let Some(node) = self.nodes.get_mut(name) {
            node.allocatable = None;
            node.usable = false;
        }
        let empty = !self.pods.values().any(|pod| &*pod.node == name);
        if empty {
            self.nodes.remove(name);
        }
    }

    fn set_pod(&mut self, object: &Value) {
        let (Some(uid), Some(node)) = (text(object, "/metadata/uid"), text(object, "/spec/nodeName")) else {
            return;
        };
        self.drop_pod(uid);
        let asks = Arc::new(object.get("spec").map(of_pod).unwrap_or_default());
        let asks = match self.shapes.get(&asks) {
            Some(known) => Arc::clone(known),
            None => {
                self.shapes.retain(|shape| Arc::strong_count(shape) > 1);
                self.shapes.insert(Arc::clone(&asks));
                asks
            }
        };
        let (node, known) = self.node(node);
        known.used.add(&asks);
        self.pods.insert(uid.to_owned(), Pod { node, asks });
    }

    fn drop_pod(&mut self, uid: &str) {
        if let Some(pod) = self.pods.remove(uid)
            && let Some(node) = self.nodes.get_mut(&pod.node)
        {
            node.used.take(&pod.asks);
        }
    }

    fn set(&mut self, kind: &GroupKind, objects: &[Value]) {
        for object in objects {
            if is_node(kind) {
                self.set_node(object);
            } else {
                self.set_pod(object);
            }
        }
    }

    /// A page of a list.
    fn page(&mut self, kind: &GroupKind, objects: &[Value]) {
        self.set(kind, objects);
        let named = objects.iter().filter_map(|object| name(kind, object).map(str::to_owned));
        self.listing.entry(kind.clone()).or_default().extend(named);
    }

    /// The list is at its end: what it did not name is gone.
    fn end(&mut self, kind: &GroupKind) {
        let named = self.listing.remove(kind).unwrap_or_default();
        let gone: Vec<String> = if is_node(kind) {
            self.nodes.keys().filter(|node| !named.contains(&***node)).map(ToString::to_string).collect()
        } else {
            self.pods.keys().filter(|pod| !named.contains(*pod)).cloned().collect()
        };
        gone.iter().for_each(|name| self.remove(kind, name));
        self.listed.insert(kind.clone());
    }

    fn remove(&mut self, kind: &GroupKind, name: &str) {
        if is_node(kind) {
            self.drop_node(name);
        } else {
            self.drop_pod(name);
        }
    }
}

fn is_node(kind: &GroupKind) -> bool {
    kind.1 == "Node"
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// What an object goes by here.
fn name<'v>(kind: &GroupKind, object: &'v Value) -> Option<&'v str> {
    text(object, if is_node(kind) { "/metadata/name" } else { "/metadata/uid" })
}

impl Sink for Room {
    fn selection(&self, kind: &GroupKind) -> Selection {
        let query = (!is_node(kind)).then(|| format!("fieldSelector={}", encoded(HOLDING)));
        Selection { query, metadata: false, remember: false }
    }

    fn begin(&self, kind: &GroupKind) {
        self.lock().listing.remove(kind);
    }

    fn page(&self, kind: &GroupKind, objects: &[Value]) {
        self.lock().page(kind, objects);
    }

    fn listed(&self, kind: &GroupKind, objects: &[Value]) {
        let mut count = self.lock();
        count.page(kind, objects);
        count.end(kind);
    }

    fn event(&self, kind: &GroupKind, object: &Value, gone: bool) {
        let mut count = self.lock();
        if !gone {
            count.set(kind, std::slice::from_ref(object));
        } else if let Some(name) = name(kind, object) {
            count.remove(kind, name);
        }
    }

    fn unknown(&self, _kind: &GroupKind) {}

    fn listable(&self, _kind: &GroupKind) {}

    /// What is not known is not reported.
    fn unlistable(&self, kind: &GroupKind, why: String) {
        if self.lock().listed.remove(kind) {
            tracing::info!(kind = kind.1, why, "what the cluster has free is not known any more");
        }
    }

    fn problem(&self, part: &str, text: Option<String>) {
        if let Some(problem) = text {
            tracing::debug!(part, problem, "what the cluster has free is not known");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::state::group_kind;
    use serde_json::json;

    fn node(name: &str, ready: bool, cordoned: bool) -> Value {
        json!({
            "metadata": {"name": name}, "spec": {"unschedulable": cordoned},
            "status": {
                "allocatable": {"cpu": "4", "pods": "10"},
                "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
            },
        })
    }

    fn pod(uid: &str, node: &str, cpu: &str) -> Value {
        let container = json!({"resources": {"requests": {"cpu": cpu}}});
        json!({"metadata": {"uid": uid}, "spec": {"nodeName": node, "containers": [container]}})
    }

    fn said(room: &Room) -> Value {
        serde_json::to_value(room.free()).unwrap()
    }

    #[test]
    fn s1_free_is_what_usable_nodes_have_left() {
        let (room, nodes, pods) = (Room::default(), group_kind("v1", "Node"), group_kind("v1", "Pod"));
        room.listed(&nodes, &[node("a", true, false), node("b", true, true), node("c", false, false)]);
        assert_eq!(room.free(), None, "the pods are not known yet");
        room.page(&pods, &[pod("1", "a", "1"), pod("2", "b", "1")]);
        assert_eq!(room.free(), None, "the list has more pages");
        room.listed(&pods, &[pod("3", "c", "2")]);
        assert_eq!(said(&room), json!({"cpu": "3", "pods": "9"}));

        room.event(&pods, &pod("4", "a", "500m"), false);
        room.event(&pods, &pod("4", "a", "500m"), false);
        assert_eq!(said(&room), json!({"cpu": "2500m", "pods": "8"}), "seen twice, counted once");
        room.event(&nodes, &node("b", true, false), false);
        assert_eq!(said(&room), json!({"cpu": "5500m", "pods": "17"}), "b was uncordoned");
        room.event(&pods, &pod("1", "a", "1"), true);
        room.event(&nodes, &node("b", true, false), true);
        assert_eq!(said(&room), json!({"cpu": "3500m", "pods": "9"}));
    }

    #[test]
    fn s1_another_list_takes_the_place_of_the_first() {
        let (room, nodes, pods) = (Room::default(), group_kind("v1", "Node"), group_kind("v1", "Pod"));
        room.listed(&nodes, &[node("a", true, false), node("b", true, false)]);
        room.listed(&pods, &[pod("1", "a", "1"), pod("2", "b", "1")]);
        // A list that broke off counts for nothing but what it has shown.
        room.begin(&pods);
        room.page(&pods, &[pod("1", "a", "1")]);
        room.begin(&pods);
        room.listed(&pods, &[pod("2", "b", "1")]);
        assert_eq!(said(&room), json!({"cpu": "7", "pods": "19"}));
        room.listed(&nodes, &[node("b", true, false)]);
        assert_eq!(said(&room), json!({"cpu": "3", "pods": "9"}));
        assert_eq!(room.lock().shapes.len(), 1, "what asks for the same is kept once");
    }
}
