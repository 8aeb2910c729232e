//! Rule C1, whatever the direction: raise, then shift, then lower. What the original lost on the way back is kept here.

use crate::support::Cluster;
use serde_json::{Value, json};
use shipper_core::labels::FIELD_MANAGER;

/// v1 and v2 of four pods, of which so many are there, all of v2's with traffic.
fn on_the_way(v1: u32, v2: u32) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.release(100, 100, Some(4), None);
    cluster.release(0, 0, Some(4), None);
    cluster.deployment(1, v1, FIELD_MANAGER);
    cluster.deployment(2, v2, FIELD_MANAGER);
    let serving = (0..v1).map(|number| (1, number)).chain((0..v2).map(|number| (2, number)));
    cluster.service(1, &serving.collect::<Vec<_>>());
    cluster
}

/// No pod loses traffic, and no Deployment is lowered.
fn keeps_everything(cluster: &Cluster) {
    assert!(cluster.labels().values().all(|serve| *serve), "{:?}", cluster.labels());
    assert_eq!(cluster.replicas(2), None);
}

/// [C1, M2] Back to the first step, from a step that was never achieved and at which the incumbent has nothing left: it is brought
/// back before the contender shrinks (the original took such a way for one forward, and began with the contender).
#[test]
fn c1_on_the_way_back_the_incumbent_comes_first() {
    let mut cluster = on_the_way(0, 4);
    (cluster.wanted(2).capacity, cluster.wanted(2).traffic) = (25, Some(0));
    assert_eq!(cluster.replicas(1), Some(2), "as far as surge allows");
    keeps_everything(&cluster);
    cluster.deployment_ready(1, 2, 0, FIELD_MANAGER);
    assert_eq!(cluster.replicas(1), None, "there is no more room");
    keeps_everything(&cluster);
}

/// [C1, M8] A contender that is taken back keeps its pods and their traffic until the incumbent has the load (the original deleted
/// them at once).
#[test]
fn c1_what_is_taken_back_serves_until_its_predecessor_does() {
    let mut cluster = on_the_way(2, 2);
    assert_eq!(cluster.replicas(1), Some(3), "as far as surge allows");
    keeps_everything(&cluster);
    cluster.deployment_ready(1, 3, 2, FIELD_MANAGER);
    keeps_everything(&cluster);
    // Now there is one that can take over.
    cluster.deployment(1, 3, FIELD_MANAGER);
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]);
    let taken: Vec<bool> = cluster.labels().into_values().collect();
    assert_eq!(taken, [false], "one for one");
    assert_eq!(cluster.replicas(2), None, "which is lowered when it has left the endpoints");
}

/// [C1, C2] What was about to go, and is needed again, loses its mark: replicas are not lowered in reliance on that in the same breath, because the
/// ReplicaSet would take any pod.
#[test]
fn c2_replicas_are_not_lowered_while_a_pod_of_theirs_gets_its_traffic_back() {
    let mut cluster = on_the_way(4, 0);
    cluster.wanted(1).capacity = 50;
    cluster.pod(1, 2, true, false);
    cluster.pod(1, 3, true, false);
    cluster.service(1, &[(1, 0), (1, 1)]);
    cluster.pass(10);
    assert_eq!(cluster.replicas(1), Some(2), "both have settled");

    (cluster.wanted(1).capacity, cluster.wanted(1).traffic) = (0, Some(0));
    (cluster.wanted(2).capacity, cluster.wanted(2).traffic) = (100, Some(100));
    let back: Vec<_> = cluster.labels().into_iter().filter(|(_, serve)| *serve).map(|(pod, _)| pod).collect();
    assert_eq!(back, ["app-1-2", "app-1-3"], "ready pods with traffic are short");
    assert_eq!(cluster.replicas(1), None);

    // One of them has it now, and whoever takes pods may not know yet.
    cluster.wanted(1).capacity = 25;
    cluster.pod(1, 2, true, true);
    cluster.pod(2, 0, true, true);
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (2, 0)]);
    assert!(cluster.labels().is_empty(), "{:?}", cluster.labels());
    assert_eq!(
        cluster.replicas(1),
        None,
        "app-1-3 is marked and has settled, but app-1-2 looks the same there"
    );
    assert!(cluster.look().wake_at.is_some());
    cluster.pass(1);
    assert_eq!(cluster.replicas(1), Some(3));
}

