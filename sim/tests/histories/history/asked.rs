//! What people asked for last: at rest it is so, or they are told why not.

use super::History;
use crate::git::State;
use shipper_core::ReleaseName;
use shipper_core::condition::{ConditionType, Status};
use shipper_core::intent::{Rollout, StepRef};
use shipper_core::plan::roles;
use shipper_core::state::{Cause, Order, ReleaseRecord};

impl History {
    /// [R2, M1] What rolls out is the environment on `main`, and what `main` orders was obeyed.
    pub(super) fn follows_main(&self, state: &State, contender: &ReleaseName) -> Result<(), String> {
        let Some(intent) = self.git.main.last().and_then(Option::as_ref) else {
            return Err(format!("the file is not on main at rest: {}", self.describe()));
        };
        let release = &state.releases[contender];
        let asked = intent.environment.as_ref().ok().map(|resolved| resolved.environment.hash());
        if asked.is_some_and(|asked| asked != release.environment.hash()) {
            return self
                .told(ConditionType::ReleaseSynced, || format!("R2: {contender} is not what main asks for"));
        }
        let order = intent.application.spec.rollout.as_ref().and_then(order_of);
        let Some(order) = order.filter(|order| order.release == *contender) else { return Ok(()) };
        // [M12] What was obeyed once is no order any more, wherever the release went since.
        if state.record.as_ref().is_some_and(|record| record.obeyed.as_ref() == Some(&order)) {
            return Ok(());
        }
        self.told(ConditionType::OrderObeyed, || {
            format!(
                "M1: {contender} is ordered to step {}, and is at {}",
                order.target_step, release.position.step
            )
        })
    }

    /// [M1, M12] An order counts as obeyed when the release is where it was ordered to, and no sooner; it may go on from there at once, by
    /// itself. In a commit that returns to another release it is no order.
    pub(super) fn judge_order(&self, next: &State) -> Result<(), String> {
        let Some(before) = self.git.state.last() else { return Ok(()) };
        let obeyed = |state: &State| state.record.as_ref().and_then(|record| record.obeyed.clone());
        let (contender, _) = roles(next.releases.values()).names();
        let Some(order) = obeyed(next).filter(|order| obeyed(before).as_ref() != Some(order)) else {
            return Ok(());
        };
        if contender.as_ref() != Some(&order.release)
            || contender != roles(before.releases.values()).names().0
        {
            return Ok(());
        }
        let release = &next.releases[&order.release];
        let position = &release.position;
        let went_on = |step: usize| position.from == step && position.cause == Cause::GatePassed;
        match step_of(&order.target_step, release) {
            Some(step) if step != position.step && !went_on(step) => Err(format!(
                "M12: {} counts as ordered to {step}, and is at step {}",
                order.release, position.step
            )),
            _ => Ok(()),
        }
    }

    /// An error, unless people are told that something is not as they asked for.
    fn told(&self, kind: ConditionType, what: impl FnOnce() -> String) -> Result<(), String> {
        let (_, status, _) = self.hubs[0].think(&self.git, &self.fleet, self.now, self.wall());
        let mut conditions = status.into_iter().flat_map(|status| status.conditions);
        if conditions.any(|c| c.kind == kind && c.status != Status::True && !c.message.is_empty()) {
            return Ok(());
        }
        Err(format!("{}, and nobody says why: {}", what(), self.describe()))
    }
}

/// The order that stands on `main`.
fn order_of(rollout: &Rollout) -> Option<Order> {
    let release = ReleaseName::from(rollout.release.as_deref()?);
    let target_step = rollout.target_step.clone()?;
    Some(Order { release, target_step, request: rollout.request.clone() })
}

fn step_of(step: &StepRef, release: &ReleaseRecord) -> Option<usize> {
    match step {
        StepRef::Index(step) => usize::try_from(*step).ok(),
        StepRef::Name(name) => release.strategy.steps.iter().position(|step| step.name == *name),
    }
}
