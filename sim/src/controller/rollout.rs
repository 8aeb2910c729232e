//! How a Deployment moves pods from its old ReplicaSets to the new one.

use serde_json::{Value, json};

use super::deployment::{Sets, replicas};
use crate::api::Subresource;
use crate::cluster::Cluster;
use crate::object;
use crate::resource::ids;
use crate::store::Object;

/// A count or a percentage of `total`.
fn resolve(value: &Value, total: i64, up: bool) -> i64 {
    if let Some(count) = value.as_i64() {
        return count;
    }
    let percent: i64 = value.as_str().and_then(|s| s.trim_end_matches('%').parse().ok()).unwrap_or_default();
    if up { (total * percent + 99) / 100 } else { total * percent / 100 }
}

fn is_rolling(deployment: &Value) -> bool {
    deployment["spec"]["strategy"]["type"] != "Recreate"
}

/// Pods above the wanted number.
pub(super) fn max_surge(deployment: &Value) -> i64 {
    if !is_rolling(deployment) {
        return 0;
    }
    resolve(&deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"], replicas(deployment), true)
}

/// Pods that may be missing.
pub(super) fn max_unavailable(deployment: &Value) -> i64 {
    let wanted = replicas(deployment);
    if !is_rolling(deployment) || wanted == 0 {
        return 0;
    }
    let missing = resolve(&deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], wanted, false);
    // Neither surge nor shortfall would never move.
    if missing == 0 && max_surge(deployment) == 0 { 1 } else { missing.min(wanted) }
}

fn total(sets: &[Object]) -> i64 {
    sets.iter().map(|s| replicas(s)).sum()
}

/// How large the new set may be now.
pub(super) fn new_size(deployment: &Value, new: Option<&Value>, old: &[Object]) -> i64 {
    let wanted = replicas(deployment);
    let own = new.map(replicas).unwrap_or_default();
    if !is_rolling(deployment) {
        return if old.iter().any(|s| pods(s) > 0) { own } else { wanted };
    }
    let room = wanted + max_surge(deployment) - total(old) - own;
    if room <= 0 { own } else { (own + room).min(wanted).max(own.min(wanted)) }
}

fn pods(set: &Value) -> i64 {
    replicas(set).max(set["status"]["replicas"].as_i64().unwrap_or_default())
}

fn available(set: &Value) -> i64 {
    set["status"]["availableReplicas"].as_i64().unwrap_or_default()
}

fn resize(cluster: &mut Cluster, deployment: &Value, set: &Object, size: i64) -> bool {
    let wanted = replicas(deployment);
    let mut new = (**set).clone();
    new["spec"]["replicas"] = json!(size);
    let annotations = object::child(&mut new["metadata"], "annotations");
    annotations["deployment.kubernetes.io/desired-replicas"] = json!(wanted.to_string());
    annotations["deployment.kubernetes.io/max-replicas"] =
        json!((wanted + max_surge(deployment)).to_string());
    let moved = replicas(set) != size;
    // On a conflict a newer set is on its way to the view, and with it another look.
    cluster.system_update(ids::REPLICA_SETS, set, new, Subresource::None).is_ok() && moved
}

/// One pass; true when a set was resized.
pub(super) fn step(cluster: &mut Cluster, deployment: &Value, sets: &Sets) -> bool {
    let wanted = replicas(deployment);
    let Some(new) = &sets.new else { return false };
    if !is_rolling(deployment) {
        let mut moved = false;
        for set in sets.old.iter().filter(|s| replicas(s) > 0) {
            moved |= resize(cluster, deployment, set, 0);
        }
        let size = new_size(deployment, Some(new), &sets.old).min(wanted);
        return moved || (size != replicas(new) && resize(cluster, deployment, new, size));
    }
    let size = if replicas(new) > wanted { wanted } else { new_size(deployment, Some(new), &sets.old) };
    if size != replicas(new) {
        return resize(cluster, deployment, new, size);
    }
    shrink_old(cluster, deployment, new, &sets.old)
}

/// Old sets give way: first pods that are not available, then as many as availability allows.
fn shrink_old(cluster: &mut Cluster, deployment: &Value, new: &Object, old: &[Object]) -> bool {
    let wanted = replicas(deployment);
    let floor = wanted - max_unavailable(deployment);
    if total(old) == 0 {
        return false;
    }
    let missing_in_new = replicas(new) - available(new);
    let mut budget = total(old) + replicas(new) - floor - missing_in_new;
    if budget <= 0 {
        return false;
    }
    let mut moved = false;
    let mut sizes: Vec<i64> = old.iter().map(|s| replicas(s)).collect();
    for (index, set) in old.iter().enumerate() {
        let unhealthy = (replicas(set) - available(set)).min(budget).max(0);
        if unhealthy > 0 && pods(set) == replicas(set) {
            sizes[index] -= unhealthy;
            budget -= unhealthy;
        }
    }
    let healthy: i64 = old.iter().map(|s| available(s)).sum::<i64>() + available(new);
    let mut spare = healthy - floor;
    for (index, set) in old.iter().enumerate() {
        let take = sizes[index].min(spare).max(0);
        if take > 0 {
            sizes[index] -= take;
            spare -= take;
        }
        if sizes[index] != replicas(set) {
            moved |= resize(cluster, deployment, set, sizes[index]);
        }
    }
    moved
}

/// A paused Deployment only follows its replicas.
pub(super) fn scale_only(cluster: &mut Cluster, deployment: &Value, sets: &Sets) -> bool {
    let wanted = replicas(deployment);
    let active: Vec<&Object> = sets.old.iter().chain(&sets.new).filter(|s| replicas(s) > 0).collect();
    let target = match (active.as_slice(), &sets.new) {
        ([only], _) => (*only).clone(),
        ([], Some(new)) => new.clone(),
        _ => return false,
    };
    replicas(&target) != wanted && resize(cluster, deployment, &target, wanted)
}
