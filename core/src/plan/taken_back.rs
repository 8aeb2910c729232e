//! Releases that the hub takes back by itself because too many clusters fail [A3, M12, R2].

use super::{Draft, EventReason, bases};
use crate::ReleaseName;
use crate::command::Command;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::state::{ReleaseRecord, Withdrawal, WithdrawalReason};

/// Withdraws the contender; the incumbent takes the load back as after a return [M8]. The record has the cause, and `main` is left alone.
pub(super) fn take_back(
    draft: &mut Draft<'_>,
    contender: &ReleaseName,
    incumbent: &ReleaseName,
    cause: &str,
) {
    let bases = bases::handed_back(draft, contender, incumbent);
    draft.releases.entry(incumbent.clone()).and_modify(|release| release.autoscaler_bases = bases);
    let now = draft.input.now;
    let Some(release) = draft.releases.get_mut(contender) else { return };
    let withdrawal = Withdrawal {
        at: now,
        reason: WithdrawalReason::RolledBack,
        commit: None,
        cause: Some(cause.to_owned()),
    };
    release.withdrawn = Some(withdrawal.into());
    let hash = release.environment.hash();
    if let Some(record) = draft.record.as_mut() {
        record.rolled_back = Some(hash);
    }
    let message = format!("{contender} is taken back by the hub for {incumbent}: {cause}");
    draft.event(contender, EventReason::RolledBack, message);
    tell(draft);
}

/// Whether the environment on `main` is one that the hub took back. It is forgotten as soon as `main` asks for another one.
pub(super) fn is_taken_back(draft: &mut Draft<'_>, hash: &str) -> bool {
    let Some(record) = draft.record.as_mut() else { return false };
    let same = record.rolled_back.as_deref() == Some(hash);
    if !same {
        record.rolled_back = None;
    }
    same
}

/// Says that there is no release for the environment on `main`, and why.
pub(super) fn tell(draft: &mut Draft<'_>) {
    let by_hub = |release: &&ReleaseRecord| {
        release.withdrawn.as_ref().is_some_and(|w| w.reason == WithdrawalReason::RolledBack)
    };
    let release = draft.releases.values().filter(by_hub).max_by_key(|release| release.generation);
    let name = release.map_or("its release", |release| release.name.as_str());
    let abort = Command::new("shipperctl abort").word(draft.input.application);
    let abort = match release {
        Some(release) => abort.option("--release", &release.name),
        None => abort,
    };
    let cause = release.and_then(|release| release.withdrawn.as_ref()?.cause.clone()).unwrap_or_default();
    let message = format!(
        "{name} was taken back by the hub and is not made again until the file changes: {cause}. Mend the cause and commit; to try the same \
         again, commit another spec.restart; to leave it at that, put the environment before it back: {abort}"
    );
    draft.conditions.retain(|condition| condition.kind != ConditionType::ReleaseSynced);
    draft.conditions.push(Condition::new(
        ConditionType::ReleaseSynced,
        Status::False,
        Reason::RolledBack,
        message,
    ));
}
