//! Rules C1 and C5: pods that stay unready for 10 s give way, and who gets the room.

use crate::support::Cluster;
use shipper_core::labels::FIELD_MANAGER;

/// [C5] A pod that is unready for 10 s gives its traffic to a ready one of its release, and keeps it until then: as many as are wanted
/// serve meanwhile.
#[test]
fn c5_a_pod_that_is_unready_for_ten_seconds_gives_way_to_a_ready_one() {
    let mut cluster = Cluster::new();
    cluster.release(100, 25, Some(3), None);
    cluster.release(100, 75, Some(3), None);
    cluster.release(25, 0, Some(4), None);
    cluster.deployment(1, 3, FIELD_MANAGER);
    cluster.deployment(2, 3, FIELD_MANAGER);
    cluster.deployment(3, 1, FIELD_MANAGER);
    cluster.pod(1, 2, true, false);
    cluster.pass(60);
    cluster.pod(1, 0, false, true);
    // Two of the first and three of the second are to serve; what the third has not given up makes up for the one that fails.
    cluster.service(1, &[(1, 1), (2, 0), (2, 1), (2, 2), (3, 0)]);
    cluster.pass(9);
    assert!(cluster.labels().is_empty(), "it may come back: {:?}", cluster.labels());
    assert!(cluster.look().wake_at.is_some());
    cluster.pass(2);
    let moved: Vec<_> = cluster.labels().into_iter().collect();
    assert_eq!(moved, [("app-1-0".to_owned(), false), ("app-1-2".to_owned(), true)]);
}

/// The oldest has this many pods that serve and are to go, which cannot: the two newer releases are to have half of the traffic each.
fn at_the_ceiling(oldest: u32, middle: u8, newest: u8) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.release(0, 0, Some(4), None);
    cluster.release(middle, 50, Some(4), None);
    cluster.release(newest, 100, Some(4), None);
    cluster.deployment(1, oldest, FIELD_MANAGER);
    cluster.service(1, &(0..oldest).map(|number| (1, number)).collect::<Vec<_>>());
    cluster
}

/// [C1] At the ceiling a pod of an older release that is unready for 10 s yields its place to a newer release, although it is not above its
/// own release's goal: it loses its label first.
#[test]
fn c1_an_older_releases_pod_that_is_unready_for_ten_seconds_yields_its_place() {
    let mut cluster = at_the_ceiling(5, 50, 100);
    cluster.deployment(3, 0, FIELD_MANAGER);
    cluster.deployment(2, 2, FIELD_MANAGER);
    cluster.pass(60);
    cluster.pod(2, 1, false, true);
    cluster.service(1, &[(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 0)]);
    cluster.pass(9);
    assert!(cluster.labels().is_empty(), "{:?}", cluster.labels());
    assert_eq!((cluster.replicas(2), cluster.replicas(3)), (None, None), "six and one are all there may be");
    cluster.pass(2);
    let marked: Vec<_> = cluster.labels().into_iter().collect();
    assert_eq!(marked, [("app-2-1".to_owned(), false)]);
    assert_eq!(cluster.replicas(2), None, "whoever takes pods may not know yet");
    cluster.pod(2, 1, false, false);
    cluster.pass(1);
    assert_eq!((cluster.replicas(2), cluster.replicas(3)), (Some(1), None), "not in the same breath");
    cluster.gone(2, 2);
    cluster.deployment(2, 1, FIELD_MANAGER);
    assert_eq!((cluster.replicas(2), cluster.replicas(3)), (None, Some(1)));
}

/// [C1] Nothing else need happen meanwhile: the agent looks again when the ten seconds are over, although the pod has no traffic to lose.
#[test]
fn c1_a_pod_that_is_to_yield_its_place_is_looked_at_again() {
    let mut cluster = at_the_ceiling(5, 50, 100);
    cluster.deployment(3, 0, FIELD_MANAGER);
    cluster.deployment(2, 2, FIELD_MANAGER);
    cluster.pass(60);
    cluster.pod(2, 1, false, false);
    cluster.pass(4);
    assert_eq!(cluster.replicas(2), None);
    let wakes = cluster.look().wake_at.expect("it looks again");
    assert_eq!(wakes.duration_since(cluster.now).as_secs(), 6);
    cluster.now = wakes;
    assert_eq!(cluster.replicas(2), Some(1));
}

/// [C1] Room goes to the newest release first; an older one has what is left.
#[test]
fn c1_room_goes_to_the_newest_release_first() {
    for (surge, middle, newest) in [(1, None, Some(1)), (2, None, Some(2)), (3, Some(1), Some(2))] {
        let mut cluster = at_the_ceiling(4, 50, 50);
        cluster.target.surge = shipper_core::intent::Surge::Pods(surge);
        cluster.deployment(2, 0, FIELD_MANAGER);
        cluster.deployment(3, 0, FIELD_MANAGER);
        assert_eq!((cluster.replicas(2), cluster.replicas(3)), (middle, newest), "surge {surge}");
    }
}
