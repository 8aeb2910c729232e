//! What reports say, in words.

use super::evidence::{Lack, Lacking};
use crate::ClusterName;
use crate::report::{AppReport, ObjectProblem, PodGroup, ReleaseReport};

/// What a cluster lacks.
pub(super) fn lack(lack: &Lack<'_>) -> String {
    match lack.of {
        Lacking::Installation(Some(seen)) => installation(lack.report, seen),
        Lacking::Installation(None) => first_problem(lack.report),
        Lacking::Capacity(seen) => workloads(lack.report, seen),
        Lacking::Traffic(seen) => {
            let traffic = seen.traffic.clone().unwrap_or_default();
            format!("{} has {} of {} pods with traffic", seen.name, traffic.ready, traffic.wanted)
        }
    }
}

/// What waiting does not heal.
pub(super) fn final_problems(report: &AppReport) -> String {
    let problems: Vec<String> =
        report.problems.iter().filter(|problem| !problem.heals).map(one_problem).collect();
    problems.join("; ")
}

/// The pods of a release, and why the worst of them are not available.
pub(super) fn capacity(seen: &ReleaseReport) -> String {
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

/// Clusters in a sentence; of many the number.
pub(super) fn list<'a>(clusters: impl IntoIterator<Item = &'a ClusterName>) -> String {
    let clusters: Vec<&str> = clusters.into_iter().map(ClusterName::as_str).collect();
    match clusters.as_slice() {
        [first, second, third, _, ..] => {
            format!("{first}, {second}, {third} and {} more", clusters.len() - 3)
        }
        few => few.join(", "),
    }
}

/// Where the counts of Deployments are right, a StatefulSet, DaemonSet or Job is not done.
fn workloads(report: &AppReport, seen: &ReleaseReport) -> String {
    let counts = &seen.capacity;
    let even = [counts.replicas, counts.pods, counts.available].iter().all(|n| *n == counts.desired);
    if even && !report.problems.is_empty() { first_problem(report) } else { capacity(seen) }
}

fn pod_group(group: &PodGroup) -> String {
    let detail = if group.message.is_empty() { String::new() } else { format!(", {}", group.message) };
    format!("{}x {} (for example {}{detail})", group.count, group.reason, group.example)
}

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
        [problem] => one_problem(problem),
        [problem, rest @ ..] => format!("{}, and {} more", one_problem(problem), rest.len()),
    }
}

fn one_problem(problem: &ObjectProblem) -> String {
    format!("{}: {} ({})", problem.object, problem.message, problem.reason)
}
