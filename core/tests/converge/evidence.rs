//! Rules C4 and C10: what counts as achieved, and what has to be there first.

use crate::support::Cluster;
use serde_json::json;
use shipper_core::catalogue::Trouble;
use shipper_core::labels::FIELD_MANAGER;

/// [C4] What a Deployment says before its controller has seen what was asked is about something else.
#[test]
fn c4_an_unobserved_generation_proves_nothing() {
    let mut cluster = Cluster::corked(1);
    assert!(cluster.report(1).capacity.achieved);
    let counts = json!({"observedGeneration": 0, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1});
    cluster.status(1, "Deployment", &counts);
    assert!(!cluster.report(1).capacity.achieved);
}

/// [C4] A Deployment whose numbers are right while a pod too many is still there is not done.
#[test]
fn c4_a_pod_too_many_is_not_achieved() {
    let mut cluster = Cluster::new();
    cluster.release(100, 0, Some(1), None);
    cluster.deployment(1, 1, FIELD_MANAGER);
    assert!(cluster.report(1).capacity.achieved);
    cluster.pod(1, 1, true, false);
    assert!(!cluster.report(1).capacity.achieved);
    cluster.gone(1, 1);
    assert!(cluster.report(1).capacity.achieved);
}

/// [C4] Traffic is achieved when the endpoints say so, whatever the labels say.
#[test]
fn c4_traffic_is_what_the_endpoints_say() {
    let mut cluster = Cluster::corked(2);
    assert!(cluster.report(1).traffic.is_some_and(|traffic| traffic.achieved && traffic.ready == 2));
    cluster.endpoints("app", "Service-1", &["app-1-0"]);
    let traffic = cluster.report(1).traffic.unwrap();
    assert!(!traffic.achieved && traffic.ready == 1, "{traffic:?}");
}

/// [C10] Without its namespace nothing is applied; that is told, and waited for.
#[test]
fn c10_nothing_is_applied_without_the_namespace() {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(1), None);
    assert!(cluster.apply(1, "Deployment").is_some());
    cluster.lose_namespace();
    assert!(cluster.look().actions.is_empty(), "{:?}", cluster.look().actions);
    let told = cluster.look().report.problems;
    assert!(
        told.iter().any(|problem| problem.reason == Trouble::NamespaceMissing && problem.heals),
        "{told:?}"
    );
    assert!(!cluster.report(1).installed);
}
