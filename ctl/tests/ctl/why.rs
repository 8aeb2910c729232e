//! Why an application is as it is, in sentences and as JSON.

use crate::rollout::{World, broken_image};
use crate::support::{hub, run, well};
use shipperctl::exit::Exit;
use shipperctl::render;

const FIRST: &str = "1d5ce5cd9ea4a2d9cf41a6ec8a5ab0b0a4d3f0aa";
const SECOND: &str = "2f77f0bd0a27e0e34ac61a1a1e5a09b77c5f2a00";

/// The second release ordered to half, its image broken, and one cluster away.
fn stuck() -> World {
    let mut world = World::new(FIRST);
    world.settle().order("full on").settle().change("2222222222", SECOND).settle();
    world.order("half");
    let release = world.status().contender.unwrap().to_string();
    world.report(broken_image(&release)).lose("us-1");
    world
}

/// [A5] Every decision with its rule, and the reports that it rests on.
#[test]
fn a_rollout_that_is_stuck_is_explained() {
    let mut world = stuck();
    let why = world.why();
    assert_eq!(why.waiting, world.status().waiting, "it is what status says");
    insta::assert_snapshot!(anstream::adapter::strip_str(&render::why(&why)));
}

#[test]
fn programs_get_the_same_as_json() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&stuck().why()).unwrap());
}

#[test]
fn an_application_that_is_not_known_is_said_so() {
    let url = hub(Vec::new(), well(Vec::new(), Vec::new()));
    let done = run(["why", "web/hello", "--hub", &url]);
    assert_eq!(done.exit, Exit::NotFound, "{}", done.err);
}
