//! What reports prove [A1]. Only a report on the target that is in force counts; what is missing proves nothing.

use super::AppInput;
use crate::report::{AppReport, ReleaseReport};
use crate::state::ReleaseRecord;
use crate::{ClusterName, ReleaseName};

/// The report of a cluster on the target that is in force there.
pub(super) fn current<'a>(input: &AppInput<'a>, cluster: &ClusterName) -> Option<&'a AppReport> {
    let target = input.targets.get(cluster)?;
    input.reports.get(cluster).filter(|report| report.target_generation == target.generation)
}

/// Whether a cluster has achieved what its target asks for. The contender's numbers must be met in full. The incumbent's must
/// not be exceeded; going forward a shortfall of it is reported and delays nothing [C1, A2].
pub(super) fn is_achieved(
    input: &AppInput<'_>,
    cluster: &ClusterName,
    contender: &ReleaseRecord,
    incumbent: Option<&ReleaseName>,
) -> bool {
    let Some(report) = current(input, cluster) else { return false };
    let Some(target) = input.targets.get(cluster) else { return false };
    target.releases.iter().all(|wanted| {
        let Some(seen) = report.releases.iter().find(|r| r.name == wanted.name) else { return false };
        if wanted.absent {
            // A tombstone is carried out beside the rollout, not as part of it.
            return true;
        }
        let forward = contender.position.step >= contender.position.from;
        let tolerated = forward && incumbent == Some(&wanted.name) && contender.name != wanted.name;
        if tolerated { not_exceeded(seen) } else { met(seen) }
    }) && !report.problems.iter().any(|problem| !problem.heals)
}

/// Everything in C4.
pub(super) fn met(seen: &ReleaseReport) -> bool {
    seen.installed && seen.capacity.achieved && seen.traffic.as_ref().is_none_or(|traffic| traffic.achieved)
}

fn not_exceeded(seen: &ReleaseReport) -> bool {
    seen.installed
        && seen.capacity.replicas <= seen.capacity.desired
        && seen.capacity.pods <= seen.capacity.desired
        && seen.traffic.as_ref().is_none_or(|traffic| traffic.ready <= traffic.wanted)
}

/// Whether a cluster has reported that a release is empty: no pods asked for, none there, none serving [R7].
pub(super) fn is_empty(input: &AppInput<'_>, cluster: &ClusterName, release: &ReleaseName) -> bool {
    current(input, cluster)
        .and_then(|report| report.releases.iter().find(|r| r.name == *release))
        .is_some_and(|seen| {
            seen.capacity.achieved
                && seen.capacity.replicas == 0
                && seen.capacity.pods == 0
                && seen.traffic.as_ref().is_none_or(|traffic| traffic.ready == 0)
        })
}

/// Whether a cluster has reported that nothing of a release is left [R7].
pub(super) fn is_gone(input: &AppInput<'_>, cluster: &ClusterName, release: &ReleaseName) -> bool {
    current(input, cluster)
        .and_then(|report| report.releases.iter().find(|r| r.name == *release))
        .is_some_and(|seen| !seen.present)
}

/// Ready pods with traffic of a release in a cluster; `None` where no report on any target says so.
pub(super) fn ready_traffic(
    input: &AppInput<'_>,
    cluster: &ClusterName,
    release: &ReleaseName,
) -> Option<u32> {
    let seen = input.reports.get(cluster)?.releases.iter().find(|r| r.name == *release)?;
    Some(seen.traffic.as_ref().map_or(seen.capacity.available, |traffic| traffic.ready))
}
