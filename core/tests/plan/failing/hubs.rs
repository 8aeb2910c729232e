//! Rule A6: two hubs that do not know the same judge alike.

use super::{LATEST, achieved, at_half, failing};
use crate::support::{World, broken};
use jiff::SignedDuration;
use shipper_core::intent::OnFailure;
use shipper_core::status::Liveness;

/// What one of two hubs without a common database knows: it hears these clusters alone.
fn hears(world: &mut World, clusters: &[&str]) {
    for (name, liveness) in &mut world.liveness {
        let heard = clusters.contains(&name.as_str());
        *liveness = if heard { Liveness::Online } else { Liveness::Offline };
    }
    world.reports.retain(|name, _| clusters.contains(&name.as_str()));
}

/// [A6] [A2] A hub that hears nobody gives no cluster more time than the one that hears them, and writes nothing of its own.
#[test]
fn a6_a_hub_that_hears_nobody_gives_no_time() {
    let mut world = at_half(OnFailure::Hold, 0);
    for _ in 0..LATEST / 10 + 3 {
        hears(&mut world, &["c1", "c2", "c3"]);
        world.report_all();
        world.report("c3", broken);
        world.plan();
        hears(&mut world, &[]);
        let before = (world.contender().lagging.clone(), world.contender().achieved.clone());
        world.plan();
        assert_eq!((world.contender().lagging.clone(), world.contender().achieved.clone()), before);
        world.now += SignedDuration::from_secs(8);
    }
    assert_eq!(failing(&world), ["c3"]);
}

/// [A6] [A1] Two hubs that hear other clusters come to rest: neither undoes what the other saw.
#[test]
fn a6_two_hubs_that_hear_other_clusters_come_to_rest() {
    let mut world = at_half(OnFailure::Hold, 2);
    for round in 0..4 {
        for clusters in [&["c1", "c2"][..], &["c3"]] {
            hears(&mut world, clusters);
            for cluster in clusters {
                world.report(cluster, |_| {});
            }
            let changed = world.plan();
            assert!(round == 0 || !changed, "round {round}, {clusters:?}: {:?}", world.contender());
        }
    }
    assert_eq!(achieved(&world), 1);
}
