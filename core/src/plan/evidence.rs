//! What reports prove [A1]. Only a report on the target that is in force counts; what is missing proves nothing.

use super::site::{Site, on, staying};
use super::{AppInput, Draft, targets};
use crate::few::Few;
use crate::report::{AppReport, ReleaseReport};
use crate::state::{Pods, ReleaseRecord, Target};
use crate::status::WaitingFor;
use crate::{ClusterName, ReleaseName};

/// What one placed cluster proves of what is asked of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof<'a> {
    /// It has nothing of the application and is to have nothing yet.
    Untouched,
    /// Its target does not ask yet for what the step means.
    NotAsked,
    /// It has not reported on the target that asks.
    Unreported,
    /// It has everything [C4]. Going forward the incumbent may fall short [C1].
    Achieved(&'a AppReport),
    /// It has not.
    Lacks(Lack<'a>),
}

/// What a cluster lacks, the first that applies in the order of A5.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lack<'a> {
    /// Of what.
    pub(super) of: Lacking<'a>,
    /// The report that says so.
    pub(super) report: &'a AppReport,
}

/// Of what a cluster lacks something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lacking<'a> {
    /// Objects, of a release where one is known.
    Installation(Option<&'a ReleaseReport>),
    /// Pods that are available, or that are gone; or other workloads that are not done.
    Capacity(&'a ReleaseReport),
    /// Pods with traffic.
    Traffic(&'a ReleaseReport),
}

impl Lack<'_> {
    /// As people are told.
    pub(super) fn waiting(&self) -> WaitingFor {
        match self.of {
            Lacking::Installation(_) => WaitingFor::WaitingForInstallation,
            Lacking::Capacity(_) => WaitingFor::WaitingForCapacity,
            Lacking::Traffic(_) => WaitingFor::WaitingForTraffic,
        }
    }

    /// Whether there is something that cannot heal by waiting [A2].
    pub(super) fn is_final(&self) -> bool {
        self.report.problems.iter().any(|problem| !problem.heals)
    }

    /// The pods there of a release.
    pub(super) fn pods(&self, release: &ReleaseName) -> Pods {
        let seen = self.report.releases.iter().find(|seen| seen.name == *release);
        seen.map_or_else(Pods::default, |seen| Pods {
            available: seen.capacity.available,
            traffic: seen.traffic.as_ref().map_or(0, |traffic| traffic.ready),
        })
    }
}

/// What each placed cluster that stays proves of the step in force.
pub(super) fn of_step<'a>(
    draft: &Draft<'a>,
    contender: &ReleaseRecord,
    incumbent: Option<&ReleaseName>,
) -> Few<ClusterName, Proof<'a>> {
    let Some(placement) = draft.placement() else { return Few::default() };
    let staying = staying(draft.input, placement);
    staying.map(|site| (site.name.clone(), of_site(draft, contender, incumbent, &site))).collect()
}

fn of_site<'a>(
    draft: &Draft<'a>,
    contender: &ReleaseRecord,
    incumbent: Option<&ReleaseName>,
    site: &Site<'_, 'a>,
) -> Proof<'a> {
    let wanted = targets::wanted(draft, site);
    match site.target {
        None if wanted.is_empty() => Proof::Untouched,
        Some(target) if targets::asks(target, &wanted) => {
            of_target(site.report, target, contender, incumbent)
        }
        _ => Proof::NotAsked,
    }
}

/// What a cluster's report proves of a target.
pub(super) fn of_target<'a>(
    report: Option<&'a AppReport>,
    target: &Target,
    contender: &ReleaseRecord,
    incumbent: Option<&ReleaseName>,
) -> Proof<'a> {
    let Some(report) = on(report, target) else { return Proof::Unreported };
    if is_achieved(Some(report), target, contender, incumbent) {
        return Proof::Achieved(report);
    }
    Proof::Lacks(Lack { of: lacking(report, contender), report })
}

fn lacking<'a>(report: &'a AppReport, contender: &ReleaseRecord) -> Lacking<'a> {
    let unmet = |part: fn(&ReleaseReport) -> bool| {
        report.releases.iter().filter(move |seen| !part(seen) && !met(seen))
    };
    if let Some(seen) = unmet(|seen| seen.installed).next() {
        return Lacking::Installation(Some(seen));
    }
    // The contender's capacity first: it is what the rest waits for.
    let mut short: Vec<&ReleaseReport> = unmet(|seen| seen.capacity.achieved).collect();
    short.sort_by_key(|seen| seen.name != contender.name);
    let below = short.iter().copied().find(|seen| seen.capacity.available < seen.capacity.desired);
    let traffic = unmet(|seen| seen.traffic.as_ref().is_none_or(|t| t.achieved)).next();
    match (below, traffic, short.first().copied()) {
        (Some(seen), ..) | (None, None, Some(seen)) => Lacking::Capacity(seen),
        (None, Some(seen), _) => Lacking::Traffic(seen),
        (None, None, None) => Lacking::Installation(None),
    }
}

/// The report of a cluster on the target that is in force there.
pub(super) fn current<'a>(input: &AppInput<'a>, cluster: &ClusterName) -> Option<&'a AppReport> {
    on(input.reports.get(cluster), input.targets.get(cluster)?)
}

/// Whether a report is about a target and says that all it asks for is achieved [A1]. The contender's numbers must be met in full. The incumbent's must
/// not be exceeded; going forward a shortfall of it is reported and delays nothing [C1, A2].
pub(super) fn is_achieved(
    report: Option<&AppReport>,
    target: &Target,
    contender: &ReleaseRecord,
    incumbent: Option<&ReleaseName>,
) -> bool {
    let Some(report) = on(report, target) else { return false };
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
pub(super) fn is_empty(site: &Site<'_, '_>, release: &ReleaseName) -> bool {
    site.current().and_then(|report| report.releases.iter().find(|r| r.name == *release)).is_some_and(
        |seen| {
            seen.capacity.achieved
                && seen.capacity.replicas == 0
                && seen.capacity.pods == 0
                && seen.traffic.as_ref().is_none_or(|traffic| traffic.ready == 0)
        },
    )
}

/// Whether a cluster has reported that nothing of a release is left [R7].
pub(super) fn is_gone(site: &Site<'_, '_>, release: &ReleaseName) -> bool {
    site.current()
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
