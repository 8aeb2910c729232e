//! Rule C6: while the Service selects a release by its label, every pod of it that is or becomes ready has traffic, marked or not.

use crate::support::{Cluster, release};
use serde_json::json;
use shipper_core::converge::Apply;
use shipper_core::labels::{APPLICATION, FIELD_MANAGER, RELEASE, TRAFFIC};

/// [C6, C1] A pod that is marked to go may become ready at any moment, and the selector would send traffic to it: the selector
/// moves before replicas go down.
#[test]
fn c6_a_corked_release_is_not_lowered_before_the_selector_has_moved() {
    let mut cluster = Cluster::corked(4);
    cluster.wanted(1).capacity = 50;
    cluster.pod(1, 3, false, false);
    cluster.pass(1);
    assert_eq!(cluster.replicas(1), None, "although an unready pod is marked, for long enough");
    assert!(
        cluster.apply(1, "Service").is_none(),
        "nobody knows yet whether the endpoint controller follows"
    );

    let shadow = cluster.apply_to("Service", "app-shadow").expect("which a shadow shows");
    assert_eq!(shadow.object["spec"]["selector"][TRAFFIC], "true");
    cluster.carry_out(&shadow);
    cluster.endpoints("app-shadow", "Service-new", &["app-1-0", "app-1-1"]);
    assert!(cluster.apply(1, "Service").is_none(), "one that is ready is not behind the coming selector");
    assert_eq!(cluster.replicas(1), None);
    cluster.endpoints("app-shadow", "Service-new", &["app-1-0", "app-1-1", "app-1-2"]);
    let moved = cluster.apply(1, "Service").expect("now");
    assert_eq!(moved.object["spec"]["selector"].get(RELEASE), None);
    assert_eq!(cluster.replicas(1), None, "not side by side with the move");
    cluster.carry_out(&moved);
    assert_eq!(cluster.replicas(1), None, "it may have got ready, and traffic, a moment before");
    assert!(cluster.look().wake_at.is_some());
    cluster.pass(4);
    assert_eq!(
        cluster.replicas(1),
        None,
        "the endpoint controller may have listed it since, by the selector that it knew"
    );
    cluster.pass(1);
    assert_eq!(cluster.replicas(1), Some(3), "the unready pod goes first");
}

/// [C2, C6] A pod that has just lost the label would have traffic for as long as the endpoint controller is behind, and lose it again while it
/// counts: the selector moves when the shadow lists it no more.
#[test]
fn c6_the_selector_brings_in_no_pod_that_has_lost_its_label() {
    let mut cluster = Cluster::corked(4);
    cluster.wanted(1).capacity = 50;
    cluster.release(25, 0, Some(4), None);
    cluster.deployment(2, 1, FIELD_MANAGER);
    cluster.pod(2, 0, true, false);
    cluster.pass(1);
    let corked = ["app-1-0", "app-1-1", "app-1-2", "app-1-3"];
    cluster.endpoints("app", "Service-1", &corked);
    cluster.shadow(&[&corked[..], &["app-2-0"]].concat());
    assert!(cluster.apply(1, "Service").is_none(), "the endpoint controller knows app-2-0 with the label");
    cluster.endpoints("app-shadow", "Service-new", &corked);
    let moved = cluster.apply(1, "Service").expect("now");
    assert_eq!(moved.object["spec"]["selector"].get(RELEASE), None);
}

/// [C6] The shadow need not have listed a pod yet that had the label a moment ago, and the endpoint controller may know it with the label all
/// the same: the selector moves neither beside the loss of a label nor right after it.
#[test]
fn c6_the_selector_waits_for_labels_that_are_taken() {
    let mut cluster = Cluster::corked(4);
    cluster.wanted(1).capacity = 50;
    cluster.release(25, 0, Some(4), None);
    cluster.deployment(2, 1, FIELD_MANAGER);
    cluster.shadow(&["app-1-0", "app-1-1", "app-1-2", "app-1-3"]);
    assert_eq!(cluster.labels().get("app-2-0"), Some(&false));
    assert!(cluster.apply(1, "Service").is_none(), "whoever sees the Service first would list app-2-0");
    cluster.pod(2, 0, true, false);
    assert!(cluster.apply(1, "Service").is_none(), "the endpoint controller may not have seen that");
    assert!(cluster.look().wake_at.is_some());
    cluster.pass(1);
    let moved = cluster.apply(1, "Service").expect("now");
    assert_eq!(moved.object["spec"]["selector"].get(RELEASE), None);
}

