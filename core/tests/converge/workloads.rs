//! Rule C11 for StatefulSets, DaemonSets and Jobs: a step waits for them.

use crate::support::{Cluster, DEPLOYMENT};
use serde_json::{Value, json};
use shipper_core::labels::FIELD_MANAGER;
use shipper_core::report::ObjectProblem;

fn rendered(api_version: &str, kind: &str, tag: &str) -> Value {
    let template = json!({"metadata": {"labels": {"app": "store"}},
        "spec": {"containers": [{"name": "store", "image": format!("example.com/store:{tag}")}]}});
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "store"},
        "spec": {"replicas": 3, "ttlSecondsAfterFinished": 60, "template": template}})
}

/// A release whose Deployment and Service are as they are to be, and a workload beside them.
fn beside(api_version: &str, kind: &str) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(1), None);
    cluster.renders(1, &rendered(api_version, kind, "1"));
    cluster.deployment(1, 1, FIELD_MANAGER);
    cluster
}

fn told(cluster: &Cluster, kind: &str) -> Option<ObjectProblem> {
    cluster.look().report.problems.into_iter().find(|problem| problem.object.starts_with(kind))
}

fn status(ready: u32) -> Value {
    json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": ready, "availableReplicas": ready})
}

#[test]
fn c11_a_step_waits_for_a_stateful_set_and_says_so() {
    let mut cluster = beside("apps/v1", "StatefulSet");
    cluster.status(1, "StatefulSet", &status(2));
    assert!(!cluster.report(1).capacity.achieved);
    let waits = told(&cluster, "StatefulSet").expect("it is told");
    assert!(waits.heals && waits.message == "2 of 3 pods are ready", "{waits:?}");
    cluster.status(1, "StatefulSet", &status(3));
    assert!(cluster.report(1).capacity.achieved);
    assert!(told(&cluster, "StatefulSet").is_none());
}

#[test]
fn c11_it_is_waited_for_by_the_release_whose_version_is_applied() {
    let mut cluster = beside("apps/v1", "StatefulSet");
    cluster.release(100, 0, Some(1), None);
    cluster.renders(2, &rendered("apps/v1", "StatefulSet", "2"));
    cluster.deployment(2, 1, FIELD_MANAGER);
    cluster.status(1, "StatefulSet", &status(1));
    assert!(!cluster.report(1).capacity.achieved, "the lead is v1");
    assert!(cluster.report(2).capacity.achieved);
    cluster.wanted(1).traffic = Some(0);
    cluster.wanted(2).traffic = Some(100);
    let apply = cluster.apply(2, "StatefulSet").expect("it follows the lead");
    assert!(apply.object.to_string().contains("store:2"), "{apply:?}");
    assert!(cluster.report(1).capacity.achieved);
    assert!(!cluster.report(2).installed);
}

#[test]
fn c11_a_job_is_waited_for_and_its_failure_does_not_heal() {
    let mut cluster = beside("batch/v1", "Job");
    cluster.status(1, "Job", &json!({"active": 1}));
    assert!(!cluster.report(1).capacity.achieved);
    assert!(told(&cluster, "Job").is_some_and(|problem| problem.heals));
    let ended = |kind: &str| json!({"conditions": [{"type": kind, "status": "True", "reason": "BackoffLimitExceeded"}]});
    cluster.status(1, "Job", &ended("Failed"));
    assert!(told(&cluster, "Job").is_some_and(|p| !p.heals && p.message.contains("BackoffLimitExceeded")));
    cluster.status(1, "Job", &ended("Complete"));
    assert!(cluster.report(1).capacity.achieved && told(&cluster, "Job").is_none());
}

#[test]
fn c11_no_timer_removes_a_job_that_would_then_run_again() {
    let cluster = beside("batch/v1", "Job");
    let apply = cluster.apply(1, "Job").expect("it is not there");
    assert_eq!(apply.object["spec"].get("ttlSecondsAfterFinished"), None);
}

#[test]
fn r7_a_release_at_zero_waits_for_none() {
    let mut cluster = beside("batch/v1", "Job");
    cluster.status(1, "Job", &json!({"active": 1}));
    cluster.wanted(1).capacity = 0;
    cluster.wanted(1).traffic = Some(0);
    cluster.deployment(1, 0, FIELD_MANAGER);
    cluster.gone(1, 1);
    assert!(cluster.report(1).capacity.achieved);
}

/// [C3, C11] What a target asks for counts the minimum of an autoscaler, and the StatefulSet of the lead once.
#[test]
fn c3_c11_the_pods_that_a_target_asks_for() {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(1), Some((4, 9)));
    cluster.renders(1, &rendered("apps/v1", "StatefulSet", "1"));
    assert_eq!(cluster.pods_asked_for(), 4 + 3);
    cluster.release(50, 0, Some(2), Some((4, 9)));
    cluster.wanted(2).autoscaler_base.insert(DEPLOYMENT.to_owned(), 8);
    let mut more = rendered("apps/v1", "StatefulSet", "2");
    more["spec"]["replicas"] = json!(5);
    cluster.renders(2, &more);
    assert_eq!(cluster.pods_asked_for(), 4 + 4 + 3, "half of 8 for v2; the lead is v1");
    cluster.wanted(1).capacity = 0;
    cluster.wanted(1).traffic = Some(0);
    cluster.wanted(2).traffic = Some(100);
    assert_eq!(cluster.pods_asked_for(), 4 + 5, "the lead is v2");
    cluster.target.absent = true;
    assert_eq!(cluster.pods_asked_for(), 0);
}
