//! What a listener hears of each room: the rule, what it is about, and the evidence. Read after the room is done, from what it left in
//! the draft, so that a reason cannot differ from the decision.

use super::{AppPlan, Draft, Event, EventReason, failing, words};
use crate::condition::{Condition, ConditionType, Reason};
use crate::intent::format_duration;
use crate::state::{Cause, ReleaseRecord, Removal};
use crate::status::{ClusterRelease, ClusterStatus, WaitingFor};
use crate::why::{Because, Evidence, Rule};

/// Blocks in force, and those that are overridden [B1, B2].
pub(super) fn blocks(draft: &Draft<'_>) -> Vec<Because> {
    let standing = super::blocks::standing(draft).map(|(name, words)| {
        Because::of(Rule::B1, format!("A rollout block is in force: {words}")).about(name)
    });
    let overridden = super::blocks::overridden(draft).iter().map(|name| {
        Because::of(
            Rule::B2,
            format!("The block {name} does not stop it: the application's annotation names it"),
        )
        .about(name)
    });
    standing.chain(overridden).collect()
}

/// The removal that is decided, and why it was [X1].
pub(super) fn removal(draft: &Draft<'_>) -> Vec<Because> {
    let missing = draft.record.as_ref().and_then(|record| record.missing.as_ref());
    let decided = missing.and_then(|missing| missing.removal.as_ref());
    let told = |removal: &Removal| {
        let since = removal.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let why = super::removal::words(&removal.cause);
        Because::of(Rule::X1, format!("{} is being removed since {since}: {why}", draft.input.application))
    };
    decided.map(told).into_iter().collect()
}

/// The clusters that are chosen [S1, S2].
pub(super) fn placement(draft: &Draft<'_>) -> Vec<Because> {
    let Some(now) = draft.record.as_ref().and_then(|record| record.placement.as_ref()) else {
        return Vec::new();
    };
    let before = draft.input.record.and_then(|record| record.placement.as_ref());
    let chosen =
        |cluster: &crate::ClusterName| before.is_some_and(|before| before.clusters.contains_key(cluster));
    let clusters = now.clusters.keys();
    let (kept, new): (Vec<_>, Vec<_>) = clusters.partition(|cluster| chosen(cluster));
    let mut said = Vec::new();
    for (rule, words, clusters) in [(Rule::S2, "stays in", kept), (Rule::S1, "comes to", new)] {
        if !clusters.is_empty() {
            let words =
                format!("{} {words} {}", draft.input.application, words::list(clusters.iter().copied()));
            let mut because = Because::of(rule, words);
            because.clusters = clusters.into_iter().cloned().collect();
            said.push(because);
        }
    }
    said
}

/// Which environment is asked for and who is contender and incumbent [R2, R5].
pub(super) fn releases(draft: &Draft<'_>) -> Vec<Because> {
    let mut said = Vec::new();
    let roles = draft.roles();
    let of = |name: &Option<crate::ReleaseName>| name.as_ref().and_then(|name| draft.releases.get(name));
    if let Some(Ok(resolved)) = draft.input.intent.map(|intent| &intent.environment) {
        let hash = resolved.environment.hash();
        let same =
            [("contender", of(&roles.contender)), ("incumbent", of(&roles.incumbent))].into_iter().find_map(
                |(role, release)| Some((role, release.filter(|release| release.environment.hash() == hash)?)),
            );
        let words = match same {
            Some((role, release)) => {
                format!(
                    "The environment on main has the hash {hash}, which is that of the {role} {}",
                    release.name
                )
            }
            None => format!(
                "The environment on main has the hash {hash}, which neither contender nor incumbent has"
            ),
        };
        let mut because = Because::of(Rule::R2, words);
        because.objects.extend(same.map(|(_, release)| release.name.to_string()));
        said.push(because);
    }
    if let Some(contender) = of(&roles.contender) {
        let words = match &roles.incumbent {
            Some(incumbent) => format!(
                "{} is the contender, the newest release that is not withdrawn; {incumbent} is the incumbent, the newest other one that is complete",
                contender.name
            ),
            None => format!(
                "{} is the contender, the newest release that is not withdrawn; there is no incumbent",
                contender.name
            ),
        };
        let mut because = Because::of(Rule::R5, words).about(&contender.name);
        because.objects.extend(roles.incumbent.iter().map(ToString::to_string));
        said.push(because);
    }
    said
}

