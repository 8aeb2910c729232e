//! What one cluster is waited for, and why.

use super::super::evidence::{Proof, of_target};
use super::super::releases::reaches;
use super::super::site::Site;
use super::super::{Draft, Roles, failing, gates, removal, targets, words};
use super::waiting::NO_RELEASE;
use crate::report::{AppReport, ReleaseReport};
use crate::state::{ReleaseRecord, Target};
use crate::status::{ClusterRelease, ClusterStatus, Departure, DepartureStage, Liveness, WaitingFor};

/// One placed cluster.
pub(super) fn status(
    draft: &Draft<'_>,
    roles: &Roles<'_>,
    contender: Option<&ReleaseRecord>,
    (site, planned): (&Site<'_, '_>, Option<&Target>),
    waits: Option<&str>,
) -> ClusterStatus {
    let Site { name, report, liveness, .. } = *site;
    let departure = departure(draft, site, waits);
    let goes = departure.as_ref().filter(|departure| departure.stage != DepartureStage::Held);
    let judged = || match (contender, goes) {
        // Nobody waits for a cluster that leaves.
        (_, Some(departure)) => (WaitingFor::None, departure.message.clone()),
        (Some(release), None) if release.failed.is_none() => {
            match (waited_for(draft, roles, release, site, planned), gates::open(draft, release, name)) {
                ((WaitingFor::None, _), Some(open)) => (WaitingFor::WaitingForGate, open),
                (waited, _) => waited,
            }
        }
        (Some(_), None) => (WaitingFor::None, String::new()),
        (None, None) => (WaitingFor::WaitingForInstallation, NO_RELEASE.to_owned()),
    };
    let (waiting, message) = removal::cluster(draft, name).unwrap_or_else(judged);
    ClusterStatus {
        cluster: name.clone(),
        liveness,
        target_generation: planned.map(|target| target.generation),
        reported_generation: report.map(|report| report.target_generation),
        waiting,
        message,
        failing: contender.and_then(|release| failing::of(release, name)),
        releases: report
            .map(|report| report.releases.iter().map(cluster_release).collect())
            .unwrap_or_default(),
        problems: report.map(|report| report.problems.clone()).unwrap_or_default(),
        analysis: report.and_then(|report| report.analysis.clone()),
        unattended: liveness == Liveness::Offline && report.is_some_and(|report| report.unattended),
        departure,
    }
}

/// What there is to say of a cluster that is to lose the application.
fn departure(draft: &Draft<'_>, site: &Site<'_, '_>, waits: Option<&str>) -> Option<Departure> {
    let (name, placed) = (site.name, site.placed);
    let held = draft.scheduling.held.get(name);
    let emptying = draft.placement().is_some_and(|placement| placement.leaving.contains_key(name));
    let (why, stage) = match (held, placed.leaves) {
        (Some(why), _) => (*why, DepartureStage::Held),
        (None, Some(why)) if emptying => (why, DepartureStage::Emptying),
        (None, Some(why)) => (why, DepartureStage::Waiting),
        (None, None) => return None,
    };
    let away = site.liveness == Liveness::Offline;
    let message = match stage {
        DepartureStage::Held => format!("stays although {why}: no cluster takes its place"),
        DepartureStage::Waiting => {
            format!("leaves because {why}, once the others are ready: {}", waits.unwrap_or("they are"))
        }
        DepartureStage::Emptying if away => "is to be emptied, but its agent does not report".to_owned(),
        DepartureStage::Emptying => format!("is being emptied because {why}"),
    };
    Some(Departure { why, stage, message })
}

fn cluster_release(seen: &ReleaseReport) -> ClusterRelease {
    ClusterRelease {
        name: seen.name.clone(),
        capacity: seen.capacity.clone(),
        traffic: seen.traffic.clone(),
        pods: seen.pods.clone(),
    }
}

/// What one cluster is waited for, of what the target asks that goes with this plan: the first that applies in the order of A5.
fn waited_for(
    draft: &Draft<'_>,
    roles: &Roles<'_>,
    contender: &ReleaseRecord,
    site: &Site<'_, '_>,
    target: Option<&Target>,
) -> (WaitingFor, String) {
    let name = site.name;
    if let Some((release, _, message)) = draft.unrendered.iter().find(|(_, cluster, _)| cluster == name) {
        let message = format!("{release} cannot be rendered with the values for this cluster: {message}");
        return (WaitingFor::WaitingForInstallation, message);
    }
    if targets::has_nothing(draft, site) {
        return (WaitingFor::None, "the rollout has not come here".to_owned());
    }
    let proof = target.map_or(Proof::Unreported, |target| {
        of_target(site.current(), target, contender, roles.incumbent.map(|release| &release.name))
    });
    match proof {
        Proof::Achieved(report) => (WaitingFor::None, shortfall(report, roles)),
        Proof::Lacks(lack) => {
            let elsewhere =
                if reaches(contender, site.by_name()) { "" } else { " (the rollout has not come here)" };
            (lack.waiting(), format!("{}{elsewhere}", words::lack(&lack)))
        }
        Proof::Untouched | Proof::NotAsked | Proof::Unreported => {
            let generation =
                target.map_or_else(|| "its first".to_owned(), |t| format!("generation {}", t.generation));
            let message = match site.liveness {
                Liveness::Offline => {
                    format!("its agent does not report; is it running? {generation} target waits")
                }
                _ => format!("has not reported on {generation} target yet"),
            };
            (WaitingFor::WaitingForCluster, message)
        }
    }
}

/// An incumbent that falls short delays nothing, but people are told [C1].
fn shortfall(report: &AppReport, roles: &Roles<'_>) -> String {
    let short = |incumbent: &ReleaseRecord| {
        report
            .releases
            .iter()
            .find(|seen| seen.name == incumbent.name && seen.capacity.available < seen.capacity.desired)
    };
    roles.incumbent.and_then(short).map(words::capacity).unwrap_or_default()
}
