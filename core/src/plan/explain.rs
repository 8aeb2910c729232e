//! What people are told: what a rollout waits for, where and why [A5], and the conditions.

use super::evidence::{current, is_achieved, met};
use super::releases::reaches;
use super::{Draft, Roles};
use crate::ReleaseName;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::intent::Approval;
use crate::report::{AppReport, PodGroup, ReleaseReport};
use crate::state::{PlacedCluster, ReleaseRecord};
use crate::status::{
    ApplicationStatus, ClusterRelease, ClusterStatus, Departure, DepartureStage, Liveness, ReleaseStatus,
    Waiting, WaitingFor,
};
use crate::{AppKey, ClusterName};

/// The status that goes with a plan.
pub(super) fn status(draft: &Draft<'_>) -> ApplicationStatus {
    let roles = draft.roles();
    let contender = roles.contender.as_ref().and_then(|name| draft.releases.get(name));
    let placement = draft.record.as_ref().and_then(|record| record.placement.as_ref());
    let waits = super::placement::waits_for(draft);
    let placed =
        placement.into_iter().flat_map(|placement| placement.clusters.iter().chain(&placement.leaving));
    let mut clusters: Vec<ClusterStatus> = placed
        .map(|(name, placed)| cluster_status(draft, &roles, contender, (name, placed), waits.as_deref()))
        .collect();
    clusters.sort_by(|a, b| a.cluster.cmp(&b.cluster));
    let waiting = waiting(draft, contender, &clusters);
    let mut conditions = draft.conditions.clone();
    conditions.extend(contender.map(|release| rolling_out(release, &roles, &waiting)));
    conditions.extend(contender.and_then(render_failed));
    conditions.sort_by_key(|condition| condition.kind);
    let mut releases: Vec<ReleaseStatus> = draft.releases.values().map(release_status).collect();
    releases.sort_by_key(|release| std::cmp::Reverse(release.generation));
    ApplicationStatus {
        application: draft.input.application.clone(),
        contender: roles.contender,
        incumbent: roles.incumbent,
        releases,
        waiting,
        clusters,
        refused: draft.scheduling.refused.clone(),
        conditions,
    }
}

fn release_status(release: &ReleaseRecord) -> ReleaseStatus {
    ReleaseStatus {
        name: release.name.clone(),
        generation: release.generation,
        created: release.created,
        source: release.source.clone(),
        version: version(release),
        steps: release.strategy.steps.iter().map(|step| step.name.clone()).collect(),
        step: release.position.step,
        achieved: release.achieved.clone(),
        complete: release.complete,
        withdrawn: release.withdrawn.clone(),
        failed: release.failed.clone(),
    }
}

/// What a release is a version of, in words.
fn version(release: &ReleaseRecord) -> String {
    let short = |id: &Option<String>| id.as_deref().unwrap_or_default().chars().take(8).collect::<String>();
    match (&release.environment.chart, &release.environment.manifests) {
        (Some(chart), _) => match &chart.path {
            Some(path) => format!("{path}@{}", short(&chart.tree)),
            None => format!(
                "{} {}",
                chart.name.as_deref().unwrap_or_default(),
                chart.version.as_deref().unwrap_or_default()
            ),
        },
        (None, Some(source)) => format!("{}@{}", source.path, short(&Some(source.tree.clone()))),
        (None, None) => String::new(),
    }
}

fn rolling_out(release: &ReleaseRecord, roles: &Roles, waiting: &Waiting) -> Condition {
    let from = roles.incumbent.as_ref().map(|name| format!(" from {name}")).unwrap_or_default();
    if release.complete.is_some() && waiting.state == WaitingFor::None {
        Condition::new(
            ConditionType::Complete,
            Status::True,
            Reason::RolloutComplete,
            format!("{} is complete", release.name),
        )
    } else {
        Condition::new(
            ConditionType::RollingOut,
            Status::True,
            Reason::InProgress,
            format!(
                "rolling out {}{from}, step {} {:?}: {}",
                release.name, release.position.step, release.position.name, waiting.message
            ),
        )
    }
}

fn render_failed(release: &ReleaseRecord) -> Option<Condition> {
    let failure = release.failed.as_ref()?;
    Some(Condition::new(
        ConditionType::Rendered,
        Status::False,
        Reason::RenderFailed,
        format!(
            "{} goes nowhere: {}. Mend the chart or its values, or revert the commit",
            release.name, failure.message
        ),
    ))
}

