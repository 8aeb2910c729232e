//! Which clusters fail at the step in force [A2].
//!
//! A cluster fails when it reports something that cannot heal by waiting, when it makes no progress for `progressDeadline`, or when an
//! analysis failed there ([`gates`](super::gates)). What the deadlines run from is written in the release's record and nowhere else, so
//! that neither a restart nor another hub begins anew; in return it is only as exact as it is written: after the first tenth of
//! the deadline, then at most once in each (`docs/adr/0005-progress.md`). A failure ends by evidence alone: everything achieved, more pods
//! than before, or a rejected object that is accepted now.

use super::evidence::{Lack, Proof};
use super::{Draft, EventReason, words};
use crate::intent::format_duration;
use crate::state::{FailingCluster, FailureKind, Lagging, Pods, ReleaseRecord};
use crate::status::Liveness;
use crate::{ClusterName, ReleaseName};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Parts of the deadline in which progress is written down at most once.
const PARTS: i32 = 10;

/// Judges every cluster that a rollout waits for, and keeps the record of those that take long.
pub(super) fn judge(draft: &mut Draft<'_>) {
    let Some(release) = draft.contender().cloned() else { return };
    let proofs = std::mem::take(&mut draft.proofs);
    let mut lagging = BTreeMap::new();
    for (name, proof) in &proofs {
        lagging.extend(judge_one(draft, &release, name, proof).map(|lag| (name.clone(), lag)));
    }
    draft.proofs = proofs;
    tell(draft, &release, &lagging);
    if let Some(release) = draft.releases.get_mut(&release.name) {
        release.lagging = lagging;
    }
}

/// That a cluster fails at the step in force, in whatever way.
pub(super) fn of(release: &ReleaseRecord, cluster: &ClusterName) -> Option<FailingCluster> {
    let lagging = release.lagging.get(cluster).and_then(|lag| lag.failing.clone());
    lagging.or_else(|| {
        let gate = release.gate.as_ref().filter(|gate| gate.step == release.position.step)?;
        let failed = gate.failed.get(cluster).filter(|_| release.complete.is_none())?;
        Some(FailingCluster {
            since: failed.at,
            kind: FailureKind::Analysis,
            message: failed.message.clone(),
        })
    })
}

/// Judges by the deadline of a strategy that was adopted: who fails by the one before, and has time by this one, does not fail [A2, R4].
pub(super) fn judge_anew(draft: &mut Draft<'_>, contender: &ReleaseName) {
    let now = draft.input.now;
    let Some(release) = draft.releases.get_mut(contender) else { return };
    let deadline = release.strategy.progress_deadline;
    let mut until = Vec::new();
    for lag in release.lagging.values_mut() {
        let by_time =
            |found: &FailingCluster| matches!(found.kind, FailureKind::NoProgress | FailureKind::Silent);
        let end = after(lag.since, deadline);
        if end > now && lag.failing.take_if(|found| by_time(found)).is_some() {
            until.push(end);
        }
    }
    until.into_iter().for_each(|end| draft.wake(end));
}

fn judge_one(
    draft: &mut Draft<'_>,
    release: &ReleaseRecord,
    name: &ClusterName,
    proof: &Proof<'_>,
) -> Option<Lagging> {
    let known = release.lagging.get(name);
    // A rollout that is over fails nowhere; what it left behind failing is told until it is well.
    let over = release.complete.is_some();
    if over && known.is_none_or(|known| known.failing.is_none()) {
        return None;
    }
    let lack = match proof {
        Proof::Untouched | Proof::Achieved(_) => return None,
        // What is missing proves nothing.
        Proof::NotAsked => return known.cloned(),
        Proof::Unreported => None,
        Proof::Lacks(lack) => Some(lack),
    };
    let now = draft.input.now;
    let pods = lack.map(|lack| lack.pods(raised(draft, release))).unwrap_or_default();
    let most = known.map_or(pods, |known| pods.max(known.most));
    let again = || Lagging { since: now, most, failing: None };
    match known.and_then(|known| Some((known, known.failing.as_ref()?))) {
        Some((known, failing)) if !ended(failing.kind, lack, pods, known.most) => Some(known.clone()),
        Some(_) if over => None,
        Some(_) => Some(again()),
        None => match lack.filter(|lack| lack.is_final()) {
            Some(lack) => {
                let message = format!("waiting does not heal this: {}", words::final_problems(lack.report));
                let failing = FailingCluster { since: now, kind: FailureKind::Final, message };
                Some(Lagging { failing: Some(failing), ..again() })
            }
            None => lags(draft, release, (name, lack, pods), known),
        },
    }
}