/// [C6, C9] After a restart nobody knows whether a pod that is marked had the label a moment ago.
#[test]
fn c6_after_a_restart_the_selector_waits_for_labels_that_may_have_been_taken() {
    let mut cluster = Cluster::corked(4);
    cluster.wanted(1).capacity = 50;
    cluster.release(25, 0, Some(4), None);
    cluster.deployment(2, 1, FIELD_MANAGER);
    cluster.pod(2, 0, true, false);
    cluster.pass(60);
    let shadow = cluster.apply_to("Service", "app-shadow").expect("a shadow");
    cluster.restart();
    cluster.deployment(1, 4, FIELD_MANAGER);
    cluster.workload(2, 1, &[], (true, 1, 1));
    cluster.pod(2, 0, true, false);
    cluster.applied(1, "Service", &[], |object| {
        object["spec"]["selector"] = json!({"app": "app", APPLICATION: "app", RELEASE: release(1)});
    });
    cluster.carry_out(&shadow);
    cluster.endpoints("app-shadow", "Service-new", &["app-1-0", "app-1-1", "app-1-2", "app-1-3"]);
    assert!(cluster.apply(1, "Service").is_none(), "it may have lost the label a moment ago");
    cluster.pass(1);
    assert!(cluster.apply(1, "Service").is_some());
}

/// [C2, C6] After the selector moved an unready pod keeps its label for a while: the endpoint controller may go by the old selector still, and
/// what gets ready under both goes on serving.
#[test]
fn c6_an_unready_pod_keeps_its_label_until_the_selector_rests() {
    let mut cluster = Cluster::corked(4);
    cluster.wanted(1).capacity = 75;
    cluster.pod(1, 3, false, true);
    cluster.pass(60);
    cluster.shadow(&["app-1-0", "app-1-1", "app-1-2"]);
    let moved = cluster.apply(1, "Service").expect("now");
    cluster.carry_out(&moved);
    assert_eq!(cluster.labels().get("app-1-3"), None);
    cluster.pass(1);
    assert_eq!(cluster.labels().get("app-1-3"), Some(&false));
}

/// [C5, C6] A pod without the label that got ready while the Service selected its release may have had traffic until the selector moved,
/// although no slice was seen that lists it.
#[test]
fn c6_what_the_selector_gave_traffic_to_settles_from_when_it_moved() {
    let mut cluster = Cluster::corked(4);
    cluster.wanted(1).capacity = 50;
    cluster.pod(1, 3, false, false);
    cluster.endpoints("app", "Service-1", &["app-1-0", "app-1-1", "app-1-2"]);
    cluster.pass(60);
    cluster.shadow(&["app-1-0", "app-1-1", "app-1-2"]);
    let moved = cluster.apply(1, "Service").expect("now");
    cluster.carry_out(&moved);
    cluster.pod(1, 3, true, false);
    cluster.pass(4);
    assert_eq!(cluster.replicas(1), None);
    cluster.pass(2);
    assert_eq!(cluster.replicas(1), Some(3));
}

/// [C5, C6] Before the selector moves to the traffic label, every ready pod gets it, but for those that the ReplicaSet is about to
/// take: without their mark it would take others, which serve.
#[test]
fn c6_a_pod_that_is_about_to_be_taken_is_not_given_the_label_back() {
    let mut cluster = Cluster::corked(4);
    cluster.release(50, 50, Some(4), None);
    cluster.deployment(2, 2, FIELD_MANAGER);
    (cluster.wanted(1).capacity, cluster.wanted(1).traffic) = (75, Some(50));
    cluster.pod(1, 3, true, false);
    cluster.pass(1);
    assert_eq!(cluster.labels().get("app-1-3"), Some(&true), "nobody is about to take it");

    // Replicas were lowered by one, and the pods have not followed.
    cluster.deployment(1, 3, FIELD_MANAGER);
    assert_eq!(cluster.labels().get("app-1-3"), None, "one of four is to go, and it is marked");

    // They are raised again, and the Deployment controller has seen both. The ReplicaSet controller may still act on the lower number.
    cluster.wanted(1).capacity = 100;
    cluster.deployment(1, 4, FIELD_MANAGER);
    cluster.pod(1, 3, true, false);
    assert_eq!(cluster.labels().get("app-1-3"), None, "it may be deleted at any moment");
    assert!(cluster.look().wake_at.is_some());
    cluster.pass(1);
    assert_eq!(cluster.labels().get("app-1-3"), Some(&true), "whoever was to take it would have");
}

