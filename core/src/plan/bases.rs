//! What autoscalers had made of a release when another took its load over [C3].

use super::Draft;
use crate::state::ReleaseRecord;
use crate::{ClusterName, ReleaseName};
use std::collections::BTreeMap;

/// Per cluster, replicas by the Deployment's name without the release's suffix.
pub(super) type Bases = BTreeMap<ClusterName, BTreeMap<String, u32>>;

/// Fills in what no report said when the contender was made, for example because the hub had just started.
pub(super) fn fill_in(draft: &mut Draft<'_>) {
    let (Some(contender), Some(incumbent)) = draft.roles().names() else { return };
    let measured = measured(draft, &incumbent);
    if let Some(release) = draft.releases.get_mut(&contender).filter(|release| release.complete.is_none()) {
        for (cluster, replicas) in measured {
            release.autoscaler_bases.entry(cluster).or_insert(replicas);
        }
    }
}

/// What the clusters report of a release whose load another is to take over.
pub(super) fn measured(draft: &Draft<'_>, release: &ReleaseName) -> Bases {
    let placement = draft.placement();
    let reports = placement
        .into_iter()
        .flat_map(|placement| placement.clusters.keys())
        .filter_map(|cluster| Some((cluster, draft.input.reports.get(cluster)?)));
    reports
        .filter_map(|(cluster, report)| {
            let seen = report.releases.iter().find(|seen| seen.name == *release)?;
            let scaled: BTreeMap<String, u32> =
                seen.autoscaled.iter().filter(|(_, n)| **n > 0).map(|(name, n)| (name.clone(), *n)).collect();
            (!scaled.is_empty()).then(|| (cluster.clone(), scaled))
        })
        .collect()
}

/// What the incumbent takes back from a contender: what either has, and what the contender was to take over if it is not complete.
pub(super) fn handed_back(draft: &Draft<'_>, contender: &ReleaseName, incumbent: &ReleaseName) -> Bases {
    let under_way = draft.releases.get(contender).filter(|release| release.complete.is_none());
    let mut bases = under_way.map(|release| release.autoscaler_bases.clone()).unwrap_or_default();
    merge(&mut bases, measured(draft, contender));
    merge(&mut bases, measured(draft, incumbent));
    bases
}

/// The larger of both, number by number.
pub(super) fn merge(into: &mut Bases, other: Bases) {
    for (cluster, scaled) in other {
        let own = into.entry(cluster).or_default();
        for (name, replicas) in scaled {
            let most = own.entry(name).or_default();
            *most = replicas.max(*most);
        }
    }
}

/// What a release's percentages are taken of in a cluster; empty once it follows the load on its own: when it is complete and no release
/// that it takes the load back from is `leaving` any more.
pub(super) fn base(release: &ReleaseRecord, cluster: &ClusterName, leaving: bool) -> BTreeMap<String, u32> {
    if release.complete.is_some() && !leaving {
        return BTreeMap::new();
    }
    release.autoscaler_bases.get(cluster).cloned().unwrap_or_default()
}