/// Whether a failure ends with what a cluster says now.
fn ended(kind: FailureKind, lack: Option<&Lack<'_>>, pods: Pods, most: Pods) -> bool {
    let Some(lack) = lack else { return false };
    match kind {
        FailureKind::Final => !lack.is_final(),
        FailureKind::NoProgress => pods.exceed(most),
        FailureKind::Silent => true,
        // Not written down here.
        FailureKind::Analysis => false,
    }
}

/// Keeps the time of a cluster that lacks something and does not fail yet, or says that it is over.
fn lags(
    draft: &mut Draft<'_>,
    release: &ReleaseRecord,
    (name, lack, pods): (&ClusterName, Option<&Lack<'_>>, Pods),
    known: Option<&Lagging>,
) -> Option<Lagging> {
    let now = draft.input.now;
    let deadline = release.strategy.progress_deadline;
    let part = SignedDuration::try_from(deadline).unwrap_or(SignedDuration::MAX) / PARTS;
    let liveness = draft.input.liveness.get(name).copied().unwrap_or_default();
    let Some(known) = known else {
        let written = draft.record.as_ref().and_then(|record| record.targets_written);
        let began = written.map_or(release.position.since, |written| written.max(release.position.since));
        let due = began.saturating_add(part).unwrap_or(Timestamp::MAX);
        if due > now {
            draft.wake(due);
            return None;
        }
        // The deadline of a cluster that nobody hears does not run.
        return (liveness == Liveness::Online).then(|| {
            draft.wake(after(now, deadline));
            Lagging { since: now, most: pods, failing: None }
        });
    };
    if pods.exceed(known.most) {
        let due = known.since.saturating_add(part).unwrap_or(Timestamp::MAX);
        if due > now {
            draft.wake(due);
            return Some(known.clone());
        }
        draft.wake(after(now, deadline));
        return Some(Lagging { since: now, most: pods.max(known.most), failing: None });
    }
    let until = after(known.since, deadline);
    if until > now {
        draft.wake(until);
        return Some(known.clone());
    }
    match liveness {
        Liveness::Online => Some(Lagging { failing: Some(fails(release, lack, now)), ..known.clone() }),
        // When it is heard again it has a whole deadline. Another hub may hear it, and comes first.
        Liveness::Offline => {
            let late = until.saturating_add(part).unwrap_or(Timestamp::MAX);
            if late > now {
                draft.wake(late);
            }
            (late > now).then(|| known.clone())
        }
        Liveness::Unknown => Some(known.clone()),
    }
}

fn fails(release: &ReleaseRecord, lack: Option<&Lack<'_>>, now: Timestamp) -> FailingCluster {
    let deadline = format_duration(release.strategy.progress_deadline);
    let (kind, message) = match lack {
        Some(lack) => (FailureKind::NoProgress, format!("no progress for {deadline}: {}", words::lack(lack))),
        None => (
            FailureKind::Silent,
            format!(
                "its agent is heard, but says nothing of its target for {deadline}; can it read the state branch?"
            ),
        ),
    };
    FailingCluster { since: now, kind, message }
}

/// The release that is to have more at the step in force: whose pods are progress.
fn raised<'r>(draft: &'r Draft<'_>, release: &'r ReleaseRecord) -> &'r ReleaseName {
    let back = release.position.step < release.position.from;
    draft.incumbent.as_ref().filter(|_| back).unwrap_or(&release.name)
}

fn after(from: Timestamp, duration: std::time::Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    from.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// Events for what differs from the record.
fn tell(draft: &mut Draft<'_>, release: &ReleaseRecord, now: &BTreeMap<ClusterName, Lagging>) {
    let failing = |lagging: &BTreeMap<ClusterName, Lagging>| -> BTreeMap<ClusterName, FailingCluster> {
        lagging.iter().filter_map(|(name, lag)| Some((name.clone(), lag.failing.clone()?))).collect()
    };
    let (before, now) = (failing(&release.lagging), failing(now));
    for (name, found) in now.iter().filter(|(name, found)| before.get(*name) != Some(*found)) {
        let message = format!("{name} fails at step {:?}: {}", release.position.name, found.message);
        draft.event_in(name, &release.name, EventReason::ClusterFailing, message);
    }
    for name in before.keys().filter(|name| !now.contains_key(*name)) {
        let message = format!("{name} fails no more");
        draft.event_in(name, &release.name, EventReason::ClusterRecovered, message);
    }
}
