//! EndpointSlices of Services with a selector.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Controller;
use crate::api::{DeleteOptions, Subresource};
use crate::cluster::Cluster;
use crate::object;
use crate::resource::ids;
use crate::selector::LabelSelector;
use crate::store::{Key, Object};

const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
const PER_SLICE: usize = 100;

/// Endpoints that share the same numbers for the Service's ports, by pod name.
type Group = BTreeMap<String, Value>;

pub(super) fn reconcile(cluster: &mut Cluster, key: &Key) {
    let service = cluster.controllers.get(Controller::Endpoints, ids::SERVICES, key).cloned();
    let Some(service) = service else { return };
    let selector = service["spec"]["selector"].as_object().filter(|m| !m.is_empty());
    let Some(selector) = selector.filter(|_| service["spec"]["type"] != "ExternalName") else { return };
    if object::is_deleting(&service) {
        return;
    }
    let mut groups = wanted(cluster, &service, &LabelSelector::from_map(selector));
    let mut slices: Vec<Object> = cluster
        .peek_all(ids::ENDPOINT_SLICES, Some(&key.namespace))
        .filter(|s| object::label(s, SERVICE_NAME) == &*key.name && object::label(s, MANAGED_BY) == MANAGER)
        .cloned()
        .collect();
    if groups.is_empty() {
        // A Service without pods has one slice without endpoints.
        let ports = slices.first().map_or_else(|| ports_of(&service, None), |s| s["ports"].clone());
        groups.insert(ports.to_string(), (ports, Group::new()));
    }
    for (ports, group) in groups.into_values() {
        let mut mine = Vec::new();
        slices.retain(|s| {
            let same = s["ports"] == ports && !object::is_deleting(s);
            if same {
                mine.push(s.clone());
            }
            !same
        });
        distribute(cluster, &service, &ports, group, &mine);
    }
    for slice in slices {
        remove(cluster, &slice);
    }
}

fn remove(cluster: &mut Cluster, slice: &Value) {
    // Gone already is as good.
    let _ = cluster.do_delete(ids::ENDPOINT_SLICES, &Key::of(slice), &DeleteOptions::default());
}

fn wanted(cluster: &Cluster, service: &Value, selector: &LabelSelector) -> BTreeMap<String, (Value, Group)> {
    let mut groups: BTreeMap<String, (Value, Group)> = BTreeMap::new();
    let unready = service["spec"]["publishNotReadyAddresses"] == true;
    for pod in cluster.controllers.within(Controller::Endpoints, ids::PODS, object::namespace(service)) {
        let ip = object::text(&pod, "/status/podIP");
        let over = matches!(object::text(&pod, "/status/phase"), "Succeeded" | "Failed");
        if ip.is_empty() || over || !selector.matches(object::labels(&pod)) {
            continue;
        }
        let serving = object::pod_is_ready(&pod);
        let terminating = object::is_deleting(&pod);
        let endpoint = json!({
            "addresses": [ip],
            "conditions": {
                "ready": unready || (serving && !terminating), "serving": serving, "terminating": terminating,
            },
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": {
                "kind": "Pod", "namespace": object::namespace(&pod), "name": object::name(&pod),
                "uid": object::uid(&pod),
            },
        });
        let ports = ports_of(service, Some(&pod));
        let group = groups.entry(ports.to_string()).or_insert_with(|| (ports, Group::new()));
        group.1.insert(object::name(&pod).to_owned(), endpoint);
    }
    groups
}

/// The ports as this pod numbers them; a name that it does not have is left out.
fn ports_of(service: &Value, pod: Option<&Value>) -> Value {
    let mut list = Vec::new();
    for port in object::items(service, "/spec/ports") {
        let number = match (&port["targetPort"], pod) {
            (Value::String(name), Some(pod)) => object::items(pod, "/spec/containers")
                .iter()
                .flat_map(|c| c["ports"].as_array().into_iter().flatten())
                .find(|p| p["name"] == **name && p["protocol"] == port["protocol"])
                .map(|p| p["containerPort"].clone()),
            (Value::String(_), None) => None,
            (number, _) => Some(number.clone()),
        };
        if let Some(number) = number {
            let name = port["name"].as_str().unwrap_or_default();
            list.push(json!({"name": name, "port": number, "protocol": port["protocol"]}));
        }
    }
    if list.is_empty() { Value::Null } else { Value::Array(list) }
}

fn distribute(cluster: &mut Cluster, service: &Value, ports: &Value, mut left: Group, slices: &[Object]) {
    // Endpoints stay in their slice; what is new fills the gaps.
    let mut kept: Vec<(Object, Vec<Value>)> = Vec::new();
    for slice in slices {
        let endpoints = object::items(slice, "/endpoints")
            .iter()
            .filter_map(|e| left.remove(e["targetRef"]["name"].as_str()?))
            .collect();
        kept.push((slice.clone(), endpoints));
    }
    let mut new = left.into_values();
    for (_, endpoints) in &mut kept {
        let room = PER_SLICE.saturating_sub(endpoints.len());
        endpoints.extend(new.by_ref().take(room));
    }
    let empty_ok = kept.iter().all(|(_, e)| e.is_empty());
    for (index, (slice, endpoints)) in kept.iter().enumerate() {
        if endpoints.is_empty() && !(empty_ok && index == 0) {
            remove(cluster, slice);
        } else {
            let wanted = slice_of(service, ports, endpoints);
            let mut new = (**slice).clone();
            for field in ["labels", "annotations"] {
                new["metadata"][field] = wanted["metadata"][field].clone();
            }
            new["endpoints"] = wanted["endpoints"].clone();
            if new["metadata"]["labels"] != slice["metadata"]["labels"]
                || new["endpoints"] != slice["endpoints"]
            {
                // On a conflict the slice's own change brings another look.
                let _ = cluster.system_update(ids::ENDPOINT_SLICES, slice, new, Subresource::None);
            }
        }
    }
    let rest: Vec<Value> = new.collect();
    let mut chunks: Vec<&[Value]> = rest.chunks(PER_SLICE).collect();
    if chunks.is_empty() && slices.is_empty() {
        chunks.push(&[]);
    }
    for chunk in chunks {
        // The namespace may be on its way out.
        let _ = cluster.system_create(ids::ENDPOINT_SLICES, slice_of(service, ports, chunk));
    }
}

fn slice_of(service: &Value, ports: &Value, endpoints: &[Value]) -> Value {
    let mut labels = object::labels(service).cloned().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), json!(object::name(service)));
    labels.insert(MANAGED_BY.to_owned(), json!(MANAGER));
    if service["spec"]["clusterIP"] == "None" {
        labels.insert("service.kubernetes.io/headless".to_owned(), json!(""));
    }
    let list = if endpoints.is_empty() { Value::Null } else { Value::Array(endpoints.to_vec()) };
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "generateName": format!("{}-", object::name(service)), "namespace": object::namespace(service),
            "labels": Value::Object(labels), "annotations": Value::Object(Map::new()),
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Service", "name": object::name(service), "uid": object::uid(service),
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "addressType": "IPv4", "endpoints": list, "ports": ports,
    })
}