/// At which step the contender is, since when, and by whose word [M1, M12].
pub(super) fn steps(draft: &Draft<'_>) -> Vec<Because> {
    let mut said = Vec::new();
    let Some(contender) = draft.roles().contender.and_then(|name| draft.releases.get(&name).cloned()) else {
        return said;
    };
    let position = &contender.position;
    let (rule, cause) = match &position.cause {
        Cause::Created => (Rule::R2, "it was made".to_owned()),
        Cause::Ordered { commit } => {
            (Rule::M1, format!("commit {} ordered it", commit.get(..10).unwrap_or(commit)))
        }
        Cause::GatePassed => {
            (Rule::M12, "the gates of the step before were passed and approval is auto".to_owned())
        }
        Cause::Carried => {
            (Rule::R5, "it was superseded, and carried on because it carries the load".to_owned())
        }
    };
    said.push(
        Because::of(
            rule,
            format!(
                "{} is at step {} {:?} since {:.0}: {cause}",
                contender.name, position.step, position.name, position.since
            ),
        )
        .about(&contender.name),
    );
    if super::orders::pending(draft) {
        said.push(Because::of(Rule::M1, "The order in rollout is not obeyed yet").about(&contender.name));
    }
    if let Some(achieved) = contender.achieved.as_ref().filter(|achieved| achieved.step == position.step) {
        let words = format!(
            "Step {} {:?} of {} is achieved since {:.0}",
            achieved.step, achieved.name, contender.name, achieved.at
        );
        let mut because = Because::of(Rule::A1, words).about(&contender.name);
        because.clusters.extend(achieved.excused.iter().cloned());
        said.push(because);
    }
    said.extend(failures(draft, &contender));
    said
}

/// The clusters that fail at the step in force, and those whose time runs [A2].
fn failures(draft: &Draft<'_>, contender: &ReleaseRecord) -> Vec<Because> {
    let step = &contender.position.name;
    let deadline = contender.strategy.progress_deadline;
    draft
        .proofs
        .keys()
        .filter_map(|cluster| {
            let words = match (failing::of(contender, cluster), contender.lagging.get(cluster)) {
                (Some(found), _) => {
                    format!("{cluster} fails at step {step:?} since {:.0}: {}", found.since, found.message)
                }
                (None, Some(lag)) => format!(
                    "{cluster} has not achieved step {step:?}; it fails if there is no progress for {} after {}",
                    format_duration(deadline),
                    lag.since
                ),
                (None, None) => return None,
            };
            Some(Because::of(Rule::A2, words).about(&contender.name).within(cluster))
        })
        .collect()
}

/// What every cluster is asked for [M3].
pub(super) fn targets(draft: &Draft<'_>) -> Vec<Because> {
    let mut said = Vec::new();
    for (cluster, planned) in &draft.targets {
        let target = &planned.target;
        let stands = draft.input.targets.get(cluster) == Some(target);
        let numbers: Vec<String> = target
            .releases
            .iter()
            .map(|release| match (release.absent, release.traffic) {
                (true, _) => format!("{} gone", release.name),
                (false, Some(traffic)) => {
                    format!("{} capacity {}% traffic {traffic}", release.name, release.capacity)
                }
                (false, None) => format!("{} capacity {}%", release.name, release.capacity),
            })
            .collect();
        let what = if stands { "stays as it stands in Git" } else { "is written" };
        let words = format!(
            "The target of {cluster}, generation {}, {what}: {}",
            target.generation,
            numbers.join(", ")
        );
        let mut because = Because::of(Rule::M3, words).within(cluster);
        because.objects = target.releases.iter().map(|release| release.name.to_string()).collect();
        said.push(because);
    }
    said
}

/// What is waited for, and what every cluster's report says of it [A5, A1].
pub(super) fn waiting(plan: &AppPlan) -> Because {
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
        says: status.releases.iter().map(says).collect(),
    });
    because
}

fn says(release: &ClusterRelease) -> String {
    let capacity = &release.capacity;
    let traffic = release.traffic.as_ref();
    let traffic = traffic
        .map(|traffic| format!(", {} of {} with traffic", traffic.ready, traffic.wanted))
        .unwrap_or_default();
    format!("{}: {} of {} pods available{traffic}", release.name, capacity.available, capacity.desired)
}

/// A condition as a decision.
pub(super) fn of_condition(condition: &Condition) -> Because {
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
    let mut because = Because::of(rule, words);
    because.objects.push(format!("condition {}", condition.kind));
    because
}

/// Something that happens with this plan.
pub(super) fn of_event(event: &Event) -> Because {
    let rule = match event.reason {
        EventReason::Created => Rule::R2,
        EventReason::RenderFailed => Rule::I3,
        EventReason::StepAsked => Rule::M1,
        EventReason::StepAchieved | EventReason::StepLost => Rule::A1,
        EventReason::AnalysisFailed => Rule::A4,
        EventReason::Completed => Rule::M7,
        EventReason::Withdrawn => Rule::M8,
        EventReason::Carried => Rule::R5,
        EventReason::ClusterChosen => Rule::S2,
        EventReason::ClusterUnwanted | EventReason::ClusterReleased | EventReason::ClusterLeft => Rule::S4,
        EventReason::StrategyAdopted => Rule::R4,
        EventReason::ClusterFailing | EventReason::ClusterRecovered => Rule::A2,
        EventReason::RolledBack => Rule::A3,
        EventReason::Removing | EventReason::Removed => Rule::X1,
    };
    Because::of(rule, event.message.clone()).about(&event.release)
}
