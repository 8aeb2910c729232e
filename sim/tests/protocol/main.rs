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

mod memory;
mod people;
mod rules;
mod world;

use memory::Memory;
use people::Script;
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use world::{What, World};

/// What a search has seen.
struct Seen {
    states: usize,
    pushes: usize,
    lost_races: usize,
    ends: usize,
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
    let first = World::settled(&mut memory);
    let mut visited = HashSet::from([mark(&first)]);
    let mut ways = Ways(vec![(0, What::Commit(0))]);
    let mut queue = VecDeque::from([(0, first)]);
    let mut seen = Seen { states: 0, pushes: 0, lost_races: 0, ends: 0 };
    while let Some((state, world)) = queue.pop_front() {
        seen.states += 1;
        let mut quiet = true;
        for step in world.successors(&mut memory) {
            match step.what {
                What::Pushes { wins: true, .. } => seen.pushes += 1,
                What::Pushes { wins: false, .. } => seen.lost_races += 1,
                _ => {}
            }
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
    println!(
        "{name}: {} states, {} pushes, {} lost races, {} ends",
        seen.states, seen.pushes, seen.lost_races, seen.ends
    );
    seen
}

/// [A1, A6, M1, M8, M12, R1, R7] An order, and the return that follows it.
#[test]
fn a_return_after_an_order_is_one_history_whoever_writes_it() {
    let seen = search(Script::ordered_and_returned());
    assert!(seen.states > 500_000 && seen.lost_races > 100_000 && seen.ends > 0, "{} states", seen.states);
}

/// [A1, A4, M12, R5, R7] Steps that go on by themselves, and another release while they do.
#[test]
fn no_step_is_lost_or_doubled_where_steps_go_on_by_themselves() {
    let seen = search(Script::by_itself());
    assert!(seen.states > 500_000 && seen.lost_races > 100_000 && seen.ends > 0, "{} states", seen.states);
}
