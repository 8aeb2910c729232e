//! One cluster of an application: what is asked of it, and what it says.

use super::AppInput;
use crate::ClusterName;
use crate::few::{Few, InOrder, Lookups};
use crate::report::AppReport;
use crate::state::{PlacedCluster, Placement, Target};
use crate::status::Liveness;

/// A cluster that an application is, or was, placed in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'s, 'a> {
    pub(super) name: &'s ClusterName,
    pub(super) placed: &'s PlacedCluster,
    /// What stands in Git.
    pub(super) target: Option<&'a Target>,
    /// Its latest report, on whatever target.
    pub(super) report: Option<&'a AppReport>,
    pub(super) liveness: Liveness,
}

/// The sites of some clusters.
pub(super) fn sites<'s, 'a>(
    input: &AppInput<'a>,
    placed: &'s Few<ClusterName, PlacedCluster>,
) -> impl Iterator<Item = Site<'s, 'a>> + use<'s, 'a> {
    let (mut targets, mut reports) = (InOrder::of(input.targets), InOrder::of(input.reports));
    let mut liveness = Lookups::of(input.liveness, placed.len());
    placed.iter().map(move |(name, placed)| Site {
        name,
        placed,
        target: targets.get(name),
        report: reports.get(name),
        liveness: liveness.get(name).copied().unwrap_or_default(),
    })
}

/// The sites of the clusters that the application is to have: those a rollout waits for [A1].
pub(super) fn staying<'s, 'a>(
    input: &AppInput<'a>,
    placement: &'s Placement,
) -> impl Iterator<Item = Site<'s, 'a>> + use<'s, 'a> {
    sites(input, &placement.clusters).filter(|site| site.placed.leaves.is_none())
}

impl<'s, 'a> Site<'s, 'a> {
    /// Its report on the target that stands in Git: no other proves anything [A1].
    pub(super) fn current(&self) -> Option<&'a AppReport> {
        on(self.report, self.target?)
    }

    /// As selectors ask for it.
    pub(super) fn by_name(&self) -> (&'s str, &'s PlacedCluster) {
        (self.name.as_str(), self.placed)
    }

    /// Whether the application was being removed there, and is to stay after all [X1]. The tombstones of its releases were written without
    /// asking whether they are empty, so that each begins its way out anew.
    pub(super) fn was_removed(&self) -> bool {
        self.target.is_some_and(|target| target.absent)
    }
}

/// A report, if it is about this target.
pub(super) fn on<'a>(report: Option<&'a AppReport>, target: &Target) -> Option<&'a AppReport> {
    report.filter(|report| report.target_generation == target.generation)
}