/// [C2, C5] A pod of a Deployment that is to have none may become ready before it is taken: it is given no traffic, which it would lose at once.
#[test]
fn c2_what_is_about_to_be_taken_is_given_no_traffic() {
    let mut cluster = on_the_way(0, 0);
    (cluster.wanted(1).capacity, cluster.wanted(1).traffic) = (0, Some(0));
    (cluster.wanted(2).capacity, cluster.wanted(2).traffic) = (100, Some(100));
    cluster.deployment_ready(2, 4, 0, FIELD_MANAGER);
    cluster.unlabel(1, 0);
    assert!(
        !cluster.labels().contains_key("app-1-0"),
        "ready, and not marked, but its Deployment has 0 replicas"
    );
    cluster.deployment(1, 1, FIELD_MANAGER);
    cluster.unlabel(1, 0);
    cluster.unlabel(1, 1);
    assert!(cluster.labels().values().all(|serve| !serve), "one of both goes: {:?}", cluster.labels());
    cluster.gone(1, 1);
    cluster.pass(1);
    assert_eq!(
        cluster.labels().get("app-1-1"),
        Some(&true),
        "it is to stay for now, and ready pods are short"
    );
}

/// [C1] Workers have no traffic; they too are lowered only as far as others are available in their place.
#[test]
fn c1_workers_go_when_others_work_in_their_place() {
    let mut cluster = on_the_way(4, 0);
    cluster.without_traffic();
    (cluster.wanted(1).capacity, cluster.wanted(2).capacity) = (0, 100);
    for (ready, left) in [(0, None), (1, Some(3)), (3, Some(1))] {
        cluster.deployment_ready(2, 4, ready, FIELD_MANAGER);
        assert_eq!(cluster.replicas(1), left, "{ready} of the new ones are available");
    }
}

fn settings(version: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "settings", "annotations": {"shipper.dev/scope": "application"}}, "data": {"version": version}})
}

/// [C11, M8] What both releases share is of the newest with capacity, data and all; after a return it is the incumbent's again. (The
/// original applied neither the one nor the other.)
#[test]
fn c11_shared_objects_follow_the_rollout_and_come_back() {
    let mut cluster = on_the_way(4, 4);
    cluster.renders(1, &settings("1"));
    cluster.renders(2, &settings("2"));
    cluster.status(1, "ConfigMap", &json!({}));
    (cluster.wanted(2).capacity, cluster.wanted(2).traffic) = (25, Some(0));
    let newer = cluster.apply_to("ConfigMap", "settings").expect("the newest with capacity has changed it");
    assert_eq!(newer.object["data"]["version"], "2");

    cluster.status(2, "ConfigMap", &json!({}));
    (cluster.wanted(2).capacity, cluster.wanted(2).traffic) = (0, Some(0));
    let back = cluster.apply_to("ConfigMap", "settings").expect("it is the incumbent's again");
    assert_eq!(back.object["data"]["version"], "1");
}

/// [C11] What a target asks for is what convergence makes of it in the end: of what both releases share, the Service is of the lead, and the rest
/// of the newest with capacity.
#[test]
fn c11_what_is_asked_for_is_of_the_release_that_decides_on_it() {
    let mut cluster = on_the_way(4, 4);
    cluster.renders(1, &settings("1"));
    cluster.renders(2, &settings("2"));
    cluster.target_port(1, &json!("one"));
    cluster.target_port(2, &json!("two"));
    let asked = |cluster: &Cluster| {
        let asked = cluster.asked();
        let of = |kind: &str, path: &str| {
            let mut found = asked.iter().filter(|object| object.key.kind == kind);
            let first = found.next().map(|object| object.value.pointer(path).cloned().unwrap());
            assert!(found.next().is_none(), "{kind} is there twice");
            first
        };
        let deployments = asked.iter().filter(|object| object.key.kind == "Deployment").count();
        (of("Service", "/spec/ports/0/targetPort"), of("ConfigMap", "/data/version"), deployments)
    };
    for (numbers, service, shared, deployments) in [
        ([(100, 100), (25, 0)], "one", "2", 2),
        ([(50, 50), (50, 50)], "one", "2", 2),
        ([(50, 40), (50, 60)], "two", "2", 2),
        ([(0, 0), (100, 100)], "two", "2", 1),
        ([(100, 100), (0, 0)], "one", "1", 1),
    ] {
        for (generation, (capacity, traffic)) in (1..).zip(numbers) {
            let release = cluster.wanted(generation);
            (release.capacity, release.traffic) = (capacity, Some(traffic));
        }
        let expected = (Some(json!(service)), Some(json!(shared)), deployments);
        assert_eq!(asked(&cluster), expected, "{numbers:?}");
    }
    cluster.target.absent = true;
    assert_eq!(asked(&cluster), (None, None, 0));
}

/// [C2] Pods that were to go already, and are needed again, keep their place only below the ceiling: should they be gone by now, others would
/// be made in their place.
#[test]
fn c2_removals_that_are_owed_make_no_room_above_the_ceiling() {
    let mut cluster = on_the_way(1, 4);
    cluster.pod(1, 1, true, false);
    assert_eq!(cluster.replicas(1), None, "six are there, and five may be");
    cluster.gone(1, 2);
    cluster.pod(1, 0, true, true);
    assert_eq!(cluster.replicas(1), None, "five are there");
    cluster.deployment(2, 3, FIELD_MANAGER);
    cluster.gone(2, 4);
    assert_eq!(cluster.replicas(1), Some(2));
}
