//! Rule C3 for releases with an autoscaler.

use crate::support::{CONTROLLERS, Cluster, DEPLOYMENT};
use shipper_core::labels::FIELD_MANAGER;

const SCALER: Option<(u32, u32)> = Some((2, 5));

/// A complete release with an autoscaler from 2 to 5, at so many replicas that the autoscaler set.
fn complete(replicas: u32) -> Cluster {
    let mut cluster = Cluster::new();
    let v1 = cluster.release(100, 100, None, SCALER);
    cluster.deployment(v1, replicas, CONTROLLERS);
    cluster.autoscaler(v1, (2, 5), FIELD_MANAGER);
    cluster
}

/// v1 with 4 pods of its autoscaler's making, all with traffic, and v2 beside it with a base of 4.
fn rolling_out(v1_percent: u8, v2_percent: u8) -> Cluster {
    let mut cluster = complete(4);
    cluster.release(v2_percent, u32::from(v2_percent), None, SCALER);
    cluster.wanted(2).autoscaler_base.insert(DEPLOYMENT.to_owned(), 4);
    cluster.wanted(1).capacity = v1_percent;
    cluster.wanted(1).traffic = Some(u32::from(v1_percent));
    cluster
}

#[test]
fn c3_what_the_autoscaler_set_stays() {
    for replicas in [2, 3, 4, 5] {
        let cluster = complete(replicas);
        assert!(cluster.apply(1, "Deployment").is_none(), "{replicas} replicas are in the bounds");
        assert!(cluster.bounds(1).is_none(), "nothing is to change about the autoscaler");
        let capacity = cluster.report(1).capacity;
        assert_eq!((capacity.desired, capacity.achieved), (replicas, true));
        assert_eq!(cluster.report(1).autoscaled[DEPLOYMENT], replicas);
    }
}

#[test]
fn c3_without_an_autoscaler_the_same_is_taken_back() {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(2), None);
    cluster.deployment(1, 2, CONTROLLERS);
    assert_eq!(cluster.replicas(1), Some(2), "ownership is taken back");
    assert!(cluster.report(1).autoscaled.is_empty());
}

#[test]
fn c3_below_the_minimum_is_raised() {
    assert_eq!(complete(1).replicas(1), Some(2));
}

#[test]
fn c3_an_apply_leaves_out_replicas_that_the_autoscaler_owns_and_never_its_own() {
    for (by, replicas) in [(CONTROLLERS, None), (FIELD_MANAGER, Some(4))] {
        let mut cluster = complete(4);
        cluster.deployment(1, 4, by);
        cluster.change_manifest(1);
        let apply = cluster.apply(1, "Deployment").expect("its manifest changed");
        assert_eq!(
            apply.object["spec"].get("replicas").and_then(serde_json::Value::as_u64),
            replicas,
            "set by {by}"
        );
    }
}

#[test]
fn c3_a_new_release_gets_its_share_of_what_the_incumbent_had() {
    let mut cluster = rolling_out(50, 50);
    let capacity = cluster.report(2).capacity;
    assert_eq!((capacity.rendered, capacity.desired), (4, 2));
    assert_eq!(cluster.replicas(2), Some(2));
    assert!(
        cluster.apply(1, "Deployment").is_none(),
        "the incumbent's autoscaler lowers it, not the rollout"
    );
    cluster.deployment_ready(2, 2, 1, FIELD_MANAGER);
    cluster.autoscaler(2, (2, 5), FIELD_MANAGER);
    assert!(!cluster.report(2).capacity.achieved, "one of two is ready");
    assert!(cluster.bounds(2).is_none());
    cluster.deployment_ready(2, 3, 2, CONTROLLERS);
    let capacity = cluster.report(2).capacity;
    assert!(capacity.achieved, "the minimum is ready, whatever the autoscaler adds");
    assert_eq!(capacity.desired, 3);
}

#[test]
fn c3_the_larger_rendered_minimum_is_the_base_and_the_maximum_is_never_below() {
    let mut cluster = complete(2);
    cluster.release(100, 0, None, Some((6, 6)));
    cluster.wanted(2).autoscaler_base.insert(DEPLOYMENT.to_owned(), 4);
    cluster.deployment(2, 6, FIELD_MANAGER);
    cluster.autoscaler(2, (6, 6), FIELD_MANAGER);
    assert!(cluster.bounds(2).is_none() && cluster.replicas(2).is_none());
    cluster.wanted(2).autoscaler_base.insert(DEPLOYMENT.to_owned(), 9);
    cluster.deployment(2, 9, FIELD_MANAGER);
    assert_eq!(cluster.bounds(2), Some((9, 9)));
}