/// [C2, C6] While no slice is seen, a pod of another release that has the label may serve all the same: neither its label nor the selector
/// goes before slices list enough pods of the release that is to have the traffic.
#[test]
fn c6_nothing_is_taken_from_a_pod_that_may_serve_unseen() {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(2), None);
    cluster.release(50, 0, Some(2), None);
    cluster.deployment(1, 2, FIELD_MANAGER);
    cluster.deployment(2, 1, FIELD_MANAGER);
    cluster.service(1, &[]);
    assert!(cluster.labels().is_empty(), "{:?}", cluster.labels());
    let corks = |apply: &Apply| apply.object["spec"]["selector"].get(RELEASE).is_some();
    assert!(
        !cluster.apply(1, "Service").is_some_and(|apply| corks(&apply)),
        "the others may not be listed yet"
    );
    cluster.service(1, &[(1, 0), (1, 1), (2, 0)]);
    assert_eq!(cluster.labels().get("app-2-0"), Some(&false));
    assert!(cluster.apply(1, "Service").is_some_and(|apply| corks(&apply)), "enough serve");
}

/// [C2, C6] A pod that becomes ready behind a Service that selects its release serves at once. While too few are ready, those that are not have
/// the label too before the selector moves: otherwise it would take from them what they got a moment ago.
#[test]
fn c6_a_pod_that_becomes_ready_while_the_selector_moves_goes_on_serving() {
    let mut cluster = Cluster::corked(4);
    cluster.wanted(1).capacity = 50;
    cluster.pod(1, 1, false, false);
    cluster.pod(1, 2, false, true);
    cluster.pod(1, 3, false, true);
    cluster.pass(1);
    assert_eq!(cluster.labels().get("app-1-1"), Some(&true), "one is ready of two, and any may be the next");
    assert_eq!(cluster.labels().len(), 1, "and none is marked to go");
    cluster.shadow(&["app-1-0"]);
    assert!(cluster.apply(1, "Service").is_none(), "an unready one has no label yet");
    cluster.pod(1, 1, false, true);
    let moved = cluster.apply(1, "Service").expect("now");
    cluster.carry_out(&moved);
    cluster.pass(1);
    assert_eq!(cluster.labels().values().filter(|serve| !**serve).count(), 3, "unready ones are marked now");
}

/// [C1, C6] Before the selector moves, pods that are not ready have the label too where too few are: none of them yields its place to a newer
/// release until it has moved, or the label would be taken and given without end.
#[test]
fn c6_no_unready_pod_yields_its_place_before_the_selector_has_moved() {
    let mut cluster = Cluster::corked(4);
    cluster.wanted(1).capacity = 50;
    cluster.release(100, 100, Some(4), None);
    cluster.deployment(2, 1, FIELD_MANAGER);
    for number in [2, 3] {
        cluster.pod(1, number, false, true);
    }
    cluster.endpoints("app", "Service-1", &["app-1-0", "app-1-1"]);
    cluster.pass(20);
    assert!(cluster.labels().is_empty(), "the selector has not moved: {:?}", cluster.labels());
    cluster.shadow(&["app-1-0", "app-1-1", "app-2-0"]);
    let moved = cluster.apply(1, "Service").expect("now");
    cluster.carry_out(&moved);
    assert!(cluster.labels().is_empty(), "the endpoint controller may not know yet: {:?}", cluster.labels());
    assert!(cluster.look().wake_at.is_some());
    cluster.pass(1);
    let taken: Vec<_> = cluster.labels().into_iter().collect();
    assert_eq!(taken, [("app-1-2".to_owned(), false), ("app-1-3".to_owned(), false)]);
}

/// [C1, C6] Pods with the label, behind a Service that selects another release, have no traffic: they go, so that there is room for those that
/// are to have it.
#[test]
fn c6_what_the_service_does_not_select_goes_while_the_others_are_short() {
    let mut cluster = Cluster::corked(4);
    cluster.release(0, 0, Some(4), None);
    cluster.deployment_ready(1, 4, 2, FIELD_MANAGER);
    cluster.endpoints("app", "Service-1", &["app-1-0", "app-1-1"]);
    cluster.deployment(2, 3, FIELD_MANAGER);
    cluster.pass(1);
    let taken: Vec<_> = cluster.labels().into_iter().collect();
    let all = ["app-2-0", "app-2-1", "app-2-2"].map(|pod| (pod.to_owned(), false));
    assert_eq!(taken, all, "although two of four serve");
}
