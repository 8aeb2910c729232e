//! Rules C2 and C5 while controllers lag: who is asked to end has been without traffic for the settle time, and what a ReplicaSet may
//! still make of a larger count has its room.

use crate::support::Cluster;
use shipper_core::labels::{FIELD_MANAGER, RELEASE};

/// Two releases of four that share the traffic, and a Service that selects by label.
fn half_and_half() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(4), None);
    cluster.release(50, 0, Some(4), None);
    cluster.deployment(1, 4, FIELD_MANAGER);
    cluster.deployment(2, 2, FIELD_MANAGER);
    cluster
}

/// [C2] Replicas that were lowered before their pods were there: until both controllers know, they may make the pods all the same.
#[test]
fn c2_what_was_lowered_before_its_pods_were_there_keeps_its_room() {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(4), None);
    cluster.release(0, 0, Some(4), None);
    cluster.deployment(1, 4, FIELD_MANAGER);
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3)]);
    cluster.release(25, 0, Some(4), None);
    cluster.deployment(3, 0, FIELD_MANAGER);
    cluster.lowered(2, 2, (0, false));
    cluster.lowered(2, 0, (0, false));
    assert_eq!(cluster.replicas(3), None, "the two pods of the second may be made in this moment");
    cluster.pass(60);
    assert_eq!(cluster.replicas(3), None, "nobody has looked at the lower count yet");
    cluster.lowered(2, 0, (0, true));
    assert_eq!(cluster.replicas(3), None, "the ReplicaSet controller sees it later than that of Deployments");
    assert!(cluster.look().wake_at.is_some());
    cluster.pass(1);
    assert_eq!(cluster.replicas(3), Some(1));
}

/// [C5] Pods of which one gets ready before it is taken are chosen from like the others that are marked: none goes as long as one of them
/// has not settled.
#[test]
fn c5_an_unready_pod_waits_for_the_settle_time_of_those_that_are_marked_beside_it() {
    let mut cluster = half_and_half();
    cluster.wanted(2).capacity = 0;
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3), (2, 1)]);
    cluster.pass(60);
    cluster.pod(2, 0, false, false);
    cluster.pod(2, 1, true, false);
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3)]);
    cluster.pass(1);
    assert_eq!(cluster.replicas(2), None, "the second left the EndpointSlices a second ago");
    cluster.pass(5);
    assert_eq!(cluster.replicas(2), Some(0));
}

/// [C5] While a ReplicaSet is about to take pods, no other is marked, which it might take in their place.
#[test]
fn c5_no_pod_loses_its_traffic_while_the_replica_set_is_about_to_take_one() {
    let mut cluster = half_and_half();
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3), (2, 0)]);
    cluster.pod(2, 1, true, false);
    cluster.pass(60);
    cluster.wanted(2).capacity = 25;
    assert_eq!(cluster.replicas(2), Some(1));
    assert!(cluster.labels().is_empty(), "not in the same breath: {:?}", cluster.labels());
    cluster.wanted(2).capacity = 0;
    cluster.lowered(2, 1, (2, false));
    assert!(cluster.labels().is_empty(), "nobody has taken the other yet: {:?}", cluster.labels());
    cluster.lowered(2, 1, (2, true));
    assert!(cluster.labels().is_empty(), "{:?}", cluster.labels());
    cluster.lowered(2, 1, (1, true));
    let taken: Vec<_> = cluster.labels().into_iter().collect();
    assert_eq!(taken, [("app-2-0".to_owned(), false)]);
}

/// [C5] Where pods are still to be seen, those that are there must have settled all the same before the count goes down.
#[test]
fn c5_pods_that_had_traffic_settle_although_others_are_still_to_come() {
    let mut cluster = half_and_half();
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3), (2, 0)]);
    cluster.gone(2, 2);
    cluster.pod(2, 0, true, true);
    cluster.pass(60);
    cluster.wanted(2).capacity = 0;
    cluster.pod(2, 0, true, false);
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3)]);
    cluster.pass(1);
    assert_eq!(
        cluster.replicas(2),
        None,
        "it lost its traffic a second ago, and one of two is still to be seen"
    );
    cluster.pass(5);
    assert_eq!(cluster.replicas(2), Some(0));
}

