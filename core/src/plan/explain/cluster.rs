//! What one cluster is waited for, and why.

use super::super::evidence::{current, is_achieved, met};
use super::super::releases::reaches;
use super::super::{Draft, Roles, gates, removal, targets};
use crate::report::{AppReport, PodGroup, ReleaseReport};
use crate::state::{PlacedCluster, ReleaseRecord};
use crate::status::{ClusterRelease, ClusterStatus, Departure, DepartureStage, Liveness, WaitingFor};
use crate::{ClusterName, ReleaseName};

/// One placed cluster.
pub(super) fn status(
    draft: &Draft<'_>,
    roles: &Roles,
    contender: Option<&ReleaseRecord>,
    (name, placed): (&ClusterName, &PlacedCluster),
    waits: Option<&str>,
) -> ClusterStatus {
    let report = draft.input.reports.get(name);
    let liveness = draft.input.liveness.get(name).copied().unwrap_or_default();
    let departure = departure(draft, name, placed, waits);
    let goes = departure.as_ref().filter(|departure| departure.stage != DepartureStage::Held);
    let judged = || match (contender, goes) {
        // Nobody waits for a cluster that leaves.
        (_, Some(departure)) => (WaitingFor::None, departure.message.clone()),
        (Some(release), None) if release.failed.is_none() => {
            match (judge(draft, roles, release, name, placed), gates::open(draft, release, name)) {
                ((WaitingFor::None, _), Some(open)) => (WaitingFor::WaitingForGate, open),
                (judged, _) => judged,
            }
        }
        _ => (WaitingFor::None, String::new()),
    };
    let (waiting, message) = removal::cluster(draft, name).unwrap_or_else(judged);
    ClusterStatus {
        cluster: name.clone(),
        liveness,
        target_generation: draft.targets.get(name).map(|planned| planned.target.generation),
        reported_generation: report.map(|report| report.target_generation),
        waiting,
        message,
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
fn departure(
    draft: &Draft<'_>,
    name: &ClusterName,
    placed: &PlacedCluster,
    waits: Option<&str>,
) -> Option<Departure> {
    let held = draft.scheduling.held.get(name);
    let emptying = draft
        .record
        .as_ref()
        .and_then(|record| record.placement.as_ref())
        .is_some_and(|placement| placement.leaving.contains_key(name));
    let (why, stage) = match (held, placed.leaves) {
        (Some(why), _) => (*why, DepartureStage::Held),
        (None, Some(why)) if emptying => (why, DepartureStage::Emptying),
        (None, Some(why)) => (why, DepartureStage::Waiting),
        (None, None) => return None,
    };
    let away = draft.input.liveness.get(name) == Some(&Liveness::Offline);
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

/// What one cluster is waited for, the first that applies in the order of A5.
fn judge(
    draft: &Draft<'_>,
    roles: &Roles,
    contender: &ReleaseRecord,
    name: &ClusterName,
    placed: &PlacedCluster,
) -> (WaitingFor, String) {
    if let Some((release, _, message)) = draft.unrendered.iter().find(|(_, cluster, _)| cluster == name) {
        let message = format!("{release} cannot be rendered with the values for this cluster: {message}");
        return (WaitingFor::WaitingForInstallation, message);
    }
    if targets::has_nothing(draft, name, placed) {
        return (WaitingFor::None, "the rollout has not come here".to_owned());
    }
    let planned = draft.targets.get(name).map(|planned| &planned.target);
    let Some(report) =
        current(draft.input, name).filter(|r| planned.is_some_and(|t| t.generation == r.target_generation))
    else {
        let generation =
            planned.map_or_else(|| "its first".to_owned(), |t| format!("generation {}", t.generation));
        let message = match draft.input.liveness.get(name).copied().unwrap_or_default() {
            Liveness::Offline => {
                format!("its agent does not report; is it running? {generation} target waits")
            }
            _ => format!("has not reported on {generation} target yet"),
        };
        return (WaitingFor::WaitingForCluster, message);
    };
    if is_achieved(draft.input, name, contender, roles.incumbent.as_ref()) {
        return (WaitingFor::None, shortfall(report, roles));
    }
    let unmet = |part: fn(&ReleaseReport) -> bool| {
        report.releases.iter().filter(move |seen| !part(seen) && !met(seen))
    };
    if let Some(seen) = unmet(|seen| seen.installed).next() {
        return (WaitingFor::WaitingForInstallation, installation(report, seen));
    }
    // The contender's capacity first: it is what the rest waits for.
    let mut short: Vec<&ReleaseReport> = unmet(|seen| seen.capacity.achieved).collect();
    short.sort_by_key(|seen| seen.name != contender.name);
    let lacking =
        short.iter().find(|seen| seen.capacity.available < seen.capacity.desired).or_else(|| short.first());
    let traffic = unmet(|seen| seen.traffic.as_ref().is_none_or(|t| t.achieved)).next();
    match (lacking, traffic) {
        (Some(seen), _) if seen.capacity.available < seen.capacity.desired => {
            (WaitingFor::WaitingForCapacity, capacity(seen))
        }
        (_, Some(seen)) => (WaitingFor::WaitingForTraffic, traffic_message(seen)),
        (Some(seen), None) => (WaitingFor::WaitingForCapacity, other_workloads(report, seen)),
        (None, None) => (WaitingFor::WaitingForInstallation, first_problem(report)),
    }
    .pipe(|(state, message)| {
        if reaches(contender, (name.as_str(), placed)) {
            (state, message)
        } else {
            (state, format!("{message} (the rollout has not come here)"))
        }
    })
}

/// Reads better than a nested call where a result is passed on.
trait Pipe: Sized {
    fn pipe<T>(self, f: impl FnOnce(Self) -> T) -> T {
        f(self)
    }
}
impl Pipe for (WaitingFor, String) {}

fn installation(report: &AppReport, seen: &ReleaseReport) -> String {
    if report.problems.is_empty() {
        format!("{} is being installed", seen.name)
    } else {
        format!("{} cannot be installed: {}", seen.name, first_problem(report))
    }
}

fn first_problem(report: &AppReport) -> String {
    match report.problems.as_slice() {
        [] => "objects are being applied".to_owned(),
        [problem] => format!("{}: {} ({})", problem.object, problem.message, problem.reason),
        [problem, rest @ ..] => {
            format!("{}: {} ({}), and {} more", problem.object, problem.message, problem.reason, rest.len())
        }
    }
}

/// What is said where the counts of Deployments may be right: a StatefulSet, DaemonSet or Job is not done.
fn other_workloads(report: &AppReport, seen: &ReleaseReport) -> String {
    let counts = &seen.capacity;
    let even = [counts.replicas, counts.pods, counts.available].iter().all(|n| *n == counts.desired);
    if even && !report.problems.is_empty() { first_problem(report) } else { capacity(seen) }
}

fn capacity(seen: &ReleaseReport) -> String {
    let counts = &seen.capacity;
    let mut message = if counts.available < counts.desired {
        format!("{} has {} of {} pods available", seen.name, counts.available, counts.desired)
    } else {
        format!(
            "{} still has {} pods, {} are wanted",
            seen.name,
            counts.pods.max(counts.replicas),
            counts.desired
        )
    };
    if let Some(worst) = seen.pods.iter().max_by_key(|group| group.count) {
        message.push_str(&format!(": {}", pod_group(worst)));
    }
    message
}

fn pod_group(group: &PodGroup) -> String {
    let detail = if group.message.is_empty() { String::new() } else { format!(", {}", group.message) };
    format!("{}x {} (for example {}{detail})", group.count, group.reason, group.example)
}

fn traffic_message(seen: &ReleaseReport) -> String {
    let traffic = seen.traffic.clone().unwrap_or_default();
    format!("{} has {} of {} pods with traffic", seen.name, traffic.ready, traffic.wanted)
}

/// An incumbent that falls short delays nothing, but people are told [C1].
fn shortfall(report: &AppReport, roles: &Roles) -> String {
    let short = |name: &ReleaseName| {
        report
            .releases
            .iter()
            .find(|seen| seen.name == *name && seen.capacity.available < seen.capacity.desired)
    };
    roles.incumbent.as_ref().and_then(short).map(capacity).unwrap_or_default()
}
