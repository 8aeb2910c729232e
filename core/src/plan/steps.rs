//! At which step the contender is: orders obeyed, steps achieved [M1, M2, A1].

use super::blocks::Act;
use super::evidence::{current, is_achieved};
use super::{Draft, EventReason, Share, blocks, gates, numbers};
use crate::ReleaseName;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::intent::{Rollout, StepRef, StrategySpec};
use crate::state::{Achieved, Cause, Order, Position};
use crate::status::Liveness;

/// Obeys the order on `main`, judges the step in force, and goes on where its gates allow.
pub(super) fn advance(draft: &mut Draft<'_>) {
    let blocked = blocks::forbids(draft, Act::Move);
    if !blocked {
        obey(draft);
    }
    judge(draft);
    gates::pass(draft, blocked);
}

fn order_of(rollout: &Rollout) -> Order {
    Order {
        release: ReleaseName::from(rollout.release.as_str()),
        target_step: rollout.target_step.clone(),
        request: rollout.request.clone(),
    }
}

/// Takes the order on `main` as obeyed without moving anything.
pub(super) fn count_as_obeyed(draft: &mut Draft<'_>) {
    let rollout = draft.input.intent.and_then(|intent| intent.application.spec.rollout.as_ref());
    if let (Some(record), Some(rollout)) = (draft.record.as_mut(), rollout) {
        record.obeyed = Some(order_of(rollout));
    }
}

/// Whether `main` orders the contender to a step and that is not obeyed yet.
pub(super) fn order_pending(draft: &Draft<'_>) -> bool {
    let Some(rollout) = draft.input.intent.and_then(|intent| intent.application.spec.rollout.as_ref()) else {
        return false;
    };
    let order = order_of(rollout);
    draft.roles().contender.as_ref() == Some(&order.release)
        && draft.record.as_ref().is_some_and(|record| record.obeyed.as_ref() != Some(&order))
}

/// Moves the contender if the order names it and one of its steps; a stale name promotes nothing [M1].
fn obey(draft: &mut Draft<'_>) {
    let Some(rollout) = draft.input.intent.and_then(|intent| intent.application.spec.rollout.as_ref()) else {
        return;
    };
    let order = order_of(rollout);
    if draft.record.as_ref().is_none_or(|record| record.obeyed.as_ref() == Some(&order)) {
        return;
    }
    let Some(contender) = draft.roles().contender else { return };
    let refused =
        |reason, message| Condition::new(ConditionType::OrderObeyed, Status::False, reason, message);
    if contender != order.release {
        draft.conditions.push(refused(
            Reason::StaleRelease,
            format!("rollout.release is {}, but the contender is {contender}; nothing moves", order.release),
        ));
        return;
    }
    let Some(release) = draft.releases.get_mut(&contender) else { return };
    let Some(step) = find_step(&release.strategy, &order.target_step) else {
        let steps: Vec<String> = release
            .strategy
            .steps
            .iter()
            .enumerate()
            .map(|(i, step)| format!("{i} {:?}", step.name))
            .collect();
        draft.conditions.push(refused(
            Reason::UnknownStep,
            format!(
                "rollout.targetStep {} is not a step of {contender}; its steps are {}",
                order.target_step,
                steps.join(", ")
            ),
        ));
        return;
    };
    let last = release.strategy.steps.len() - 1;
    let name = release.strategy.steps[step].name.clone();
    if release.position.step != step {
        release.position = Position {
            step,
            name: name.clone(),
            from: release.position.step,
            since: draft.input.now,
            cause: Cause::Ordered { commit: draft.input.source.to_owned() },
        };
        if step < last {
            // The mark is lost by walking back [M7].
            release.complete = None;
        }
        draft.event(&contender, EventReason::StepAsked, format!("{contender} goes to step {step} {name:?}"));
    }
    if let Some(record) = draft.record.as_mut() {
        record.obeyed = Some(order);
    }
    draft.conditions.push(Condition::new(
        ConditionType::OrderObeyed,
        Status::True,
        Reason::AsExpected,
        format!("{contender} was ordered to step {name:?}"),
    ));
}

fn find_step(strategy: &StrategySpec, step: &StepRef) -> Option<usize> {
    match step {
        StepRef::Index(index) => usize::try_from(*index).ok().filter(|index| *index < strategy.steps.len()),
        StepRef::Name(name) => strategy
            .steps
            .iter()
            .position(|step| step.name == *name)
            .or_else(|| name.parse().ok().filter(|index| *index < strategy.steps.len())),
    }
}

/// Records that the step in force is achieved, or that a report says it no longer is [A1].
fn judge(draft: &mut Draft<'_>) {
    let roles = draft.roles();
    let Some(contender) = roles.contender else { return };
    let Some(release) = draft.releases.get(&contender).cloned() else { return };
    if release.failed.is_some() {
        return;
    }
    let Some(verdict) = verdict(draft, &release, roles.incumbent.as_ref()) else { return };
    let now = draft.input.now;
    let step = release.position.step;
    let name = release.position.name.clone();
    let achieved_here = release.achieved.as_ref().is_some_and(|achieved| achieved.step == step);
    let Some(release) = draft.releases.get_mut(&contender) else { return };
    match (verdict, achieved_here) {
        (Verdict::Achieved, false) => {
            release.achieved = Some(Achieved { step, name: name.clone(), at: now });
            draft.event(
                &contender,
                EventReason::StepAchieved,
                format!("{contender} achieved step {step} {name:?}"),
            );
        }
        (Verdict::Lost, true) if release.complete.is_none() => {
            release.achieved = None;
            draft.event(
                &contender,
                EventReason::StepLost,
                format!("{contender} no longer achieves step {step} {name:?}"),
            );
        }
        _ => {}
    }
}

enum Verdict {
    /// Every placed cluster has reported everything on the target that asks for it.
    Achieved,
    /// A report on the target in force says otherwise.
    Lost,
}

/// `None` = evidence is missing: nothing is gained and nothing lost.
fn verdict(
    draft: &Draft<'_>,
    release: &crate::state::ReleaseRecord,
    incumbent: Option<&ReleaseName>,
) -> Option<Verdict> {
    let placement = draft.record.as_ref()?.placement.as_ref()?;
    let (mut missing, mut lost, mut excused, mut reached) = (false, false, 0, 0);
    for (name, placed) in placement.staying() {
        if super::targets::has_nothing(draft, name, placed) {
            continue;
        }
        if !super::targets::in_force(draft, name, placed) {
            missing = true;
            continue;
        }
        let achieved = is_achieved(draft.input, name, release, incumbent);
        let moves = changes(release, (name.as_str(), placed));
        if achieved {
            reached += u32::from(moves);
        } else if draft.input.liveness.get(name) == Some(&Liveness::Offline) {
            excused += 1;
        } else if current(draft.input, name).is_some() {
            lost = true;
        } else {
            missing = true;
        }
    }
    if lost {
        return Some(Verdict::Lost);
    }
    let allowed = excused <= release.strategy.max_failed_clusters && (excused == 0 || reached > 0);
    (!missing && allowed && !placement.clusters.is_empty()).then_some(Verdict::Achieved)
}

/// Whether the step in force gives a cluster other numbers than the step before did.
fn changes(release: &crate::state::ReleaseRecord, cluster: (&str, &crate::state::PlacedCluster)) -> bool {
    let at = |step| numbers(&release.strategy, step, cluster, Share::everything(true));
    let Position { step, from, .. } = release.position;
    if step == from { at(step).is_some() } else { at(step) != at(from) }
}
