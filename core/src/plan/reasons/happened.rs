//! Conditions and events as decisions: the rule, and the reports that it stands on.

use super::proof::{attach, proven};
use super::{leaves, rule_of};
use crate::ClusterName;
use crate::condition::{Condition, ConditionType, Reason};
use crate::plan::{Draft, Event, EventReason, failing};
use crate::state::{Cause, Placement, ReleaseRecord, WithdrawalReason};
use crate::why::{Because, Rule};

/// A condition as a decision.
pub(in crate::plan) fn of_condition(draft: &Draft<'_>, condition: &Condition) -> Because {
    let rule = match (condition.reason, condition.kind) {
        (Reason::StrategyNotFound, _) | (_, ConditionType::StrategyCurrent) => Rule::R4,
        (Reason::RolloutPaused, _) => Rule::M13,
        (Reason::OrderWaits, _) => Rule::M14,
        (_, ConditionType::WholeAtEnd) => Rule::M7,
        (Reason::ChartUnavailable, _) => Rule::R3,
        (Reason::RolloutsBlocked, _) => Rule::B1,
        (Reason::OverrideNotFound, _) => Rule::B2,
        (Reason::NotEnoughClusters, _) => Rule::S3,
        (Reason::NoReplacement, _) => Rule::S4,
        (Reason::RolledBack, _) | (_, ConditionType::ClustersHealthy) => Rule::A3,
        (_, ConditionType::Valid) => Rule::I1,
        (_, ConditionType::ReleaseSynced) => Rule::R2,
        (_, ConditionType::OrderObeyed) => Rule::M1,
        (_, ConditionType::Scheduled) => Rule::S1,
        (_, ConditionType::Rendered) => Rule::I3,
        (_, ConditionType::Blocked) => Rule::B1,
        (_, ConditionType::Present) => Rule::X1,
        (_, ConditionType::RepositoryAccepted) => Rule::X3,
        (_, ConditionType::Complete) => Rule::M7,
        _ => Rule::A5,
    };
    let words = match condition.reason {
        Reason::AsExpected => condition.message.clone(),
        reason => format!("{reason}: {}", condition.message),
    };
    let because = Because::of(rule, words).about(format!("condition {}", condition.kind));
    match condition.kind {
        ConditionType::ClustersHealthy => proven(draft, because, &failing(draft)),
        ConditionType::Present => proven(draft, because, draft.input.targets.keys()),
        ConditionType::OrderObeyed => because.by(draft.input.source),
        _ => because,
    }
}

/// Something that happens with this plan.
pub(in crate::plan) fn of_event(draft: &Draft<'_>, event: &Event) -> Because {
    let release = draft.releases.get(&event.release);
    let because = |rule| {
        let because = Because::of(rule, event.message.clone()).about(&event.release);
        Because { commit: event.commit.clone(), ..because }
    };
    let here = |rule| proven(draft, because(rule), &event.cluster);
    match event.reason {
        EventReason::Created => because(Rule::R2),
        EventReason::RenderFailed => because(Rule::I3),
        EventReason::StepAsked => match release.map(|release| &release.position.cause) {
            // By itself, on the same reports that achieved the step before.
            Some(Cause::GatePassed) => proven(draft, because(Rule::M12), draft.proofs.keys()),
            _ => because(Rule::M1),
        },
        EventReason::StepAchieved | EventReason::StepLost => {
            proven(draft, because(Rule::A1), draft.proofs.keys())
        }
        EventReason::AnalysisFailed => here(Rule::A4),
        EventReason::Completed => proven(draft, because(Rule::M7), draft.proofs.keys()),
        EventReason::Withdrawn => because(withdrawn(release)),
        EventReason::Carried => proven(draft, because(Rule::R5), draft.input.targets.keys()),
        EventReason::ClusterChosen => here(Rule::S2),
        EventReason::ClusterUnwanted | EventReason::ClusterLeft => here(going(draft, event)),
        EventReason::ClusterReleased => {
            let mut because = because(going(draft, event));
            because.clusters.extend(event.cluster.clone());
            let placement = draft.placement();
            attach(
                draft,
                &mut because,
                placement.into_iter().flat_map(Placement::staying).map(|(name, _)| name),
            );
            because
        }
        EventReason::StrategyAdopted => because(Rule::R4),
        EventReason::ClusterFailing | EventReason::ClusterRecovered => here(Rule::A2),
        EventReason::RolledBack => proven(draft, because(Rule::A3), &failing(draft)),
        EventReason::Removing | EventReason::Removed => {
            proven(draft, because(Rule::X1), draft.input.targets.keys())
        }
    }
}

/// By which rule a release was taken back.
fn withdrawn(release: Option<&ReleaseRecord>) -> Rule {
    let withdrawal = release.and_then(|release| release.withdrawn.as_ref());
    match withdrawal.map(|withdrawal| withdrawal.reason) {
        Some(WithdrawalReason::Superseded) => Rule::M10,
        Some(WithdrawalReason::RolledBack) => Rule::A3,
        Some(WithdrawalReason::Returned) | None => Rule::M8,
    }
}

fn going(draft: &Draft<'_>, event: &Event) -> Rule {
    rule_of(event.cluster.as_ref().and_then(|cluster| leaves(draft, cluster)))
}

/// The clusters that fail at the step in force, of a contender that the hub may have taken back with this plan.
fn failing(draft: &Draft<'_>) -> Vec<ClusterName> {
    let judged = draft.releases.values().max_by_key(|release| release.generation);
    let fails =
        |cluster: &&ClusterName| judged.is_some_and(|release| failing::of(release, cluster).is_some());
    draft.proofs.keys().filter(fails).cloned().collect()
}
