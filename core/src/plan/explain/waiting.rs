//! What a rollout waits for: exactly one thing, with clusters, objects and reason [A5].

use super::super::halt::is_paused;
use super::super::{Draft, blocks, gates};
use crate::AppKey;
use crate::command::Command;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::intent::Approval;
use crate::state::ReleaseRecord;
use crate::status::{ClusterStatus, Liveness, Waiting, WaitingFor};

/// What is said of an application, and of it in its clusters, before its first release is made.
pub(super) const NO_RELEASE: &str = "there is no release yet";

/// What the rollout waits for, the first that applies in the order of A5.
pub(super) fn waiting(
    draft: &Draft<'_>,
    contender: Option<&ReleaseRecord>,
    clusters: &[ClusterStatus],
) -> Waiting {
    let at_rest = |state, message: String| Waiting { state, message, clusters: Vec::new() };
    // What blocks and pauses keep waiting is told by other conditions than the block's own.
    let held = |c: &Condition| {
        c.kind != ConditionType::Blocked
            && c.status != Status::True
            && matches!(c.reason, Reason::RolloutsBlocked | Reason::RolloutPaused)
    };
    let moving =
        contender.is_none_or(|release| release.complete.is_none()) || draft.conditions.iter().any(held);
    if let Some(message) = blocks::in_force(draft).filter(|_| moving) {
        return at_rest(WaitingFor::Blocked, message);
    }
    if is_paused(draft) && moving {
        let message =
            "rollout.paused is set: the present step converges, and nothing else moves until it is taken out";
        return at_rest(WaitingFor::Paused, message.to_owned());
    }
    let hindered = draft.conditions.iter().find(|condition| condition.hinders());
    let hindered = || Some(at_rest(WaitingFor::WaitingForInstallation, hindered?.message.clone()));
    let Some(release) = contender else {
        let taken_back = draft.conditions.iter().find(|condition| condition.reason == Reason::RolledBack);
        let rest = taken_back.map_or(NO_RELEASE, |condition| condition.message.as_str());
        return hindered().unwrap_or_else(|| at_rest(WaitingFor::None, rest.to_owned()));
    };
    if let Some(failure) = &release.failed {
        return at_rest(
            WaitingFor::WaitingForInstallation,
            format!("it cannot be rendered: {}", failure.message),
        );
    }
    let step = release.achieved.as_ref().filter(|achieved| achieved.step == release.position.step);
    let achieved = step.is_some();
    // Nobody waits for what was excused when the step was achieved, nor for what went away after that.
    let excused = |cluster: &&ClusterStatus| {
        step.is_some_and(|step| {
            step.excused.contains(&cluster.cluster) || cluster.liveness == Liveness::Offline
        })
    };
    let first = clusters
        .iter()
        .filter(|c| !excused(c))
        .map(|cluster| cluster.waiting)
        .min()
        .unwrap_or(WaitingFor::None);
    let step = &release.position.name;
    if !achieved && clusters.iter().all(|cluster| cluster.target_generation.is_none()) {
        let why =
            draft.conditions.iter().find(|c| c.kind == ConditionType::Scheduled).map(|c| c.message.as_str());
        return at_rest(
            WaitingFor::WaitingForCluster,
            format!("{} runs nowhere yet: {}", release.name, why.unwrap_or("no cluster is chosen")),
        );
    }
    if first < WaitingFor::WaitingForGate {
        let waited: Vec<&ClusterStatus> =
            clusters.iter().filter(|c| c.waiting == first && !excused(c)).collect();
        let message =
            waited.iter().map(|c| format!("{}: {}", c.cluster, c.message)).collect::<Vec<_>>().join("; ");
        return Waiting {
            state: first,
            message,
            clusters: waited.into_iter().map(|c| c.cluster.clone()).collect(),
        };
    }
    let last = release.position.step + 1 >= release.strategy.steps.len();
    let ordered = draft.conditions.iter().find(|c| c.reason == Reason::OrderWaits);
    let closed = gates::closed(draft, release).filter(|_| achieved);
    if closed.is_some() || ordered.is_some() {
        let (message, clusters) = closed.map(|closed| (closed.message, closed.clusters)).unwrap_or_default();
        let message = ordered.map_or(message, |condition| condition.message.clone());
        return Waiting { state: WaitingFor::WaitingForGate, message, clusters };
    }
    let approval = release.strategy.steps.get(release.position.step).map(|step| step.gate.approval);
    if last || approval == Some(Approval::Auto) {
        // What runs has all it needs; what is to come after it has not.
        if let Some(hindered) = hindered().filter(|_| release.complete.is_some()) {
            return hindered;
        }
        return at_rest(WaitingFor::None, format!("{} is at its step {step:?}", release.name));
    }
    let next = &release.strategy.steps[release.position.step + 1].name;
    at_rest(
        WaitingFor::WaitingForCommand,
        format!(
            "step {step:?} is achieved; promote to {next:?} with: {}",
            promote(draft.input.application, release, next)
        ),
    )
}

fn promote(app: &AppKey, release: &ReleaseRecord, step: &str) -> Command {
    Command::new("shipperctl promote").word(app).option("--release", &release.name).option("--step", step)
}
