//! What `rollout` on `main` orders: to go to a step [M1, M2, M12, M14].

use super::halt::Halt;
use super::{Draft, EventReason, gates};
use crate::ReleaseName;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::intent::{Rollout, StepRef, StrategySpec};
use crate::state::{Cause, Order, Position, ReleaseRecord};

/// Takes the order on `main` as obeyed without moving anything.
pub(super) fn count_as_obeyed(draft: &mut Draft<'_>) {
    if let Some(order) = draft.rollout().and_then(order_of)
        && let Some(record) = draft.record.as_mut()
    {
        record.obeyed = Some(order);
    }
}

/// Moves the contender if the order names it and one of its steps; a stale name promotes nothing [M1].
pub(super) fn obey(draft: &mut Draft<'_>, halt: Option<&Halt>) {
    let Some(rollout) = draft.rollout() else { return };
    let Some(order) = order_of(rollout) else { return };
    if draft.record.as_ref().is_none_or(|record| record.obeyed.as_ref() == Some(&order)) {
        return;
    }
    let Some(contender) = draft.contender_name() else { return };
    let Some(release) = draft.releases.get(&contender) else { return };
    let (status, reason, message) = match decide(draft, release, &order, rollout.skip_gates, halt) {
        Decision::Refused(reason, message) => (Status::False, reason, message),
        Decision::Waits(reason, message) => (Status::Unknown, reason, message),
        Decision::Go(step) => {
            let message = format!("{contender} was ordered to step {:?}", release.strategy.steps[step].name);
            go(draft, &contender, step);
            if let Some(record) = draft.record.as_mut() {
                record.obeyed = Some(order);
            }
            (Status::True, Reason::AsExpected, message)
        }
    };
    draft.conditions.push(Condition::new(ConditionType::OrderObeyed, status, reason, message));
}

/// Whether `main` orders the contender to a step and that is not obeyed yet.
pub(super) fn pending(draft: &Draft<'_>) -> bool {
    let Some(order) = draft.rollout().and_then(order_of) else { return false };
    draft.contender().is_some_and(|release| release.name == order.release)
        && draft.record.as_ref().is_some_and(|record| record.obeyed.as_ref() != Some(&order))
}

fn order_of(rollout: &Rollout) -> Option<Order> {
    Some(Order {
        release: ReleaseName::from(rollout.release.as_deref()?),
        target_step: rollout.target_step.clone()?,
        request: rollout.request.clone(),
    })
}

enum Decision {
    Refused(Reason, String),
    Waits(Reason, String),
    Go(usize),
}

fn decide(
    draft: &Draft<'_>,
    release: &ReleaseRecord,
    order: &Order,
    skip_gates: bool,
    halt: Option<&Halt>,
) -> Decision {
    let contender = &release.name;
    if *contender != order.release {
        let message =
            format!("rollout.release is {}, but the contender is {contender}; nothing moves", order.release);
        return Decision::Refused(Reason::StaleRelease, message);
    }
    let Some(step) = find_step(&release.strategy, &order.target_step) else {
        let counted =
            if matches!(order.target_step, StepRef::Index(_)) { "; numbers there count from 0" } else { "" };
        let message = format!(
            "rollout.targetStep {} is not a step of {contender}; its steps are {}{counted}",
            order.target_step,
            list(&release.strategy)
        );
        return Decision::Refused(Reason::UnknownStep, message);
    };
    let name = &release.strategy.steps[step].name;
    if let Some(halt) = halt {
        return Decision::Waits(
            halt.reason(),
            format!("the order of {contender} to step {name:?} waits while {}", halt.words()),
        );
    }
    // A backward order never waits [M14].
    if step > release.position.step
        && !skip_gates
        && let Some(wait) = gates::wait(draft, release)
    {
        let message = format!(
            "the order of {contender} to step {name:?} waits: {wait}; rollout.skipGates: true goes on at once"
        );
        return Decision::Waits(Reason::OrderWaits, message);
    }
    Decision::Go(step)
}

fn go(draft: &mut Draft<'_>, contender: &ReleaseName, step: usize) {
    let cause = Cause::Ordered { commit: draft.input.source.to_owned() };
    let now = draft.input.now;
    let Some(release) = draft.releases.get_mut(contender) else { return };
    if release.position.step == step {
        // A person says: try again.
        release.lagging.clear();
        return;
    }
    let name = release.strategy.steps[step].name.clone();
    release.move_to(Position { step, name: name.clone(), from: release.position.step, since: now, cause });
    // Where it was before, it has to arrive again: what was reported then was about another target [A1].
    release.achieved = release.achieved.take().filter(|achieved| achieved.step < step);
    if step + 1 < release.strategy.steps.len() {
        // The mark is lost by walking back [M7].
        release.complete = None;
    }
    draft.asked(contender, EventReason::StepAsked, format!("{contender} goes to step {name:?}"));
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

/// The steps of a strategy as a person may name them: `"staging", "50/50"`.
pub(super) fn list(strategy: &StrategySpec) -> String {
    let steps: Vec<String> = strategy.steps.iter().map(|step| format!("{:?}", step.name)).collect();
    steps.join(", ")
}
