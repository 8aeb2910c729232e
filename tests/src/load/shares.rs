//! Whether answers are spread as pods are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::{Result, ensure};

use super::Answer;

/// What chance alone exceeds once in 100,000 times, by degrees of freedom from 1 on.
const BOUNDS: [f64; 4] = [19.5, 23.0, 25.9, 28.5];

/// Who answered the requests of some time, each over a connection of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    answers: BTreeMap<String, usize>,
    pods: BTreeMap<String, BTreeSet<String>>,
}

impl Shares {
    /// Of the answers whose requests began at `since` or later.
    #[must_use]
    pub fn since(answers: &[Answer], since: Instant) -> Self {
        let mut shares = Self::default();
        for answer in answers.iter().filter(|answer| answer.at >= since && !answer.kept) {
            *shares.answers.entry(answer.version.clone()).or_default() += 1;
            shares.pods.entry(answer.version.clone()).or_default().insert(answer.pod.clone());
        }
        shares
    }

    /// How many answers there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.answers.values().sum()
    }

    /// Answers by version.
    #[must_use]
    pub fn answers(&self) -> &BTreeMap<String, usize> {
        &self.answers
    }

    /// Fails unless exactly so many pods of each version answered, and each as often as the others but for chance
    /// (Pearson's chi-square test over the versions).
    ///
    /// # Errors
    /// When it is not so.
    pub fn ensure_follow(&self, pods: &[(&str, usize)]) -> Result<()> {
        let wanted: BTreeMap<&str, usize> = pods.iter().copied().filter(|(_, count)| *count > 0).collect();
        let answered: BTreeMap<&str, usize> =
            self.pods.iter().map(|(version, pods)| (version.as_str(), pods.len())).collect();
        ensure!(answered == wanted, "pods that answered: {answered:?}; wanted: {wanted:?}");
        let value = self.chi_square(&wanted);
        let freedom = wanted.len().saturating_sub(1);
        let bound = if freedom == 0 { 0.0 } else { BOUNDS[freedom - 1] };
        ensure!(value <= bound, "{:?} answers of {wanted:?} pods: {value:.1} > {bound}", self.answers);
        Ok(())
    }

    fn chi_square(&self, pods: &BTreeMap<&str, usize>) -> f64 {
        let (total, all) = (count(self.total()), count(pods.values().sum()));
        let part = |(version, pods): (&&str, &usize)| {
            let expected = total * count(*pods) / all;
            let seen = count(self.answers.get(*version).copied().unwrap_or(0));
            (seen - expected).powi(2) / expected
        };
        pods.iter().map(part).sum()
    }
}

/// Exact for what a test can count.
fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
