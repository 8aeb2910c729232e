//! What the server says it serves.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::Cluster;

/// `/version`: the release whose behaviour is modelled.
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "35", "gitVersion": "v1.35.4", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}

/// `/api`.
pub(super) fn core() -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "192.0.2.1:6443"}],
    })
}

fn versions(cluster: &Cluster) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in cluster.store.resources.iter().filter(|r| r.served && !r.group.is_empty()) {
        let versions = groups.entry(resource.group.clone()).or_default();
        if !versions.contains(&resource.version) {
            versions.push(resource.version.clone());
        }
    }
    groups
}

fn group_of(name: &str, versions: &[String]) -> Value {
    let row = |v: &String| json!({"groupVersion": format!("{name}/{v}"), "version": v});
    json!({
        "name": name, "versions": versions.iter().map(row).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(row),
    })
}

/// `/apis`.
pub(super) fn groups(cluster: &Cluster) -> Value {
    let list: Vec<Value> =
        versions(cluster).iter().map(|(name, versions)| group_of(name, versions)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": list})
}

/// `/apis/GROUP`.
pub(super) fn group(cluster: &Cluster, name: &str) -> Option<Value> {
    let versions = versions(cluster);
    let mut group = group_of(name, versions.get(name)?);
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    Some(group)
}

/// `/api/v1`, `/apis/GROUP/VERSION`.
pub(super) fn resources(cluster: &Cluster, group: &str, version: &str) -> Option<Value> {
    let all = cluster.store.resources.iter();
    let list: Vec<Value> = all
        .filter(|r| r.served && r.group == group && r.version == version)
        .flat_map(|r| r.discovery())
        .collect();
    if list.is_empty() {
        return None;
    }
    let name = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": list}))
}
