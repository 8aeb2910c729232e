//! Two hubs, two clusters and a repository, looked at exhaustively: every order of commits, looks, pushes, fetches and reports, with
//! reports that are lost, delayed, doubled and reordered and a store that is lost. A breadth-first search visits every state that
//! can be reached once; [`rules`] are checked at every push, and where nothing can happen any more the end must be what people asked
//! for [A1, A6, M12, R1, R7].
//!
//! The decisions are those of `shipper_core::plan`, called for every combination that occurs; the clusters are reduced to what their
//! reports say.

#![allow(clippy::expect_used, reason = "a test may fail")]

mod branch;
mod memory;
mod people;
mod rules;
#[path = "../search/mod.rs"]
mod search;
mod world;

use memory::Memory;
use people::Script;
use search::Seen;
use world::World;

/// Visits every state; panics with the way to the first one that breaks a rule.
fn look(script: Script) -> Seen {
    let name = script.name;
    let mut memory = Memory::new(script);
    let first = World::first(&mut memory);
    search::search(name, first, &mut memory, usize::MAX)
}

const USUAL: &[&str] = &[
    "commit",
    "plan",
    "push",
    "lost race",
    "report heard",
    "older report heard",
    "fetch",
    "raise",
    "lower",
    "report",
];

/// [A1, A6, M1, M8, M12, R1, R7] An order, and the return that follows it; the store of one hub is lost, the other has none.
#[test]
fn a_return_after_an_order_is_one_history_whoever_writes_it() {
    let seen = look(Script::ordered_and_returned());
    seen.must_have(USUAL);
    seen.must_have(&["store lost"]);
    assert!(seen.states > 500_000, "{} states", seen.states);
}

/// [A1, A4, M12, R5, R7] Steps that go on by themselves, and another release while they do; pods fail.
#[test]
fn no_step_is_lost_or_doubled_where_steps_go_on_by_themselves() {
    let seen = look(Script::by_itself());
    seen.must_have(USUAL);
    seen.must_have(&["pods fail", "pods heal"]);
    assert!(seen.states > 500_000, "{} states", seen.states);
}

/// [M6, R5, X5] Nothing is there before, and the first release is superseded or not; no agent goes back to an older commit that it is
/// answered with.
#[test]
fn a_first_release_is_one_history_and_no_agent_goes_back() {
    let seen = look(Script::first_release());
    seen.must_have(USUAL);
    seen.must_have(&["fetch of a mirror", "mirror refused", "pods fail"]);
    assert!(seen.states > 100_000, "{} states", seen.states);
}

/// [A1, A6, M12] Each hub hears for itself: what one of them knows and the other does not makes no step twice and none too early.
#[test]
fn hubs_that_hear_different_things_make_one_history() {
    let seen = look(Script::heard_apart());
    seen.must_have(USUAL);
    seen.must_have(&["report heard by the second", "older report heard by the second"]);
    assert!(seen.states > 100_000, "{} states", seen.states);
}

/// [X5] The state branch is restored from a backup: agents that are ahead obey nothing until a hub takes over, nothing that was reported before
/// counts after, and all comes to its end.
#[test]
fn a_restored_branch_is_obeyed_once_a_hub_has_taken_over() {
    let seen = look(Script::restored());
    seen.must_have(USUAL);
    seen.must_have(&["branch restored", "takeover", "branch refused"]);
    assert!(seen.states > 100_000, "{} states", seen.states);
}
