//! What lets a rollout leave a step that is achieved: soak, then approval [A4, M7, M12].

use super::{Draft, EventReason};
use crate::intent::Approval;
use crate::state::{Cause, Position, ReleaseRecord};
use jiff::{SignedDuration, Timestamp};

/// Marks the last step complete, or takes the next one where approval is `auto` [M7, M12]. One step at a time.
pub(super) fn pass(draft: &mut Draft<'_>, blocked: bool) {
    let Some(contender) = draft.roles().contender else { return };
    let now = draft.input.now;
    let Some(release) = draft.releases.get_mut(&contender) else { return };
    let step = release.position.step;
    let Some(achieved) = release.achieved.as_ref().filter(|achieved| achieved.step == step) else { return };
    let gate = release.strategy.steps.get(step).map(|step| step.gate).unwrap_or_default();
    if let Some(soak) = gate.soak {
        let soak = SignedDuration::try_from(soak).unwrap_or(SignedDuration::MAX);
        let passed = achieved.at.saturating_add(soak).unwrap_or(jiff::Timestamp::MAX);
        if passed > now {
            draft.wake(passed);
            return;
        }
    }
    let last = release.strategy.steps.len().saturating_sub(1);
    if step >= last {
        if release.complete.is_none() {
            release.complete = Some(now);
            draft.event(&contender, EventReason::Completed, format!("{contender} is complete"));
        }
        return;
    }
    let wanted = draft.input.intent.is_some() && !blocked;
    if wanted && gate.approval == Approval::Auto && release.position.from <= step {
        let name = release.strategy.steps[step + 1].name.clone();
        release.position =
            Position { step: step + 1, name: name.clone(), from: step, since: now, cause: Cause::GatePassed };
        draft.event(
            &contender,
            EventReason::StepAsked,
            format!(
                "{contender} goes to step {} {name:?}: its gates are passed and approval is auto",
                step + 1
            ),
        );
    }
}

/// What a forward order out of the step in force waits for: soak and analysis, where the step has any [M14].
pub(super) fn wait(release: &ReleaseRecord, now: Timestamp) -> Option<String> {
    let step = release.position.step;
    let gate = release.strategy.steps.get(step).map(|step| step.gate).unwrap_or_default();
    let soak = gate.soak?;
    let name = &release.position.name;
    let Some(achieved) = release.achieved.as_ref().filter(|achieved| achieved.step == step) else {
        return Some(format!("step {name:?} is not achieved yet and soaks after that"));
    };
    let passed = std::time::Duration::try_from(now.duration_since(achieved.at)).unwrap_or_default();
    (passed < soak).then(|| {
        let left = std::time::Duration::from_secs((soak - passed).as_secs().max(1));
        format!("step {name:?} soaks for another {}", crate::intent::format_duration(left))
    })
}
