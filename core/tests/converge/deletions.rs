//! Rules R7, C11 and X1: what is deleted, and above all what is not.

use crate::support::Cluster;
use serde_json::{Value, json};
use shipper_core::labels::FIELD_MANAGER;

/// Two releases, both with capacity; the first renders this too, and it is in the cluster.
fn beside(object: &Value) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(1), None);
    cluster.release(100, 0, Some(1), None);
    cluster.renders(1, object);
    cluster.deployment(1, 1, FIELD_MANAGER);
    cluster.deployment(2, 1, FIELD_MANAGER);
    cluster.status(1, object["kind"].as_str().unwrap(), &json!({}));
    cluster
}

fn policy() -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "wall"},
        "spec": {"podSelector": {}}})
}

/// [R7] A release of which the target says nothing keeps everything: absence is no instruction.
#[test]
fn r7_what_no_tombstone_names_stays() {
    let mut cluster = Cluster::new();
    cluster.release(0, 0, Some(1), None);
    cluster.release(100, 100, Some(1), None);
    cluster.deployment(1, 0, FIELD_MANAGER);
    cluster.deployment(2, 1, FIELD_MANAGER);
    let listed = cluster.target.releases.clone();
    cluster.drop_release(1);
    assert!(cluster.deletions().is_empty(), "{:?}", cluster.deletions());
    cluster.target.releases = listed;
    assert!(cluster.deletions().is_empty(), "nor at 0/0");
    cluster.wanted(1).absent = true;
    assert_eq!(cluster.deletions(), ["Deployment app-00000001-0"]);
}

/// [R7] A release at 0/0 that a cluster never had is not installed there, and lacks nothing; one that it has is kept.
#[test]
fn r7_what_a_cluster_never_had_is_not_installed_at_nothing() {
    let mut cluster = Cluster::new();
    cluster.release(0, 0, Some(1), None);
    cluster.release(100, 100, Some(1), None);
    cluster.deployment(2, 1, FIELD_MANAGER);
    assert!(cluster.apply(1, "Deployment").is_none());
    let report = cluster.report(1);
    assert!(!report.present && report.installed && report.capacity.achieved, "{report:?}");
    cluster.wanted(1).capacity = 100;
    assert!(cluster.apply(1, "Deployment").is_some());

    cluster.wanted(1).capacity = 0;
    cluster.deployment(1, 0, FIELD_MANAGER);
    cluster.change_manifest(1);
    assert!(cluster.apply(1, "Deployment").is_some(), "what it has is kept as it is to be");
}

/// [R7] A tombstone waits until nothing of the release serves.
#[test]
fn r7_a_tombstone_takes_no_ready_pod() {
    let mut cluster = Cluster::new();
    cluster.release(0, 0, Some(1), None);
    cluster.release(100, 100, Some(1), None);
    cluster.deployment(1, 1, FIELD_MANAGER);
    cluster.deployment(2, 1, FIELD_MANAGER);
    cluster.wanted(1).absent = true;
    assert!(cluster.deletions().is_empty(), "{:?}", cluster.deletions());
    cluster.gone(1, 1);
    assert_eq!(cluster.deletions(), ["Deployment app-00000001-0"]);
}

/// [C11] What a newer chart dropped goes when no release with capacity lists it, and not before. (The original left it until every
/// release that had it was gone.)
#[test]
fn c11_what_no_release_with_capacity_lists_is_pruned() {
    let mut cluster = beside(&policy());
    assert!(cluster.deletions().is_empty(), "the first release has capacity, and lists it");
    cluster.wanted(1).capacity = 0;
    assert_eq!(cluster.deletions(), ["NetworkPolicy wall"]);
}

/// [C11] Nothing is known to be unlisted while the manifests of a release with capacity are not at hand.
#[test]
fn c11_nothing_is_pruned_while_manifests_are_missing() {
    let mut cluster = beside(&policy());
    cluster.wanted(1).capacity = 0;
    cluster.lose_manifests(2);
    assert!(cluster.deletions().is_empty(), "{:?}", cluster.deletions());
}

/// [X1] Data is nobody's to delete.
#[test]
fn x1_a_volume_claim_is_never_pruned() {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"]}});
    let mut cluster = beside(&claim);
    cluster.wanted(1).capacity = 0;
    assert!(cluster.deletions().is_empty(), "{:?}", cluster.deletions());
}
