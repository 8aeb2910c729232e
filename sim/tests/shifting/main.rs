//! Convergence in one small cluster, looked at exhaustively: every order in which controllers, kubelets, watches, writes and targets may follow
//! one another, with controllers that are behind, watches out of step with each other, a pod that fails and an agent that is killed. What is
//! promised of traffic and pods is judged at every step [C2, C5, C6], and where nothing can happen any more everything is as asked for.
//!
//! The decisions are those of `shipper_core::converge`, on what a real `shipper_core::observe::Index` has seen. Time goes in steps of
//! `PROPAGATION`, and passes when no controller is behind: they are as slow as they may be, and no slower.
//!
//! So that the space stays small, a ReplicaSet's status follows what its controller knows of pods at once, the agent's watches of Deployments and
//! Services catch up together, and of most scripts the nearest million states is looked at, not all.
//!
//! Left out: pods that end slowly (one that is deleted is gone), autoscalers, people with kubectl, refused writes, `minReadySeconds`, other
//! objects than Deployments and the Service, requests that outlive the agent that made them, and names of pods that sort otherwise.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a test may fail, says what it has seen, and counts a few"
)]

mod agent;
mod controllers;
mod decide;
mod objects;
mod rules;
mod script;
#[path = "../search/mod.rs"]
mod search;
mod seen;
mod watches;
mod what;
mod world;
mod writes;

use decide::Memory;
use script::Script;
use search::{Event, Seen, State};
use what::What;
use world::World;

type Step = search::Step<World>;

impl State for World {
    type Event = What;
    type Memory = Memory;

    fn successors(&self, memory: &mut Memory) -> Vec<Step> {
        let mut steps = Vec::new();
        self.cluster(memory, &mut steps);
        self.agent(memory, &mut steps);
        steps
    }

    fn at_rest(&self, memory: &mut Memory) -> Result<(), String> {
        rules::at_rest(memory, self)
    }
}

/// Where a search begins: nothing is there, or the first target is met, at rest.
fn first(memory: &mut Memory) -> World {
    let mut world = World::nothing();
    if memory.script.new {
        return world;
    }
    while let Some(step) = world.successors(memory).into_iter().find(|step| !step.what.is_failure()) {
        world = step.world;
    }
    world
}

/// What is further away than the nearest so many states is left to the histories.
const MOST: usize = 1_000_000;

fn look(script: Script) -> Seen {
    let name = script.name;
    let mut memory = Memory::new(script);
    let first = first(&mut memory);
    let seen = search::search(name, first, &mut memory, MOST);
    println!("{name}: {} decisions", memory.decisions());
    seen
}

const USUAL: &[&str] = &[
    "target",
    "target with requests under way",
    "pods learned",
    "services learned",
    "slice",
    "slice of the shadow",
    "deployment",
    "count learned",
    "pods made",
    "pod ready",
    "pods seen",
    "slices seen",
    "objects seen",
    "decision",
    "label given",
    "label taken",
    "scaled",
    "selects by label",
    "selects by release",
    "shadow",
    "shadow deleted",
    "refused",
    "time",
];

/// Where that is not too far away to be reached.
const DELETED: &[&str] = &["pods deleted"];

/// [C1, C2, C5, C6] The contender gets half, then all.
#[test]
fn forward_in_every_order() {
    let seen = look(Script::forward().of_two());
    seen.must_have(USUAL);
    seen.must_have(DELETED);
}

/// [C1, C2, C5, C6, R7] The contender gets half, loses it again, and is removed.
#[test]
fn taken_back_in_every_order() {
    let seen = look(Script::taken_back());
    seen.must_have(USUAL);
    seen.must_have(DELETED);
    seen.must_have(&["removal", "pods collected"]);
}

/// [C1, C2, C5, C6] The contender gets it all at once, which is taken back.
#[test]
fn at_once_and_back_in_every_order() {
    let seen = look(Script::at_once());
    seen.must_have(USUAL);
    seen.must_have(DELETED);
}

/// [C2, C6] Another release takes the contender's place while it has half.
#[test]
fn superseded_in_every_order() {
    look(Script::superseded()).must_have(&[
        "label taken",
        "selects by label",
        "slice",
        "target",
        "refused",
        "time",
    ]);
}

/// [C1, C2, C5, C6] The same while one pod fails by itself: what is missing is replaced before anything else is taken.
#[test]
fn forward_while_a_pod_fails_in_every_order() {
    let seen = look(Script::forward().failing());
    seen.must_have(USUAL);
    seen.must_have(&["pod fails", "much time"]);
}

/// [C1, C2, C5, C6, C9] The same while the agent is killed, at any point.
#[test]
fn forward_while_the_agent_is_killed_in_every_order() {
    let seen = look(Script::forward().killing());
    seen.must_have(USUAL);
    seen.must_have(&["kill"]);
}

/// [M6, C5, C6] The first release ever gets what is asked for, and more.
#[test]
fn a_first_release_in_every_order() {
    let seen = look(Script::first_release().of_two());
    seen.must_have(&["pods made", "label given", "selects by release", "scaled", "target", "time"]);
}
