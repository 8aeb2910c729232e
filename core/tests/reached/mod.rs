//! Properties over random cases that must have reached what they speak of: a run in which it never was says nothing, and fails.

#![allow(clippy::print_stdout, reason = "a test says what it has seen")]

use proptest::prelude::{ProptestConfig, Strategy};
use proptest::test_runner::{TestCaseResult, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What was reached in how many of the cases of a run.
#[derive(Default)]
pub struct Reached(RefCell<BTreeMap<String, usize>>);

impl Reached {
    /// One case more has reached it.
    pub fn count(&self, what: impl Into<String>) {
        *self.0.borrow_mut().entry(what.into()).or_default() += 1;
    }
}

/// Whether a property holds of so many cases, and all words of `wanted` were reached among them.
pub fn holds<T: std::fmt::Debug>(
    cases: impl Strategy<Value = T>,
    count: u32,
    wanted: &str,
    property: impl Fn(&T, &Reached) -> TestCaseResult,
) {
    let reached = Reached::default();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) };
    if let Err(broken) = TestRunner::new(config).run(&cases, |case| property(&case, &reached)) {
        panic!("{broken}");
    }
    let reached = reached.0.into_inner();
    let missed: Vec<&str> = wanted.split_whitespace().filter(|what| !reached.contains_key(*what)).collect();
    assert!(missed.is_empty(), "in {count} cases there was no {missed:?}: {reached:?}");
    println!("{count} cases: {reached:?}");
}
