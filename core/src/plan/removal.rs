//! What is missing on `main` [X1, X4]: an application is removed when it runs nothing, when a commit confirms it, or when it has
//! been the only one missing for a while; a cluster that was removed takes its part of every application with it.
//!
//! Absence itself removes nothing: it is noted in the record, said loudly, and only the decision that follows writes tombstones.

use super::blocks::Act;
use super::evidence::current;
use super::{Draft, Event, EventReason, PlannedTarget, blocks};
use crate::ClusterName;
use crate::command::Command;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::few::Few;
use crate::report::AppReport;
use crate::state::{CONFIRM_REMOVAL, Missing, Placement, Removal, RemovalCause, Target, TargetRelease};
use crate::status::{Liveness, Waiting, WaitingFor};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long an application is waited for that is the only one missing [X1].
pub const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// That an application's file is not on `main`, at a commit that may be followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absence {
    /// The commit, in hex, that confirms the removal by its trailer: one since the file was last there.
    pub confirmed: Option<String>,
    /// How many other applications and clusters are missing too, with nothing decided on them.
    pub others: usize,
}

/// Takes removed clusters out of the application: what they have stays there, and is nobody's business any more [X4].
pub(super) fn forget_clusters(draft: &mut Draft<'_>) {
    let removed = &draft.input.fleet.removed;
    let any = |placement: &Placement| {
        placement.clusters.keys().chain(placement.leaving.keys()).any(|name| removed.contains(name))
    };
    if !draft.placement().is_some_and(any) {
        return;
    }
    if let Some(placement) = draft.placement_mut() {
        placement.clusters.retain(|name, _| !removed.contains(name));
        placement.leaving.retain(|name, _| !removed.contains(name));
    }
}

/// Notes that the application is missing, and carries its removal out once that is decided: then the targets are planned and nothing else is
/// to be. A file that is there again, good or bad, ends it.
pub(super) fn plan(draft: &mut Draft<'_>) -> bool {
    let input = draft.input;
    let Some(absence) = input.absence else {
        if let Some(record) = draft.record.as_mut() {
            record.missing = None;
        }
        return false;
    };
    if input.releases.is_empty() && input.targets.is_empty() {
        finish(draft);
        return true;
    }
    let Some(record) = draft.record.as_mut() else { return false };
    let (now, source) = (input.now, input.source.to_owned());
    let missing = record
        .missing
        .get_or_insert_with(|| Missing { since: now, source, alone_since: None, removal: None }.into());
    missing.alone_since = (absence.others == 0).then(|| missing.alone_since.unwrap_or(now));
    let due = missing.alone_since.map(|since| since.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX));
    if missing.removal.is_none() {
        let blocking = blocks::that_forbid(draft, Act::Remove);
        let cause = if blocking.is_empty() { cause(draft, absence, due) } else { None };
        match cause {
            Some(cause) => decide(draft, cause),
            None => {
                draft.wake_at = earliest(draft.wake_at, due.filter(|due| *due > now));
                let condition = waits(draft, absence, due, &blocking);
                draft.conditions.push(condition);
                return false;
            }
        }
    }
    carry_out(draft);
    true
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// Why it is to be removed now; `None` = it is not.
fn cause(draft: &Draft<'_>, absence: &Absence, due: Option<Timestamp>) -> Option<RemovalCause> {
    if let Some(commit) = &absence.confirmed {
        return Some(RemovalCause::Confirmed { commit: commit.clone() });
    }
    if ready_pods(draft).values().all(|ready| *ready == Some(0)) {
        return Some(RemovalCause::NothingReady);
    }
    due.filter(|due| *due <= draft.input.now).map(|_| RemovalCause::OnlyOneMissing)
}

/// Ready pods per cluster, by a report on the target in force there; `None` = there is no such report, which proves nothing.
fn ready_pods(draft: &Draft<'_>) -> BTreeMap<ClusterName, Option<u32>> {
    let clusters = targets(draft).map(|(name, _)| name);
    clusters
        .map(|name| {
            let remains = current(draft.input, name).and_then(|report| report.remains.as_ref());
            (name.clone(), remains.map(|remains| remains.ready_pods))
        })
        .collect()
}

/// The targets in clusters that are not removed.
fn targets<'a>(draft: &Draft<'a>) -> impl Iterator<Item = (&'a ClusterName, &'a Target)> {
    let removed = &draft.input.fleet.removed;
    draft.input.targets.iter().filter(move |(name, _)| !removed.contains(*name))
}

