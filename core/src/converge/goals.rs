//! How many pods of each release are to have traffic [C5].

use std::collections::BTreeMap;

use crate::ReleaseName;

/// Goals per release and their sum, G.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Goals {
    /// Pods that are to have traffic, per release.
    pub by_release: BTreeMap<ReleaseName, u32>,
    /// Their sum: so many ready pods with traffic there are to be.
    pub total: u32,
}

impl Goals {
    /// The goal of a release; 0 where it has none.
    pub fn of(&self, release: &ReleaseName) -> u32 {
        self.by_release.get(release).copied().unwrap_or(0)
    }
}

/// `goal(r) = min(desired(r), ceil(sum of desired × weight(r) / sum of weights))`; computed from the target, never from readiness.
/// `releases`: name, desired pods that serve, weight.
pub fn traffic_goals<'a>(releases: impl IntoIterator<Item = (&'a ReleaseName, u32, u32)> + Clone) -> Goals {
    let (desired, weights) = releases
        .clone()
        .into_iter()
        .fold((0_u64, 0_u64), |(d, w), (_, desired, weight)| (d + u64::from(desired), w + u64::from(weight)));
    let mut goals = Goals::default();
    for (name, own, weight) in releases {
        let share = if weights == 0 { 0 } else { (desired * u64::from(weight)).div_ceil(weights) };
        let goal = own.min(u32::try_from(share).unwrap_or(u32::MAX));
        goals.total += goal;
        goals.by_release.insert(name.clone(), goal);
    }
    goals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goals(releases: &[(&str, u32, u32)]) -> Vec<u32> {
        let names: Vec<_> = releases.iter().map(|(name, d, w)| (ReleaseName::from(*name), *d, *w)).collect();
        let goals = traffic_goals(names.iter().map(|(name, d, w)| (name, *d, *w)));
        names.iter().map(|(name, ..)| goals.of(name)).collect()
    }

    #[test]
    fn c5_shares_follow_the_weights_and_stop_at_the_desired_pods() {
        assert_eq!(goals(&[("v1", 10, 100), ("v2", 1, 0)]), [10, 0]);
        assert_eq!(goals(&[("v1", 5, 50), ("v2", 5, 50)]), [5, 5]);
        assert_eq!(goals(&[("v1", 10, 10), ("v2", 10, 20)]), [7, 10]);
        assert_eq!(goals(&[("v1", 10, 1), ("v2", 10, 10_000)]), [1, 10]);
        assert_eq!(goals(&[("v1", 0, 100), ("v2", 4, 0)]), [0, 0]);
        assert_eq!(goals(&[("v1", 3, 0), ("v2", 3, 0)]), [0, 0]);
    }
}
