//! How many samples were taken, by what they were worth.

use shipper_core::report::Outcome;
use std::sync::atomic::{AtomicU64, Ordering};

/// Samples since the agent started.
#[derive(Debug, Default)]
pub struct Counts {
    passed: AtomicU64,
    failed: AtomicU64,
    unknown: AtomicU64,
}

impl Counts {
    pub(super) fn count(&self, outcome: Outcome) {
        self.of(outcome).fetch_add(1, Ordering::Relaxed);
    }

    fn of(&self, outcome: Outcome) -> &AtomicU64 {
        match outcome {
            Outcome::Passed => &self.passed,
            Outcome::Failed => &self.failed,
            Outcome::Unknown => &self.unknown,
        }
    }

    /// By outcome, as the metrics name it.
    pub fn by_outcome(&self) -> [(&'static str, u64); 3] {
        [("passed", Outcome::Passed), ("failed", Outcome::Failed), ("unknown", Outcome::Unknown)]
            .map(|(name, outcome)| (name, self.of(outcome).load(Ordering::Relaxed)))
    }
}