fn decide(draft: &mut Draft<'_>, cause: RemovalCause) {
    let why = words(&cause);
    let missing = draft.record.as_ref().and_then(|record| record.missing.as_ref());
    let by = match &cause {
        RemovalCause::Confirmed { commit } => Some(commit.clone()),
        // Nobody said more than that the file is not there any more.
        RemovalCause::NothingReady | RemovalCause::OnlyOneMissing => {
            missing.map(|missing| missing.source.clone())
        }
    };
    let removal = Removal { at: draft.input.now, cause };
    if let Some(missing) = draft.record.as_mut().and_then(|record| record.missing.as_mut()) {
        missing.removal = Some(removal);
    }
    let message = format!("{} is to be removed: {why}", draft.input.application);
    event(draft, EventReason::Removing, message, by);
}

/// Why it is removed, as a clause.
pub(super) fn words(cause: &RemovalCause) -> String {
    match cause {
        RemovalCause::NothingReady => "it was not on main and had no ready pods".to_owned(),
        RemovalCause::Confirmed { commit } => format!("commit {commit} confirmed it"),
        RemovalCause::OnlyOneMissing => {
            format!("it was the only one missing on main for {} minutes", PATIENCE.as_mins())
        }
    }
}

/// Told of the newest release, which stands for the application.
fn event(draft: &mut Draft<'_>, reason: EventReason, message: String, by: Option<String>) {
    let newest = draft.releases.values().max_by_key(|release| release.generation);
    if let Some(name) = newest.map(|release| release.name.clone()) {
        draft.events.push(Event { commit: by, ..Event::of(&name, reason, message) });
    }
}

/// Tombstones where anything is left; when nothing is left anywhere, the counters alone stay [R1].
fn carry_out(draft: &mut Draft<'_>) {
    let left: Vec<(&ClusterName, &Target)> =
        targets(draft).filter(|(name, target)| !is_gone(draft, name, target)).collect();
    if left.is_empty() {
        event(
            draft,
            EventReason::Removed,
            format!("{} is removed: nothing of it is left", draft.input.application),
            None,
        );
        finish(draft);
        return;
    }
    for (name, target) in left {
        let releases = target.releases.iter().map(|listed| TargetRelease {
            capacity: 0,
            traffic: listed.traffic.map(|_| 0),
            absent: true,
            autoscaler_base: BTreeMap::new(),
            ..listed.clone()
        });
        let mut tombstone = Target { absent: true, releases: releases.collect(), ..target.clone() };
        if tombstone != *target {
            tombstone.generation = super::targets::next_generation(draft);
        }
        draft.targets.insert(name.clone(), PlannedTarget { target: tombstone, manifests: Few::default() });
    }
    let condition = progress(draft);
    draft.conditions.push(condition);
}

/// Whether a cluster has reported, on the tombstone itself, that nothing is left but what is kept.
fn is_gone(draft: &Draft<'_>, name: &ClusterName, target: &Target) -> bool {
    let gone = |report: &AppReport| {
        report.remains.as_ref().is_some_and(|remains| remains.objects == 0)
            && report.releases.iter().all(|release| !release.present)
    };
    target.absent && current(draft.input, name).is_some_and(gone)
}

/// Nothing but the counters is kept: what was taken back before counts for nothing where the application comes back.
fn finish(draft: &mut Draft<'_>) {
    draft.releases.clear();
    draft.targets = Few::default();
    if let Some(record) = draft.record.as_mut() {
        (record.placement, record.obeyed, record.pin, record.missing) = (None, None, None, None);
        record.rolled_back = None;
    }
}

