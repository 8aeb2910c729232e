//! Random histories: commits, promotions, aborts, pod failures, kills, partitions and people with kubectl, on simulated clusters,
//! with the invariants of `docs/architecture.md` checked at every event.
//!
//! The planner and the convergence are the real ones; Git, hub and agent are reduced to what matters for safety: a
//! compare-and-swap, numbered reports, watches that lag, actions that take time and may be cut off anywhere.
//! `SHIPPER_SEEDS` sets how many histories run and `SHIPPER_FIRST_SEED` with which they begin; `SHIPPER_SEED` replays one and prints what
//! happened; with `SHIPPER_DEEDS=3,7` only those of its deeds are done. A history that fails is made as small as it gets before it is told.

#![allow(clippy::print_stdout, reason = "a replayed seed tells what happens")]

mod agent;
mod blocks;
mod chart;
mod git;
mod history;
mod hub;
mod monitor;
mod people;
mod pods;
mod settled;
mod shrink;

use history::{History, Outcome};
use std::sync::atomic::{AtomicU64, Ordering};

/// Half of a history's time goes into making and freeing small objects.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Histories in an ordinary test run.
const SEEDS: u64 = 5_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn c2_c5_c9_a1_r5_and_absence_hold_in_thousands_of_histories() {
    if let Some(seed) = number("SHIPPER_SEED") {
        let mut history = History::new(seed, true);
        if let Ok(deeds) = std::env::var("SHIPPER_DEEDS") {
            history = history.only(deeds.split(',').filter_map(|deed| deed.trim().parse().ok()).collect());
        }
        let outcome = history.run().unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
        println!("seed {seed}: {outcome:?}");
        return;
    }
    let seeds = number("SHIPPER_SEEDS").unwrap_or(SEEDS);
    let first = number("SHIPPER_FIRST_SEED").unwrap_or(0);
    let next = AtomicU64::new(first);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let (outcomes, violations) = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    let (mut total, mut violations) = (Outcome::default(), Vec::new());
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed - first >= seeds || violations.len() >= 5 {
                            return (total, violations);
                        }
                        match History::new(seed, false).run() {
                            Ok(outcome) => total.add(&outcome),
                            Err(violation) => violations.push((seed, violation)),
                        }
                    }
                })
            })
            .collect();
        let mut sum = (Outcome::default(), Vec::new());
        for handle in handles {
            let (outcome, violations) = handle.join().expect("a worker ends by returning");
            sum.0.add(&outcome);
            sum.1.extend(violations);
        }
        sum
    });
    println!("{seeds} histories reached {outcomes:#?}");
    let told = violations.iter().enumerate().map(|(number, (seed, violation))| match number {
        0 => format!("SHIPPER_SEED={seed}: {}", shrink::shrink(*seed, violation)),
        _ => format!("SHIPPER_SEED={seed}: {violation}"),
    });
    assert!(violations.is_empty(), "{}", told.collect::<Vec<_>>().join("\n"));
    outcomes.check(seeds);
}

#[test]
fn a_seed_replays_exactly() {
    let run = || History::new(7, false).run().map(|outcome| format!("{outcome:?}"));
    assert_eq!(run(), run());
}
