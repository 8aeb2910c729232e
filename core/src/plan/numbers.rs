//! What a step means for one cluster [M3, M4].

use crate::intent::{Step, StrategySpec};
use crate::state::PlacedCluster;

/// Capacity and traffic of one release in one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Percent of the rendered replicas.
    pub capacity: u8,
    /// Weight; `None` where the strategy names no traffic in any step.
    pub traffic: Option<u32>,
}

impl Share {
    /// Nothing of either.
    pub fn nothing(managed: bool) -> Self {
        Self { capacity: 0, traffic: managed.then_some(0) }
    }

    /// All of both.
    pub fn everything(managed: bool) -> Self {
        Self { capacity: 100, traffic: managed.then_some(100) }
    }
}

/// Both sides of a step in one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The newest release.
    pub contender: Share,
    /// The release that had the load before.
    pub incumbent: Share,
}

/// The numbers at step `at` in a cluster: those of the last step ≤ `at` that selects it, what it leaves out taken from the steps
/// before among those that select it. `None` where none selects it. `before`: what the incumbent has where nothing is said.
pub fn numbers(
    strategy: &StrategySpec,
    at: usize,
    cluster: (&str, &PlacedCluster),
    before: Share,
) -> Option<Numbers> {
    let managed = strategy.manages_traffic();
    let (name, placed) = cluster;
    let selects =
        |step: &&Step| step.clusters.as_ref().is_none_or(|s| s.selects(name, &placed.labels, &placed.region));
    let mut selected = strategy.steps.iter().take(at + 1).filter(selects).peekable();
    selected.peek()?;
    let start = Numbers {
        contender: Share::nothing(managed),
        incumbent: Share {
            capacity: before.capacity,
            traffic: managed.then(|| before.traffic.unwrap_or(100)),
        },
    };
    Some(selected.fold(start, |numbers, step| {
        let capacity = step.capacity.unwrap_or_default();
        let traffic = step.traffic.unwrap_or_default();
        let next = |share: Share, percent: Option<u8>, weight: Option<u32>| Share {
            capacity: percent.unwrap_or(share.capacity),
            traffic: share.traffic.map(|before| weight.unwrap_or(before)),
        };
        Numbers {
            contender: next(numbers.contender, capacity.contender, traffic.contender),
            incumbent: next(numbers.incumbent, capacity.incumbent, traffic.incumbent),
        }
    }))
}

/// The numbers a release has on its own at the end of its strategy: the contender's of its last step [M3, M8]. `None` where no
/// step ever selected the cluster: it has no objects there.
pub(super) fn own_end(strategy: &StrategySpec, cluster: (&str, &PlacedCluster)) -> Option<Share> {
    let managed = strategy.manages_traffic();
    let last = strategy.steps.len().saturating_sub(1);
    numbers(strategy, last, cluster, Share::nothing(managed)).map(|n| n.contender)
}
