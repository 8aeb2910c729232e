//! Conditions of the contender.

use super::super::{Draft, Roles, Share, numbers};
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::state::ReleaseRecord;
use crate::status::Waiting;

/// What there is to say of the contender; `waiting`: of its rollout, `None` while its application is missing.
pub(super) fn of(
    draft: &Draft<'_>,
    release: &ReleaseRecord,
    roles: &Roles<'_>,
    waiting: Option<&Waiting>,
) -> impl Iterator<Item = Condition> {
    let rolling = waiting.map(|waiting| rolling_out(release, roles, waiting));
    let rendered = render_failed(release).or_else(|| unrendered(draft));
    [rolling, rendered, not_whole(draft, release)].into_iter().flatten()
}

fn rolling_out(release: &ReleaseRecord, roles: &Roles<'_>, waiting: &Waiting) -> Condition {
    let from = roles.incumbent.map(|release| format!(" from {}", release.name)).unwrap_or_default();
    if release.complete.is_some() && waiting.is_elsewhere() {
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
                "rolling out {}{from}, step {:?}: {}",
                release.name, release.position.name, waiting.message
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

/// Clusters that need other manifests than were rendered when the release was made, and those cannot be rendered.
fn unrendered(draft: &Draft<'_>) -> Option<Condition> {
    let (release, first, message) = draft.unrendered.first()?;
    let of_release = draft.unrendered.iter().filter(|(other, ..)| other == release);
    let clusters: Vec<&str> = of_release.map(|(_, cluster, _)| cluster.as_str()).collect();
    Some(Condition::new(
        ConditionType::Rendered,
        Status::False,
        Reason::RenderFailed,
        format!(
            "{release} cannot be rendered with the values for {}: {message}. What {first} has stays as it is; mend the overrides that select \
             it in a new release, or the cluster's labels",
            clusters.join(", ")
        ),
    ))
}

/// Clusters that the strategy leaves without the whole contender at its end [M7].
fn not_whole(draft: &Draft<'_>, release: &ReleaseRecord) -> Option<Condition> {
    let placement = draft.placement()?;
    let last = release.strategy.steps.len().checked_sub(1)?;
    let managed = release.strategy.manages_traffic();
    let lacking: Vec<String> = placement
        .clusters
        .iter()
        .filter_map(|(name, placed)| {
            let lack =
                match numbers(&release.strategy, last, (name.as_str(), placed), Share::everything(managed)) {
                    None => "is selected by no step".to_owned(),
                    Some(end) if end.contender.capacity < 100 => {
                        format!("ends with {} % of the capacity", end.contender.capacity)
                    }
                    Some(end) => match (end.contender.traffic, end.incumbent.traffic) {
                        (Some(0), _) => "ends without traffic".to_owned(),
                        (Some(own), Some(other)) if other > 0 => {
                            format!(
                                "ends with {own} of {} parts of the traffic",
                                u64::from(own) + u64::from(other)
                            )
                        }
                        _ => return None,
                    },
                };
            Some(format!("{name} {lack}"))
        })
        .collect();
    (!lacking.is_empty()).then(|| {
        Condition::new(
            ConditionType::WholeAtEnd,
            Status::False,
            Reason::ContenderNotWhole,
            format!(
                "the strategy of {} leaves clusters without the whole release at its end: {}. Should that not be meant, add a step",
                release.name,
                lacking.join("; ")
            ),
        )
    })
}