/// What will happen when, and what to do about it.
fn waits(draft: &Draft<'_>, absence: &Absence, due: Option<Timestamp>, blocking: &[String]) -> Condition {
    let app = draft.input.application;
    let missing = draft.record.as_ref().and_then(|record| record.missing.as_ref());
    let seen = missing.map(|missing| format!(" since commit {}", short(&missing.source))).unwrap_or_default();
    let next = match (blocking, due) {
        ([_, ..], _) => format!("it is not removed while rollouts are blocked by {}", blocking.join("; ")),
        (_, Some(due)) => format!("nothing else is missing, so it is removed at {}", minute(due)),
        (_, None) => format!(
            "{} missing too, so nothing is removed until a commit confirms it",
            match absence.others {
                1 => "another application or cluster is".to_owned(),
                others => format!("{others} other applications and clusters are"),
            }
        ),
    };
    let message = format!(
        "applications/{}/{}.yaml is not on main{seen}, and {}; {next}. Put the file back to keep it, or confirm its removal with: \
         {} (a commit with the trailer {CONFIRM_REMOVAL}: {app})",
        app.namespace,
        app.name,
        running(draft),
        Command::new("shipperctl remove").word(app)
    );
    Condition::new(ConditionType::Present, Status::False, Reason::MissingOnMain, message)
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

/// To the second, in UTC.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn running(draft: &Draft<'_>) -> String {
    let ready = ready_pods(draft);
    let pods: u32 = ready.values().flatten().sum();
    let silent: Vec<&str> =
        ready.iter().filter(|(_, ready)| ready.is_none()).map(|(name, _)| name.as_str()).collect();
    let mut text = format!(
        "{pods} ready {} in {}",
        if pods == 1 { "pod runs" } else { "pods run" },
        clusters(ready.len())
    );
    if !silent.is_empty() {
        text.push_str(&format!(" ({} not said what runs there)", has(&silent)));
    }
    text
}

fn clusters(count: usize) -> String {
    if count == 1 { "one cluster".to_owned() } else { format!("{count} clusters") }
}

fn has(names: &[&str]) -> String {
    format!("{} {}", names.join(", "), if names.len() == 1 { "has" } else { "have" })
}

/// How far the removal is.
fn progress(draft: &Draft<'_>) -> Condition {
    let left: Vec<String> =
        draft.targets.keys().map(|name| format!("{name}: {}", remainder(draft, name))).collect();
    let kept: BTreeSet<&str> = draft
        .input
        .reports
        .values()
        .filter_map(|report| report.remains.as_ref())
        .flat_map(|remains| remains.kept.iter().map(String::as_str))
        .collect();
    let kept = if kept.is_empty() {
        String::new()
    } else {
        format!("; kept: {}", kept.into_iter().collect::<Vec<_>>().join(", "))
    };
    Condition::new(
        ConditionType::Present,
        Status::False,
        Reason::Removing,
        format!("it is being removed, in the reverse of the order of installing: {}{kept}", left.join("; ")),
    )
}

fn remainder(draft: &Draft<'_>, name: &ClusterName) -> String {
    let planned = draft.targets.get(name).map(|planned| planned.target.generation);
    let report = current(draft.input, name).filter(|report| planned == Some(report.target_generation));
    match report.and_then(|report| Some((report, report.remains.as_ref()?))) {
        Some((report, remains)) => {
            let stuck = report.problems.first();
            let stuck =
                stuck.map(|p| format!(", {}: {} ({})", p.object, p.message, p.reason)).unwrap_or_default();
            format!("{} left{stuck}", count(remains.objects))
        }
        None if draft.input.liveness.get(name) == Some(&Liveness::Offline) => format!(
            "its agent does not report; if the cluster is gone for good, remove it with: {}",
            Command::new("shipperctl remove").option("--cluster", name)
        ),
        None => "has not reported on its tombstone yet".to_owned(),
    }
}

fn count(objects: u32) -> String {
    if objects == 1 { "one object".to_owned() } else { format!("{objects} objects and pods") }
}

/// What is waited for where the application is missing; `None` = it is not.
pub(super) fn waiting(draft: &Draft<'_>) -> Option<Waiting> {
    let condition = draft.conditions.iter().find(|c| c.kind == ConditionType::Present)?;
    let (state, clusters) = match condition.reason {
        Reason::Removing => (WaitingFor::WaitingForCluster, draft.targets.keys().cloned().collect()),
        _ => (WaitingFor::WaitingForCommand, Vec::new()),
    };
    Some(Waiting { state, message: condition.message.clone(), clusters })
}

/// What a cluster is waited for while the application is removed; `None` = it is not.
pub(super) fn cluster(draft: &Draft<'_>, name: &ClusterName) -> Option<(WaitingFor, String)> {
    let removing = draft.record.as_ref()?.missing.as_ref()?.removal.is_some();
    removing.then(|| match draft.targets.contains_key(name) {
        true => (WaitingFor::WaitingForCluster, remainder(draft, name)),
        false => (WaitingFor::None, "nothing is left here".to_owned()),
    })
}
