//! Rule C7: what another changes is put back, and a fight about it is not fought at full speed.

use crate::support::{Cluster, PERSON};
use serde_json::json;
use shipper_core::catalogue::Trouble;
use shipper_core::labels::FIELD_MANAGER;
use shipper_core::report::ObjectProblem;

fn conflicts(cluster: &Cluster) -> Vec<ObjectProblem> {
    cluster.look().report.problems.into_iter().filter(|p| p.reason == Trouble::FieldConflict).collect()
}

#[test]
fn c7_a_selector_is_put_back_twice_at_once_and_then_with_longer_and_longer_pauses() {
    let mut cluster = Cluster::corked(2);
    for _ in 0..2 {
        cluster.select(1, &json!({"app": "mine"}));
        let back = cluster.apply(1, "Service").expect("put back at once");
        assert!(back.repair && back.resource_version.is_some());
        cluster.carry_out(&back);
        assert!(conflicts(&cluster).is_empty());
    }
    for pause in [1, 2, 4] {
        cluster.select(1, &json!({"app": "mine"}));
        cluster.pass(pause - 1);
        assert!(cluster.apply(1, "Service").is_none());
        assert!(cluster.look().wake_at.is_some(), "it is not forgotten");
        cluster.pass(1);
        let back = cluster.apply(1, "Service").expect("the pause is over");
        cluster.carry_out(&back);
    }
    let told = conflicts(&cluster);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].heals && told[0].object == "Service web/app", "{told:?}");
    assert!(told[0].message.contains(PERSON) && told[0].message.contains("5 times"), "{told:?}");
    cluster.pass(601);
    assert!(conflicts(&cluster).is_empty());
    cluster.select(1, &json!({"app": "mine"}));
    assert!(cluster.apply(1, "Service").is_some(), "the count has started again");
}

#[test]
fn c7_a_selector_that_is_to_move_is_no_repair() {
    let mut cluster = Cluster::corked(2);
    for _ in 0..4 {
        cluster.service(1, &[(1, 0), (1, 1)]);
        let cork = cluster.apply(1, "Service").expect("at once, however often");
        assert!(!cork.repair);
        cluster.carry_out(&cork);
    }
}

#[test]
fn c7_a_fight_over_a_label_has_pauses_and_another_pod_serves_meanwhile() {
    let mut cluster = Cluster::new();
    cluster.release(100, 50, Some(1), None);
    cluster.release(100, 50, Some(2), None);
    cluster.deployment(1, 1, FIELD_MANAGER);
    cluster.deployment(2, 2, FIELD_MANAGER);
    cluster.service(1, &[(1, 0), (2, 0), (2, 1)]);
    cluster.give_label(2, 0);
    cluster.pass(1);
    for _ in 0..2 {
        cluster.unlabel(2, 0);
        assert_eq!(cluster.labels().get("app-2-0"), Some(&true), "put back at once");
        cluster.give_label(2, 0);
    }
    cluster.unlabel(2, 0);
    cluster.pod(2, 1, true, false);
    assert_eq!(cluster.labels().into_iter().collect::<Vec<_>>(), [("app-2-1".to_owned(), true)]);
    assert!(cluster.look().wake_at.is_some());
    cluster.pass(1);
    assert_eq!(cluster.labels().get("app-2-0"), Some(&true), "the pause is over");
    cluster.give_label(2, 0);
    let told = conflicts(&cluster);
    assert!(told.len() == 1 && told[0].object == "Pod web/app-2-0" && told[0].heals, "{told:?}");
}

#[test]
fn c7_whatever_another_deletes_again_and_again_waits() {
    let mut cluster = Cluster::corked(2);
    for times in 0..3 {
        cluster.delete(1, "Deployment");
        if times == 2 {
            assert!(cluster.apply(1, "Deployment").is_none());
            cluster.pass(1);
        }
        let anew = cluster.apply(1, "Deployment").expect("made anew");
        assert!(anew.repair);
        cluster.carry_out(&anew);
    }
    assert_eq!(conflicts(&cluster).len(), 1);
}

/// [C7, C2] What another scaled up goes back at once, but for pods that have traffic: those lose it first.
#[test]
fn c7_replicas_are_taken_back_from_pods_without_traffic() {
    let mut cluster = Cluster::corked(2);
    cluster.deployment(1, 4, PERSON);
    assert!(cluster.replicas(1).is_none_or(|replicas| replicas == 4), "all four carry the label");
    let taken: Vec<_> = cluster.labels().into_iter().collect();
    assert_eq!(
        taken,
        [("app-1-2".to_owned(), false), ("app-1-3".to_owned(), false)],
        "those not in the endpoints"
    );
    cluster.pod(1, 2, true, false);
    cluster.pod(1, 3, true, false);
    cluster.pass(1);
    assert_eq!(cluster.replicas(1), Some(2));
}

/// [C2, C7] Somebody gives traffic to a pod that was marked to go first, and it is needed: its mark goes before replicas do, because the
/// ReplicaSet would take it with the others.
#[test]
fn c2_a_pod_that_another_gave_traffic_loses_its_mark() {
    let mut cluster = Cluster::new();
    cluster.release(25, 25, Some(4), None);
    cluster.deployment(1, 4, FIELD_MANAGER);
    (0..4).for_each(|number| cluster.pod(1, number, true, false));
    cluster.label(1, 0);
    cluster.service(1, &[(1, 0)]);
    cluster.pass(10);
    assert_eq!(cluster.labels().into_iter().collect::<Vec<_>>(), [("app-1-0".to_owned(), true)]);
    assert_eq!(cluster.replicas(1), None, "three of four may go, and it looks like the others");
    cluster.pod(1, 0, true, true);
    assert_eq!(cluster.replicas(1), None, "whoever takes pods may not know yet");
    cluster.pass(1);
    assert_eq!(cluster.replicas(1), Some(1));
}

/// [C7] A Service that somebody deletes comes back with the addresses that it had: cluster IP, and node ports by port and protocol.
#[test]
fn c7_a_service_that_is_made_anew_gets_its_former_addresses() {
    let mut cluster = Cluster::corked(2);
    cluster.addresses(1, "10.0.0.7", &[(80, 30080)]);
    let before = cluster.apply(1, "Service");
    assert!(before.is_none_or(|apply| apply.object["spec"].get("clusterIP").is_none()), "it has them");
    cluster.delete(1, "Service");
    let anew = cluster.apply(1, "Service").expect("made anew");
    assert_eq!(anew.uid, None);
    let spec = &anew.object["spec"];
    assert_eq!(spec["clusterIP"], "10.0.0.7");
    assert_eq!((&spec["ports"][0]["port"], &spec["ports"][0]["nodePort"]), (&json!(80), &json!(30080)));

    // A node port of a port that it has no more is nobody's.
    let mut cluster = Cluster::corked(2);
    cluster.addresses(1, "10.0.0.7", &[(443, 30443)]);
    cluster.delete(1, "Service");
    let anew = cluster.apply(1, "Service").expect("made anew");
    assert_eq!(anew.object["spec"]["ports"][0].get("nodePort"), None);
}
