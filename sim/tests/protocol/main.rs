//! Two hubs, two clusters and a repository, looked at exhaustively: every order of commits, looks, pushes, fetches and reports, with
//! reports that are lost, delayed, doubled and reordered and a store that is lost. A breadth-first search visits every state that
//! can be reached once; [`rules`] are checked at every push, and where nothing can happen any more the end must be what people asked
//! for [A1, A6, M12, R1, R7].
//!
//! The decisions are those of `shipper_core::plan`, called for every combination that occurs; the clusters are reduced to what their
//! reports say.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail, and says what it has seen"
)]

mod branch;
mod memory;
mod people;
mod rules;
mod world;

use memory::Memory;
use people::Script;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use world::{What, World};

/// What a search has seen.
#[derive(Debug, Default)]
struct Seen {
    states: usize,
    /// How often each kind of thing happened.
    happened: BTreeMap<&'static str, usize>,
    ends: usize,
}

impl Seen {
    /// Fails where one of these never happened.
    fn must_have(&self, wanted: &[&str]) {
        let missed: Vec<_> = wanted.iter().filter(|what| !self.happened.contains_key(**what)).collect();
        assert!(missed.is_empty() && self.ends > 0, "there was no {missed:?}: {self:?}");
    }
}

/// How each state was first come to: from which one, by what.
struct Ways(Vec<(usize, What)>);

impl Ways {
    fn to(&self, mut state: usize) -> String {
        let mut steps = Vec::new();
        while state > 0 {
            let (before, what) = &self.0[state];
            steps.push(what.to_string());
            state = *before;
        }
        steps.reverse();
        steps.join("\n")
    }
}

/// 128 bits that stand for a state among those that were visited.
fn mark(world: &World) -> (u64, u64) {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, world).hash(&mut hasher);
        hasher.finish()
    };
    (hash(0), hash(1))
}

/// Visits every state; panics with the way to the first one that breaks a rule.
fn search(script: Script) -> Seen {
    let name = script.name;
    let mut memory = Memory::new(script);
    let first = World::first(&mut memory);
    let mut visited = HashSet::from([mark(&first)]);
    let mut ways = Ways(vec![(0, What::Commit(0))]);
    let mut queue = VecDeque::from([(0, first)]);
    let mut seen = Seen::default();
    while let Some((state, world)) = queue.pop_front() {
        seen.states += 1;
        let mut quiet = true;
        for step in world.successors(&mut memory) {
            *seen.happened.entry(step.what.kind()).or_default() += 1;
            quiet &= step.what.is_failure();
            if let Some(broken) = step.broken {
                panic!("{name}: {broken}\n{}\n{}", ways.to(state), step.what);
            }
            if visited.insert(mark(&step.world)) {
                queue.push_back((ways.0.len(), step.world));
                ways.0.push((state, step.what));
            }
        }
        if quiet {
            seen.ends += 1;
            if let Err(broken) = rules::at_rest(&memory, &world) {
                panic!("{name}: at rest, but {broken}\n{}", ways.to(state));
            }
        }
    }
    println!("{name}: {} states, {} ends, {:?}", seen.states, seen.ends, seen.happened);
    seen
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
    let seen = search(Script::ordered_and_returned());
    seen.must_have(USUAL);
    seen.must_have(&["store lost"]);
    assert!(seen.states > 500_000, "{} states", seen.states);
}

/// [A1, A4, M12, R5, R7] Steps that go on by themselves, and another release while they do; pods fail.
#[test]
fn no_step_is_lost_or_doubled_where_steps_go_on_by_themselves() {
    let seen = search(Script::by_itself());
    seen.must_have(USUAL);
    seen.must_have(&["pods fail", "pods heal"]);
    assert!(seen.states > 500_000, "{} states", seen.states);
}

/// [M6, R5, X5] Nothing is there before, and the first release is superseded or not; no agent goes back to an older commit that it is
/// answered with.
#[test]
fn a_first_release_is_one_history_and_no_agent_goes_back() {
    let seen = search(Script::first_release());
    seen.must_have(USUAL);
    seen.must_have(&["fetch of a mirror", "mirror refused", "pods fail"]);
    assert!(seen.states > 100_000, "{} states", seen.states);
}

/// [A1, A6, M12] Each hub hears for itself: what one of them knows and the other does not makes no step twice and none too early.
#[test]
fn hubs_that_hear_different_things_make_one_history() {
    let seen = search(Script::heard_apart());
    seen.must_have(USUAL);
    seen.must_have(&["report heard by the second", "older report heard by the second"]);
    assert!(seen.states > 100_000, "{} states", seen.states);
}

/// [X5] The state branch is restored from a backup: agents that are ahead obey nothing until a hub takes over, nothing that was reported before
/// counts after, and all comes to its end.
#[test]
fn a_restored_branch_is_obeyed_once_a_hub_has_taken_over() {
    let seen = search(Script::restored());
    seen.must_have(USUAL);
    seen.must_have(&["branch restored", "takeover", "branch refused"]);
    assert!(seen.states > 100_000, "{} states", seen.states);
}