#[test]
fn c3_once_complete_the_rendered_minimum_holds_and_nothing_is_lowered() {
    let mut cluster = complete(4);
    cluster.autoscaler(1, (4, 5), FIELD_MANAGER);
    cluster.wanted(1).autoscaler_base.insert(DEPLOYMENT.to_owned(), 4);
    assert!(cluster.bounds(1).is_none(), "it rolls out still");
    cluster.wanted(1).autoscaler_base.clear();
    assert_eq!(cluster.bounds(1), Some((2, 5)));
    assert!(cluster.apply(1, "Deployment").is_none());
}

#[test]
fn c3_bounds_that_another_changed_are_put_back_as_drift() {
    let mut cluster = complete(4);
    cluster.autoscaler(1, (1, 9), "kubectl");
    let apply = cluster.apply(1, "HorizontalPodAutoscaler").expect("a repair");
    assert!(apply.repair);
    assert_eq!(cluster.bounds(1), Some((2, 5)));
}

#[test]
fn c3_a_release_on_its_way_out_cannot_be_scaled_up() {
    let mut cluster = rolling_out(0, 100);
    cluster.deployment(2, 1, FIELD_MANAGER);
    cluster.autoscaler(2, (4, 5), FIELD_MANAGER);
    assert_eq!(cluster.bounds(1), Some((1, 4)), "before anything is lowered");
    assert_eq!(
        cluster.bounds(2),
        Some((1, 1)),
        "surge lets in one at a time, and the autoscaler no more than that"
    );
    assert!(cluster.apply(1, "Deployment").is_none(), "its pods have traffic");
}

#[test]
fn c3_it_goes_to_zero_only_without_traffic_and_is_idle_there() {
    let mut cluster = rolling_out(0, 100);
    cluster.deployment(2, 4, FIELD_MANAGER);
    cluster.autoscaler(2, (4, 5), FIELD_MANAGER);
    cluster.service(2, &[(2, 0), (2, 1), (2, 2), (2, 3)]);
    for number in 0..4 {
        cluster.pod(1, number, true, false);
    }
    cluster.pass(4);
    assert!(cluster.apply(1, "Deployment").is_none(), "they have not settled");
    cluster.pass(2);
    let (scaler, deployment) =
        (cluster.apply(1, "HorizontalPodAutoscaler").unwrap(), cluster.apply(1, "Deployment").unwrap());
    assert_eq!(cluster.replicas(1), Some(0));
    assert!(scaler.rank < deployment.rank, "the autoscaler is told first");
    assert!(!deployment.repair, "the autoscaler's count is no drift");

    cluster.gone(1, 4);
    cluster.deployment(1, 0, FIELD_MANAGER);
    cluster.autoscaler(1, (1, 1), FIELD_MANAGER);
    assert!(cluster.apply(1, "Deployment").is_none(), "it stays at zero");
    assert_eq!(cluster.bounds(1), Some((2, 5)), "ready for its return");
    assert!(cluster.report(1).capacity.achieved);
}

#[test]
fn c3_the_first_release_with_an_autoscaler_takes_over_the_load_of_one_without() {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(6), None);
    cluster.deployment(1, 6, FIELD_MANAGER);
    cluster.release(50, 0, None, SCALER);
    let capacity = cluster.report(2).capacity;
    assert_eq!((capacity.rendered, capacity.desired), (6, 3));
}

#[test]
fn c3_a_first_release_gets_its_share_of_the_rendered_minimum() {
    let mut cluster = Cluster::new();
    cluster.release(50, 0, None, Some((4, 8)));
    assert_eq!(cluster.report(1).capacity.desired, 2);
    cluster.wanted(1).capacity = 0;
    assert_eq!(cluster.report(1).capacity.desired, 0);
}

#[test]
fn c3_rendered_zero_replicas_turn_the_autoscaler_off() {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(0), SCALER);
    let capacity = cluster.report(1).capacity;
    assert_eq!((capacity.rendered, capacity.desired), (0, 0));
    assert_eq!(cluster.replicas(1), Some(0));
    assert_eq!(cluster.bounds(1), Some((2, 5)));
}

#[test]
fn c1_c3_unready_pods_of_an_autoscaler_yield_no_room_that_it_would_take_back() {
    let mut cluster = rolling_out(100, 100);
    cluster.release(100, 100, None, SCALER);
    cluster.wanted(2).capacity = 0;
    cluster.deployment(2, 4, FIELD_MANAGER);
    for number in 0..4 {
        cluster.pod(1, number, false, false);
    }
    cluster.pass(11);
    assert!(cluster.apply(1, "Deployment").is_none());
}