fn waiting(draft: &Draft<'_>, contender: Option<&ReleaseRecord>, clusters: &[ClusterStatus]) -> Waiting {
    let at_rest = |state, message: String| Waiting { state, message, clusters: Vec::new() };
    let blocks = super::blocks::in_force(draft);
    let held = |c: &Condition| c.kind == ConditionType::ReleaseSynced && c.reason == Reason::RolloutsBlocked;
    let moving = contender.is_none_or(|release| release.complete.is_none())
        || draft.conditions.iter().any(held)
        || super::steps::order_pending(draft);
    if !blocks.is_empty() && moving {
        return at_rest(
            WaitingFor::Blocked,
            format!(
                "rollouts are blocked by {}; remove the block, or name it in the annotation shipper.dev/rollout-block.override",
                blocks.join("; ")
            ),
        );
    }
    let Some(release) = contender else {
        return at_rest(WaitingFor::None, "there is no release yet".to_owned());
    };
    if let Some(failure) = &release.failed {
        return at_rest(
            WaitingFor::WaitingForInstallation,
            format!("it cannot be rendered: {}", failure.message),
        );
    }
    let achieved = release.achieved.as_ref().is_some_and(|achieved| achieved.step == release.position.step);
    // A cluster that is away was excused when the step was achieved.
    let excused = |cluster: &&ClusterStatus| achieved && cluster.liveness == Liveness::Offline;
    let first = clusters
        .iter()
        .filter(|c| !excused(c))
        .map(|cluster| cluster.waiting)
        .min()
        .unwrap_or(WaitingFor::None);
    let step = &release.position.name;
    if !achieved && clusters.iter().all(|cluster| cluster.target_generation.is_none()) {
        let why =
            draft.conditions.iter().find(|c| c.kind == ConditionType::Scheduled).map(|c| c.message.as_str());
        return at_rest(
            WaitingFor::WaitingForCluster,
            format!("{} runs nowhere yet: {}", release.name, why.unwrap_or("no cluster is chosen")),
        );
    }
    if first < WaitingFor::WaitingForGate {
        let waited: Vec<&ClusterStatus> =
            clusters.iter().filter(|cluster| cluster.waiting == first).collect();
        let message =
            waited.iter().map(|c| format!("{}: {}", c.cluster, c.message)).collect::<Vec<_>>().join("; ");
        return Waiting {
            state: first,
            message,
            clusters: waited.into_iter().map(|c| c.cluster.clone()).collect(),
        };
    }
    let gate = release.strategy.steps.get(release.position.step).map(|step| step.gate).unwrap_or_default();
    let last = release.position.step + 1 >= release.strategy.steps.len();
    if let (Some(soak), true, None) = (gate.soak, achieved, release.complete) {
        let since = release.achieved.as_ref().map(|achieved| draft.input.now.duration_since(achieved.at));
        let passed = since.and_then(|since| std::time::Duration::try_from(since).ok()).unwrap_or_default();
        if passed < soak {
            let left = crate::intent::format_duration(std::time::Duration::from_secs(
                (soak - passed).as_secs().max(1),
            ));
            return at_rest(WaitingFor::WaitingForGate, format!("step {step:?} soaks for another {left}"));
        }
    }
    if last || gate.approval == Approval::Auto {
        return at_rest(WaitingFor::None, format!("{} is at its step {step:?}", release.name));
    }
    let next = &release.strategy.steps[release.position.step + 1].name;
    at_rest(
        WaitingFor::WaitingForCommand,
        format!(
            "step {step:?} is achieved; promote to {next:?} with: {}",
            promote(draft.input.application, release, next)
        ),
    )
}

fn promote(app: &AppKey, release: &ReleaseRecord, step: &str) -> String {
    let step = if step.contains(' ') { format!("{step:?}") } else { step.to_owned() };
    format!("shipperctl promote {app} --release {} --step {step}", release.name)
}

fn cluster_status(
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
    let (waiting, message) = match (contender, goes) {
        // Nobody waits for a cluster that leaves.
        (_, Some(departure)) => (WaitingFor::None, departure.message.clone()),
        (Some(release), None) if release.failed.is_none() => judge(draft, roles, release, name, placed),
        _ => (WaitingFor::None, String::new()),
    };
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
        unattended: report.is_some_and(|report| report.unattended),
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
    if super::targets::has_nothing(draft, name, placed) {
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
