//! Breadth-first search through every state of a small model: each is visited once, what breaks a rule is told with the shortest way to it,
//! and where nothing can happen any more the end must be what was asked for.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail, and says what it has seen"
)]

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Something that may happen.
pub trait Event: Copy + fmt::Display {
    /// What kind of thing it is, for counting.
    fn kind(self) -> &'static str;
    /// It need not ever happen.
    fn is_failure(self) -> bool;
}

/// One state of everything.
pub trait State: Copy + Hash {
    /// What may happen.
    type Event: Event;
    /// What is kept beside all states, for example decisions that were made.
    type Memory;
    /// Everything that may happen, and what is so after it.
    fn successors(&self, memory: &mut Self::Memory) -> Vec<Step<Self>>;
    /// Whether the end is what was asked for, where nothing but failures can happen any more.
    fn at_rest(&self, memory: &mut Self::Memory) -> Result<(), String>;
}

/// Something that may happen, and what is so after it.
pub struct Step<S: State> {
    pub what: S::Event,
    pub world: S,
    /// A rule that it breaks.
    pub broken: Option<String>,
}

/// What a search has seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub states: usize,
    /// How often each kind of thing happened.
    pub happened: BTreeMap<&'static str, usize>,
    pub ends: usize,
    /// There are more.
    pub cut: bool,
}

impl Seen {
    /// Fails where one of these never happened.
    pub fn must_have(&self, wanted: &[&str]) {
        let missed: Vec<_> = wanted.iter().filter(|what| !self.happened.contains_key(**what)).collect();
        assert!(missed.is_empty() && (self.ends > 0 || self.cut), "there was no {missed:?}: {self:?}");
    }
}

/// How each state but the first was come to: from which one, by what.
struct Ways<E>(Vec<(u32, E)>);

impl<E: Event> Ways<E> {
    fn to(&self, mut state: u32) -> String {
        let mut steps = Vec::new();
        while state > 0 {
            let (before, what) = &self.0[state as usize - 1];
            steps.push(what.to_string());
            state = *before;
        }
        steps.reverse();
        steps.join("\n")
    }
}

/// 128 bits that stand for a state among those that were visited.
fn mark<S: Hash>(world: &S) -> (u64, u64) {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, world).hash(&mut hasher);
        hasher.finish()
    };
    (hash(0), hash(1))
}

/// Visits every state, the nearest first, and at most so many; panics with the way to the first one that breaks a rule.
pub fn search<S: State>(name: &str, first: S, memory: &mut S::Memory, most: usize) -> Seen {
    let mut visited = HashSet::from([mark(&first)]);
    let mut ways = Ways(Vec::new());
    let mut queue = VecDeque::from([(0, first)]);
    let mut seen = Seen::default();
    while let Some((state, world)) = queue.pop_front() {
        if seen.states == most {
            seen.cut = true;
            break;
        }
        seen.states += 1;
        let mut quiet = true;
        for step in world.successors(memory) {
            *seen.happened.entry(step.what.kind()).or_default() += 1;
            quiet &= step.what.is_failure();
            if let Some(broken) = step.broken {
                panic!("{name}: {broken}\n{}\n{}", ways.to(state), step.what);
            }
            if visited.insert(mark(&step.world)) {
                ways.0.push((state, step.what));
                queue.push_back((u32::try_from(ways.0.len()).expect("a small model"), step.world));
            }
        }
        if quiet {
            seen.ends += 1;
            if let Err(broken) = world.at_rest(memory) {
                panic!("{name}: at rest, but {broken}\n{}", ways.to(state));
            }
        }
    }
    let more = if seen.cut { " and more" } else { "" };
    println!("{name}: {} states{more}, {} ends, {:?}", seen.states, seen.ends, seen.happened);
    seen
}
