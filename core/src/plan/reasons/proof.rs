//! The evidence of a decision: which target a cluster was asked for, what it reported, and on which target [A1].

use crate::plan::{AppPlan, Draft, words};
use crate::report::{Capacity, ReleaseReport, Traffic};
use crate::status::{ClusterRelease, ClusterStatus, Liveness, WaitingFor};
use crate::why::{Because, Evidence, Rule};
use crate::{ClusterName, ReleaseName};

/// The same decision in these clusters, with what they report.
pub(super) fn proven<'c>(
    draft: &Draft<'_>,
    mut because: Because,
    clusters: impl IntoIterator<Item = &'c ClusterName>,
) -> Because {
    for cluster in clusters {
        because.clusters.push(cluster.clone());
        because.evidence.push(evidence(draft, cluster));
    }
    because
}

/// The same decision, on what these clusters report, where it is about others.
pub(super) fn attach<'c>(
    draft: &Draft<'_>,
    because: &mut Because,
    clusters: impl IntoIterator<Item = &'c ClusterName>,
) {
    because.evidence.extend(clusters.into_iter().map(|cluster| evidence(draft, cluster)));
}

/// What a cluster reports, judged against the target that stood in Git when the decision was made.
fn evidence(draft: &Draft<'_>, cluster: &ClusterName) -> Evidence {
    let report = draft.input.reports.get(cluster);
    Evidence {
        cluster: cluster.clone(),
        target_generation: draft.input.targets.get(cluster).map(|target| target.generation),
        reported_generation: report.map(|report| report.target_generation),
        liveness: draft.input.liveness.get(cluster).copied().unwrap_or(Liveness::Unknown),
        report: None,
        says: report.into_iter().flat_map(|report| &report.releases).map(seen).collect(),
    }
}

/// What is waited for, and what every cluster's report says of it [A5, A1].
pub(in crate::plan) fn waiting(plan: &AppPlan) -> Because {
    let waiting = &plan.status.waiting;
    let words = match waiting.clusters.as_slice() {
        [] => waiting.message.clone(),
        clusters => format!("Waits for {}", words::list(clusters)),
    };
    let mut because = Because::of(Rule::A5, words);
    because.clusters.clone_from(&waiting.clusters);
    because.because = plan.status.clusters.iter().map(cluster).collect();
    because
}

fn cluster(status: &ClusterStatus) -> Because {
    let words = match (status.waiting, status.message.is_empty()) {
        (WaitingFor::None, true) => format!("{} has what its target asks for", status.cluster),
        (_, true) => format!("{} is waited for", status.cluster),
        (_, false) => format!("{}: {}", status.cluster, status.message),
    };
    let mut because = Because::of(Rule::A1, words).within(&status.cluster);
    because.evidence.push(Evidence {
        cluster: status.cluster.clone(),
        target_generation: status.target_generation,
        reported_generation: status.reported_generation,
        liveness: status.liveness,
        report: None,
        says: status.releases.iter().map(told).collect(),
    });
    because
}

fn told(release: &ClusterRelease) -> String {
    says(&release.name, &release.capacity, release.traffic.as_ref())
}

fn seen(release: &ReleaseReport) -> String {
    says(&release.name, &release.capacity, release.traffic.as_ref())
}

fn says(name: &ReleaseName, capacity: &Capacity, traffic: Option<&Traffic>) -> String {
    let traffic = traffic
        .map(|traffic| format!(", {} of {} with traffic", traffic.ready, traffic.wanted))
        .unwrap_or_default();
    format!("{name}: {} of {} pods available{traffic}", capacity.available, capacity.desired)
}