/// [C5] A pod that lost its label may be in a slice that is still to be seen.
#[test]
fn c5_the_settle_time_does_not_begin_before_the_label_is_gone() {
    let mut cluster = half_and_half();
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3)]);
    cluster.pass(60);
    cluster.wanted(2).capacity = 25;
    cluster.pod(2, 1, true, false);
    cluster.pass(5);
    assert_eq!(
        cluster.replicas(2),
        None,
        "it may have been listed until its label went, and a moment longer"
    );
    cluster.pass(1);
    assert_eq!(cluster.replicas(2), Some(1));
}

/// [C5, C6] The Service does not select a release by its name while pods of it are about to be taken: they would have traffic again.
#[test]
fn c6_a_release_of_which_pods_are_about_to_be_taken_is_not_selected_by_its_name() {
    let mut cluster = Cluster::new();
    cluster.release(50, 100, Some(4), None);
    cluster.deployment(1, 4, FIELD_MANAGER);
    cluster.service(1, &[(1, 0), (1, 1)]);
    (2..4).for_each(|number| cluster.pod(1, number, true, false));
    cluster.pass(60);
    cluster.lowered(1, 2, (4, false));
    let corks = |cluster: &Cluster| {
        cluster
            .apply(1, "Service")
            .is_some_and(|apply| apply.object["spec"]["selector"].get(RELEASE).is_some())
    };
    assert!(!corks(&cluster), "two of its pods are to go");
    (2..4).for_each(|number| cluster.lose(1, number));
    cluster.lowered(1, 2, (2, true));
    cluster.pass(1);
    assert!(corks(&cluster));
}

/// [C5, C7] What somebody scaled up is taken back without settle time, but for pods that had traffic a moment ago.
#[test]
fn c7_a_pod_that_had_traffic_settles_before_replicas_are_taken_back() {
    let mut cluster = half_and_half();
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1)]);
    cluster.wanted(2).capacity = 0;
    cluster.deployment(2, 2, crate::support::PERSON);
    (0..2).for_each(|number| cluster.pod(2, number, true, false));
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3)]);
    cluster.pass(1);
    assert_eq!(cluster.replicas(2), None);
    cluster.pass(5);
    assert_eq!(cluster.replicas(2), Some(0));
}

/// [C5, C7] After a restart nobody knows when a pod that is marked lost its traffic: the settle time begins anew.
#[test]
fn c7_after_a_restart_replicas_are_taken_back_when_marked_pods_have_settled() {
    let mut cluster = half_and_half();
    cluster.wanted(2).capacity = 0;
    cluster.restart();
    cluster.deployment(1, 4, FIELD_MANAGER);
    (0..2).for_each(|number| cluster.pod(2, number, true, false));
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3)]);
    cluster.taken(2, 2);
    cluster.pass(4);
    assert_eq!(cluster.replicas(2), None);
    cluster.pass(2);
    assert_eq!(cluster.replicas(2), Some(0));
}

/// [C5] A Deployment that rolls its pods by itself, and cannot, has more of them than it is to have: that holds up no traffic.
#[test]
fn c5_a_deployment_that_is_stuck_in_its_own_roll_gives_its_traffic_away() {
    let mut cluster = half_and_half();
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1)]);
    cluster.wanted(2).capacity = 0;
    cluster.lowered(2, 1, (2, false));
    assert!(cluster.labels().is_empty());
    cluster.rolling(2, 1, (2, 1), true);
    assert!(cluster.look().wake_at.is_some());
    cluster.pass(1);
    assert_eq!(
        cluster.labels().get("app-2-0"),
        Some(&false),
        "one more than asked for stays until the other is ready"
    );
}

