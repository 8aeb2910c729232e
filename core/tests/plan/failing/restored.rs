//! How long an application suffers from a release that failed: from when to when, by the records alone.

use super::{at_half, past_the_deadline, rejected};
use crate::support::{World, broken, vanguard};
use shipper_core::intent::OnFailure;
use shipper_core::state::OpenFailure;

fn failure(world: &World) -> Option<OpenFailure> {
    world.record.as_ref().unwrap().failure.clone()
}

/// From the first cluster that failed until the release before it serves everywhere again.
#[test]
fn a_failure_lasts_until_the_release_before_is_back() {
    let mut world = at_half(OnFailure::Rollback, 0);
    let v2 = world.contender().name.clone();
    world.report_all();
    assert_eq!(failure(&world), None);
    world.report("c3", broken);
    past_the_deadline(&mut world);
    assert!(world.releases[&v2].withdrawn.is_some());
    let open = failure(&world).expect("it failed");
    let failed = world.releases[&v2].fails_since().expect("a cluster failed");
    assert_eq!((open.release, open.since), (v2, failed));
    world.plan();
    assert_eq!(failure(&world).map(|open| open.since), Some(failed), "nobody has reported on the way back");
    world.settle();
    assert_eq!(failure(&world), None);
}

/// A failure that heals in place ends with the step.
#[test]
fn a_failure_that_heals_ends_with_its_step() {
    let mut world = at_half(OnFailure::Hold, 0);
    world.report_all();
    world.report("c3", rejected(false));
    world.plan();
    assert!(failure(&world).is_some());
    world.report_all();
    world.settle();
    assert_eq!(failure(&world), None);
}

/// A newer release that mends it ends it when it has gone all the way; what a person takes back failed when they did.
#[test]
fn a_failure_lasts_until_what_mends_it_is_complete() {
    let mut world = at_half(OnFailure::Hold, 0);
    world.report_all();
    world.report("c3", rejected(false));
    world.plan();
    let since = failure(&world).unwrap().since;
    world.commit("v3", vanguard());
    world.settle();
    assert_eq!(failure(&world).map(|open| open.since), Some(since), "v3 is only at its first step");
    world.promote("full on");
    world.settle();
    assert_eq!(failure(&world), None);

    world.commit("v4", vanguard());
    world.settle();
    assert_eq!(failure(&world), None, "a rollout under way is no failure");
    world.commit("v3", vanguard());
    let now = world.now;
    world.plan();
    assert_eq!(failure(&world).map(|open| open.since), Some(now));
    world.settle();
    assert_eq!(failure(&world), None);
}
