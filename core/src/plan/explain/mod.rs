//! What people are told: what a rollout waits for, where and why [A5], and the conditions.

mod cluster;
mod conditions;
mod recorded;
mod waiting;

pub use recorded::recorded;

use super::site::sites;
use super::{Draft, removal};
use crate::few::InOrder;
use crate::state::ReleaseRecord;
use crate::status::{ApplicationStatus, ClusterStatus, ReleaseStatus};

/// The status that goes with a plan.
pub(super) fn status(draft: &Draft<'_>) -> ApplicationStatus {
    let roles = draft.roles();
    let contender = roles.contender;
    let placement = draft.placement();
    let waits = super::placement::waits_for(draft);
    let mut clusters: Vec<ClusterStatus> = Vec::new();
    for placed in placement.into_iter().flat_map(|placement| [&placement.clusters, &placement.leaving]) {
        clusters.reserve_exact(placed.len());
        let mut planned = InOrder::of(&draft.targets);
        clusters.extend(sites(draft.input, placed).map(|site| {
            let target = planned.get(site.name).map(|planned| &planned.target);
            cluster::status(draft, &roles, contender, (&site, target), waits.as_deref())
        }));
    }
    clusters.sort_by(|a, b| a.cluster.cmp(&b.cluster));
    let missing = removal::waiting(draft);
    let rolling = missing.is_none();
    let waiting = missing.unwrap_or_else(|| waiting::waiting(draft, contender, &clusters));
    let mut conditions = draft.conditions.clone();
    if let Some(contender) = contender {
        conditions.extend(conditions::of(draft, contender, &roles, rolling.then_some(&waiting)));
    }
    conditions.sort_by_key(|condition| condition.kind);
    conditions.shrink_to_fit();
    let releases = draft.releases.values().map(|release| recorded::of(release, draft.record.as_ref()));
    let mut releases: Vec<ReleaseStatus> = releases.collect();
    releases.sort_by_key(|release| std::cmp::Reverse(release.generation));
    let names = roles.names();
    ApplicationStatus {
        application: draft.input.application.clone(),
        contender: names.0,
        incumbent: names.1,
        releases,
        waiting,
        clusters,
        refused: draft.scheduling.refused.clone(),
        conditions,
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
