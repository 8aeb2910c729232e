//! When a release may move: not while people have paused [M13], and not out of a step whose soak is not over [M14, A4].

use super::History;
use crate::git::State;
use jiff::{SignedDuration, Timestamp};
use shipper_core::state::{Cause, ReleaseRecord};

/// Since when a step is achieved that somebody may wait for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Soaking {
    /// When the step was begun.
    entered: Timestamp,
    since: Timestamp,
    /// When it was lost, if it is.
    lost: Option<Timestamp>,
}

/// A loss that counts for certain, whenever the hub noticed it.
const LOSS: SignedDuration = SignedDuration::from_secs(65);

impl History {
    /// Remembers since when steps are achieved, by the records alone.
    pub(super) fn note_soaking(&mut self, state: &State) {
        for release in state.releases.values() {
            let (step, entered, now) = (release.position.step, release.position.since, self.wall());
            let achieved = release.achieved.as_ref().filter(|achieved| achieved.step == step);
            let before = self.soaking.get(&release.name).filter(|soaking| soaking.entered == entered);
            let next = match (before, achieved) {
                (None, None) => continue,
                (None, Some(achieved)) => Soaking { entered, since: achieved.at, lost: None },
                (Some(before), None) => Soaking { lost: before.lost.or(Some(now)), ..*before },
                (Some(before), Some(achieved)) => {
                    let anew = before.lost.is_some_and(|lost| achieved.at.duration_since(lost) >= LOSS);
                    Soaking { since: if anew { achieved.at } else { before.since }, lost: None, entered }
                }
            };
            self.soaking.insert(release.name.clone(), next);
        }
    }

    /// Whether `main` says at this moment that nothing is to move.
    pub(super) fn is_paused(&self) -> bool {
        let intent = self.git.main.last().and_then(Option::as_ref);
        intent
            .and_then(|intent| intent.application.spec.rollout.as_ref())
            .is_some_and(|rollout| rollout.paused)
    }

    /// [M13] What is decided while the rollout is paused makes no release and moves none; a return is obeyed.
    pub(super) fn judge_pause(&self, state: &State) -> Result<(), String> {
        if !self.is_paused() {
            return Ok(());
        }
        let before = self.git.state.last();
        for (name, release) in &state.releases {
            let Some(was) = before.and_then(|before| before.releases.get(name)) else {
                return Err(format!("M13: {name} is made although rollouts are paused"));
            };
            if was.position != release.position || was.strategy != release.strategy {
                return Err(format!(
                    "M13: {name} is moved to step {} although it is paused",
                    release.position.step
                ));
            }
        }
        Ok(())
    }

    /// [M14, A4] Forward out of a step with soak only after it was achieved for that long, unless the commit that orders it says otherwise.
    pub(super) fn judge_soak(&self, was: &ReleaseRecord, is: &ReleaseRecord) -> Result<(), String> {
        let step = was.position.step;
        let soak = was.strategy.steps.get(step).and_then(|step| step.gate.soak);
        let (Some(soak), true) = (soak, is.position.step > step && was.strategy == is.strategy) else {
            return Ok(());
        };
        let skips = match &is.position.cause {
            Cause::Ordered { commit } => {
                let at = usize::from_str_radix(commit, 16).ok().and_then(|at| self.git.main.get(at));
                let rollout = at.and_then(Option::as_ref).and_then(|i| i.application.spec.rollout.as_ref());
                rollout.is_some_and(|rollout| rollout.skip_gates)
            }
            Cause::GatePassed => false,
            // Superseded, and carried on [R5].
            Cause::Created | Cause::Carried => true,
        };
        let soak = SignedDuration::try_from(soak).unwrap_or_default();
        let since = self.soaking.get(&was.name).filter(|soaking| soaking.entered == was.position.since);
        let waited = since.map(|soaking| is.position.since.duration_since(soaking.since));
        if skips || waited.is_some_and(|waited| waited >= soak) {
            return Ok(());
        }
        Err(format!("M14: {} leaves step {step} after {waited:?}, its soak is {soak:?}", is.name))
    }
}
