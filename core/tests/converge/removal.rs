//! Removing an application from a cluster [X1]: in the reverse of the order of installing [C10], but for what is kept.

use crate::support::{Cluster, release};
use serde_json::{Value, json};
use shipper_core::labels::{FIELD_MANAGER, KEEP};
use shipper_core::report::Remains;

/// A release with two pods, its Service, a ServiceAccount, and what `more` renders; all of it is there.
fn installed(more: &[Value]) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(2), None);
    cluster.renders(1, &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app"}}));
    for object in more {
        cluster.renders(1, object);
    }
    cluster.install();
    cluster.deployment(1, 2, FIELD_MANAGER);
    assert_eq!(remains(&cluster).ready_pods, 2);
    cluster
}

fn remains(cluster: &Cluster) -> Remains {
    cluster.look().report.remains.expect("it is said what remains")
}

/// [X1, C10] Whatever was installed later goes earlier; what pods may still need goes when they have ended; the inventory, which says where
/// to look, goes last.
#[test]
fn x1_c10_an_application_goes_in_the_reverse_of_the_order_of_installing() {
    let mut cluster = installed(&[]);
    cluster.remove();
    let left = remains(&cluster).objects;
    assert_eq!(left, 6, "Deployment, Service, ServiceAccount, inventory and two pods");
    assert_eq!(cluster.delete_due(), [format!("Deployment {}", release(1))]);
    assert_eq!(cluster.deletions(), [""; 0], "its pods may still need what is left");
    cluster.gone(1, 1);
    assert_eq!(cluster.deletions(), [""; 0]);
    cluster.gone(1, 2);
    assert_eq!(cluster.delete_due(), ["Service app"]);
    assert_eq!(cluster.delete_due(), ["ServiceAccount app"]);
    assert_eq!(remains(&cluster).objects, 1);
    assert_eq!(cluster.delete_due(), ["ConfigMap shipper-app"]);
    assert_eq!(remains(&cluster), Remains::default());
    assert!(cluster.look().report.releases.iter().all(|release| !release.present));
}

/// [X1] A finalizer holds up what was installed before its object, and is told.
#[test]
fn x1_what_a_finalizer_holds_is_waited_for_and_told() {
    let mut cluster = installed(&[]);
    cluster.terminating(1, "Deployment");
    cluster.remove();
    cluster.gone(1, 2);
    assert_eq!(cluster.deletions(), [""; 0], "neither again, nor what comes after it");
    let problem = cluster.look().report.problems.into_iter().next().expect("it is told");
    assert!(
        problem.object.starts_with("Deployment") && problem.message.contains("finalizers"),
        "{problem:?}"
    );
}

/// [X1] What holds data, and what people want to keep, stays; so does the inventory, and nothing waits for them.
#[test]
fn x1_what_is_kept_stays_and_is_named() {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let kept = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "auditor", "annotations": {KEEP: ""}}, "rules": []});
    let mut cluster = installed(&[claim, kept]);
    cluster.remove();
    cluster.gone(1, 2);
    let mut gone = Vec::new();
    while !cluster.deletions().is_empty() {
        gone.extend(cluster.delete_due());
    }
    assert_eq!(
        gone,
        [format!("Deployment {}", release(1)), "Service app".to_owned(), "ServiceAccount app".to_owned()]
    );
    let remains = remains(&cluster);
    assert_eq!(remains.objects, 0, "the removal is done");
    assert_eq!(remains.kept, ["PersistentVolumeClaim web/data", "Role web/auditor"]);
}
