//! People with kubectl, and pods that fail: what nobody asked Shipper about.

use super::chart::{self, SERVICE};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use shipper_core::labels;
use shipper_sim::{Cluster, DeleteOptions, Patch, Subresource, WriteOptions, ids};

/// A pod of the application: name and UID.
pub fn any_pod(cluster: &Cluster, rng: &mut StdRng) -> Option<(String, String)> {
    let pods: Vec<_> = cluster
        .peek_all(ids::PODS, Some(&chart::app().namespace))
        .filter_map(|pod| {
            let text = |path: &str| pod.pointer(path).and_then(Value::as_str).map(str::to_owned);
            Some((text("/metadata/name")?, text("/metadata/uid")?))
        })
        .collect();
    if pods.is_empty() { None } else { Some(pods[rng.random_range(0..pods.len())].clone()) }
}

/// Somebody scales one of the Deployments.
pub fn scale(cluster: &mut Cluster, rng: &mut StdRng) -> bool {
    let namespace = chart::app().namespace;
    let names: Vec<String> = cluster
        .peek_all(ids::DEPLOYMENTS, Some(&namespace))
        .filter_map(|d| Some(d.pointer("/metadata/name")?.as_str()?.to_owned()))
        .collect();
    if names.is_empty() {
        return false;
    }
    let name = &names[rng.random_range(0..names.len())];
    let patch = Patch::Merge(json!({"spec": {"replicas": rng.random_range(0..9)}}));
    let options = WriteOptions::by("kubectl-scale");
    cluster.patch(ids::DEPLOYMENTS, (&namespace, name), &patch, Subresource::Scale, &options).is_ok()
}

/// Somebody gives or takes the traffic label.
pub fn relabel(cluster: &mut Cluster, rng: &mut StdRng) -> bool {
    let Some((pod, _)) = any_pod(cluster, rng) else { return false };
    let value = if rng.random_bool(0.5) { json!("true") } else { Value::Null };
    let patch = Patch::Merge(json!({"metadata": {"labels": {labels::TRAFFIC: value}}}));
    let options = WriteOptions::by("kubectl-label");
    cluster.patch(ids::PODS, (&chart::app().namespace, &pod), &patch, Subresource::None, &options).is_ok()
}

/// Somebody deletes the Service, or changes its selector.
pub fn break_service(cluster: &mut Cluster, rng: &mut StdRng) -> bool {
    let namespace = chart::app().namespace;
    if rng.random_bool(0.5) {
        return cluster.delete(ids::SERVICES, &namespace, SERVICE, &DeleteOptions::default()).is_ok();
    }
    let patch = Patch::Merge(json!({"spec": {"selector": {labels::TRAFFIC: "nobody"}}}));
    let options = WriteOptions::by("kubectl-edit");
    cluster.patch(ids::SERVICES, (&namespace, SERVICE), &patch, Subresource::None, &options).is_ok()
}