/// [C5, C7] Replicas that another takes again and again are put back after a pause: nothing is asked of the ReplicaSet meanwhile, and traffic
/// goes on.
#[test]
fn c5_a_fight_over_replicas_holds_up_no_traffic() {
    let mut cluster = half_and_half();
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3), (2, 0)]);
    cluster.wanted(2).capacity = 0;
    cluster.pod(2, 1, false, false);
    cluster.pass(60);
    let mut put_back = 0;
    while let Some(apply) = {
        cluster.taken(2, 2);
        cluster.apply(2, "Deployment")
    } {
        cluster.carry_out(&apply);
        put_back += 1;
        assert!(put_back < 10, "there is no pause");
    }
    assert_eq!(cluster.labels().get("app-2-0"), Some(&false), "after {put_back} times");
}

/// [C5, C9] After a restart nobody knows what was asked of a ReplicaSet that has more pods than it is to have.
#[test]
fn c5_after_a_restart_no_pod_loses_its_traffic_while_one_is_owed() {
    let mut cluster = half_and_half();
    cluster.wanted(2).capacity = 0;
    cluster.restart();
    cluster.deployment(1, 4, FIELD_MANAGER);
    cluster.lowered(2, 1, (2, true));
    cluster.pod(2, 0, true, true);
    cluster.pod(2, 1, true, false);
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3), (2, 0)]);
    cluster.pass(60);
    assert!(cluster.labels().is_empty(), "{:?}", cluster.labels());
    cluster.lowered(2, 1, (1, true));
    cluster.lose(2, 1);
    assert_eq!(cluster.labels().get("app-2-0"), Some(&false));
}

/// [C5] Somebody gave traffic to a pod that is marked: as long as the mark cannot be taken off, its ReplicaSet is asked for none.
#[test]
fn c5_nothing_is_lowered_beside_a_marked_pod_with_traffic() {
    let mut cluster = half_and_half();
    cluster.lowered(2, 2, (2, false));
    cluster.pod(2, 1, true, false);
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3)]);
    cluster.pass(60);
    cluster.wanted(2).capacity = 25;
    assert_eq!(cluster.replicas(2), Some(1), "one is idle, the other has no mark");
    cluster.label(2, 0);
    cluster.pass(60);
    assert_eq!(cluster.replicas(2), None);
}

/// [C1, C5] A pod that is unready for long does not yield its place beside one that has not settled, which might be taken for it.
#[test]
fn c1_no_place_is_yielded_beside_a_pod_that_settles() {
    let mut cluster = Cluster::new();
    for (capacity, traffic) in [(0, 0), (75, 10), (100, 100)] {
        cluster.release(capacity, traffic, Some(4), None);
    }
    cluster.deployment(1, 5, FIELD_MANAGER);
    cluster.deployment(2, 3, FIELD_MANAGER);
    cluster.deployment(3, 0, FIELD_MANAGER);
    let serving = [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 0), (2, 1)];
    cluster.service(1, &serving);
    cluster.pod(2, 2, false, false);
    cluster.pass(60);
    cluster.pod(2, 1, true, false);
    cluster.service(1, &serving[..6]);
    cluster.pass(1);
    assert_eq!(cluster.replicas(2), None, "what lost its traffic a second ago is marked as well");
    cluster.pass(5);
    assert_eq!(cluster.replicas(2), Some(2));
}

/// [C2, C5] A pod that got ready a moment ago may look to the ReplicaSet controller like one that is about to start, which go first of all.
#[test]
fn c2_nothing_is_lowered_beside_a_pod_that_got_ready_a_moment_ago() {
    let mut cluster = half_and_half();
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3)]);
    cluster.pod(2, 0, false, true);
    cluster.pod(2, 1, false, false);
    cluster.pass(60);
    cluster.wanted(2).capacity = 25;
    cluster.pod(2, 0, true, true);
    assert_eq!(cluster.replicas(2), None);
    assert!(cluster.look().wake_at.is_some());
    cluster.pass(1);
    assert_eq!(cluster.replicas(2), Some(1));
}
