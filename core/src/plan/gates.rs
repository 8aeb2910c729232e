//! What lets a rollout leave a step that is achieved: soak and analysis, then approval [A4, M7, M12].
//!
//! The release's record keeps since when the step soaks, which clusters failed their analysis, and when all was passed, so that
//! neither a restart nor a lost report changes a judgement. All of it is by the hub's clock: those of clusters do not count.

use super::{AppInput, Draft, EventReason, budget};
use crate::ClusterName;
use crate::analysis::{Names, fill, wanted};
use crate::intent::{Analysis, Approval, Gate, format_duration};
use crate::report::{MeasureReport, Outcome};
use crate::state::{Cause, GateFailure, GateRecord, PlacedCluster, Position, ReleaseRecord, TargetAnalysis};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A step that stays unachieved for this long soaks and is measured from the beginning again [A4].
const LEAST_LOSS: SignedDuration = SignedDuration::from_secs(60);

/// A gate that is not passed yet.
pub(super) struct Closed {
    /// What it waits for, in words, with the next step.
    pub(super) message: String,
    /// The clusters that are waited for.
    pub(super) clusters: Vec<ClusterName>,
    /// When it may open, or be found to have failed, without any news.
    until: Option<Timestamp>,
}

/// Judges soak and analysis of the step in force, and writes down what follows.
pub(super) fn judge(draft: &mut Draft<'_>) {
    follow(draft);
    learn_failures(draft);
}

/// Marks the last step complete where everything is passed, or takes the next one where approval is `auto`, one step at a time.
pub(super) fn pass(draft: &mut Draft<'_>, blocked: bool) {
    let Some(contender) = draft.contender_name() else { return };
    let now = draft.input.now;
    let Some(release) = draft.releases.get(&contender) else { return };
    let step = release.position.step;
    if release.achieved.as_ref().is_none_or(|achieved| achieved.step != step) {
        return;
    }
    if let Some(closed) = closed(draft, release) {
        if let Some(until) = closed.until {
            draft.wake(until);
        }
        return;
    }
    if release.complete.is_none() && budget::standing(draft, release).exceeded() {
        return;
    }
    let Some(release) = draft.releases.get_mut(&contender) else { return };
    let gate = gate(release);
    let last = release.strategy.steps.len().saturating_sub(1);
    if let Some(record) = release.gate.as_mut() {
        record.passed.get_or_insert(now);
    }
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
        let cause = Cause::GatePassed;
        release.move_to(Position { step: step + 1, name: name.clone(), from: step, since: now, cause });
        release.gate = None;
        draft.event(
            &contender,
            EventReason::StepAsked,
            format!("{contender} goes to step {name:?}: its gates are passed and approval is auto"),
        );
    }
}

/// What a forward order out of the step in force waits for: soak and analysis, where the step has any [M14].
pub(super) fn wait(draft: &Draft<'_>, release: &ReleaseRecord) -> Option<String> {
    let step = release.position.step;
    let name = &release.position.name;
    let gate = gate(release);
    let judged = match (gate.soak.is_some(), gate.analysis.is_empty()) {
        (false, true) => return None,
        (true, true) => "soaks",
        (true, false) => "soaks and is measured",
        (false, false) => "is measured",
    };
    if release.achieved.as_ref().is_none_or(|achieved| achieved.step != step) {
        return Some(format!("step {name:?} is not achieved yet and {judged} after that"));
    }
    if release.gate.as_ref().is_none_or(|record| record.step != step) {
        return Some(format!("step {name:?} is achieved and {judged} from now on"));
    }
    closed(draft, release).map(|closed| closed.message)
}

fn gate(release: &ReleaseRecord) -> Gate {
    release.strategy.steps.get(release.position.step).map(|step| step.gate.clone()).unwrap_or_default()
}

/// Keeps the record of the step in force: begun when it is achieved, begun anew by another order or after too long a loss.
fn follow(draft: &mut Draft<'_>) {
    let Some(contender) = draft.contender_name() else { return };
    let obeyed = |record: Option<&crate::state::AppRecord>| record.and_then(|record| record.obeyed.clone());
    let ordered = obeyed(draft.record.as_ref()) != obeyed(draft.input.record);
    let now = draft.input.now;
    let Some(release) = draft.releases.get_mut(&contender) else { return };
    if release.complete.is_some() {
        return;
    }
    let step = release.position.step;
    let gate = gate(release);
    let judged = gate.soak.is_some() || !gate.analysis.is_empty();
    let before = release.gate.take().filter(|record| record.step == step && judged && !ordered);
    let achieved =
        release.achieved.as_ref().filter(|achieved| achieved.step == step).map(|achieved| achieved.at);
    release.gate = match (before, achieved) {
        (None, Some(at)) if judged => Some(GateRecord {
            step,
            since: if ordered { now } else { at },
            unachieved: None,
            failed: Default::default(),
            passed: None,
        }),
        (None, _) => None,
        (Some(mut record), None) => {
            record.unachieved.get_or_insert(now);
            Some(record)
        }
        (Some(mut record), Some(at)) => {
            if record.unachieved.take().is_some_and(|lost| at.duration_since(lost) >= LEAST_LOSS) {
                (record.since, record.passed) = (at, None);
            }
            Some(record)
        }
    };
}

/// Writes down which clusters have failed their analysis: it counts at once, and only another order forgets it.
fn learn_failures(draft: &mut Draft<'_>) {
    let Some(contender) = draft.contender_name() else { return };
    let now = draft.input.now;
    let Some(release) = draft.releases.get(&contender) else { return };
    let Some(record) = release.gate.as_ref().filter(|record| record.passed.is_none()) else { return };
    let news: Vec<(ClusterName, String)> = measuring(draft, release)
        .filter(|(name, _)| !record.failed.contains_key(*name))
        .filter_map(|(name, _)| Some((name.clone(), failed(draft, name)?)))
        .collect();
    for (name, message) in news {
        let told = format!("{contender} in {name}: {message}");
        draft.event_in(&name, &contender, EventReason::AnalysisFailed, told);
        let record = draft.releases.get_mut(&contender).and_then(|release| release.gate.as_mut());
        if let Some(record) = record {
            record.failed.insert(name, GateFailure { at: now, message });
        }
    }
}

fn failed(draft: &Draft<'_>, cluster: &ClusterName) -> Option<String> {
    let release = draft.contender()?;
    let record = in_force(release)?;
    match judge_one(draft.input, release, record, cluster) {
        Judged::Failed(message) => Some(message),
        Judged::Passed | Judged::Open(_) => None,
    }
}

/// What a cluster still has to measure, in words; `None` = nothing.
pub(super) fn open(draft: &Draft<'_>, release: &ReleaseRecord, cluster: &ClusterName) -> Option<String> {
    let record = in_force(release).filter(|record| record.unachieved.is_none())?;
    measuring(draft, release).find(|(name, _)| *name == cluster)?;
    match judge_one(draft.input, release, record, cluster) {
        Judged::Passed => None,
        Judged::Failed(message) | Judged::Open(message) => Some(message),
    }
}

/// What the agent of a cluster is to measure now.
pub(super) fn measured(
    draft: &Draft<'_>,
    cluster: &ClusterName,
    placed: &PlacedCluster,
) -> Option<TargetAnalysis> {
    let release = draft.contender()?;
    let record = in_force(release)?;
    let step = release.strategy.steps.get(record.step)?;
    let names = Names { application: draft.input.application, release: &release.name, cluster };
    let measures: Vec<Analysis> = step.gate.analysis.iter().map(|analysis| fill(analysis, names)).collect();
    (selected(release, cluster, placed) && !measures.is_empty()).then(|| TargetAnalysis {
        release: release.name.clone(),
        run: record.since,
        deadline_seconds: release.strategy.progress_deadline.into(),
        measures,
    })
}

/// Why the gates of the step in force, approval aside, are not passed; `None` = they are, or there are none.
pub(super) fn closed(draft: &Draft<'_>, release: &ReleaseRecord) -> Option<Closed> {
    let record = in_force(release)?;
    let now = draft.input.now;
    let gate = gate(release);
    let step = &release.position.name;
    let (mut failed, mut open, mut passed) = (Vec::new(), Vec::new(), 0);
    for (name, _) in measuring(draft, release) {
        match judge_one(draft.input, release, record, name) {
            Judged::Passed => passed += 1,
            Judged::Failed(message) => failed.push((name.clone(), message)),
            Judged::Open(message) => open.push((name.clone(), message)),
        }
    }
    let told = |clusters: &[(ClusterName, String)]| {
        clusters.iter().map(|(name, message)| format!("{name}: {message}")).collect::<Vec<_>>().join("; ")
    };
    let names = |clusters: Vec<(ClusterName, String)>| clusters.into_iter().map(|(name, _)| name).collect();
    if !failed.is_empty() && budget::standing(draft, release).exceeded() {
        let message = format!(
            "step {step:?} is held: {}. Revert the commit, or mend the cause and order the step again with another rollout.request",
            told(&failed)
        );
        return Some(Closed { message, clusters: names(failed), until: None });
    }
    let soaked = gate.soak.map(|soak| after(record.since, soak)).filter(|soaked| *soaked > now);
    if let Some(soaked) = soaked {
        let left = Duration::try_from(soaked.duration_since(now)).unwrap_or_default();
        let left = format_duration(Duration::from_secs(left.as_secs().max(1)));
        let due = (!open.is_empty()).then(|| due(release, record));
        return Some(Closed {
            message: format!("step {step:?} soaks for another {left}"),
            clusters: Vec::new(),
            until: due.into_iter().chain([soaked]).min(),
        });
    }
    if !open.is_empty() {
        let message = format!("step {step:?} is measured: {}", told(&open));
        return Some(Closed { message, clusters: names(open), until: Some(due(release, record)) });
    }
    if !gate.analysis.is_empty() && passed == 0 {
        let message = if failed.is_empty() {
            format!(
                "step {step:?} has an analysis, but selects no cluster that could measure it; promote past it"
            )
        } else {
            format!("step {step:?} is held: it was measured well nowhere: {}", told(&failed))
        };
        return Some(Closed { message, clusters: names(failed), until: None });
    }
    None
}

/// The record of a gate that is still judged.
fn in_force(release: &ReleaseRecord) -> Option<&GateRecord> {
    let record = release.gate.as_ref()?;
    let judged = record.passed.is_none() && record.step == release.position.step;
    (judged && release.complete.is_none() && release.withdrawn.is_none()).then_some(record)
}

/// The placed clusters that the step in force selects, if it is to be measured.
pub(super) fn measuring<'d>(
    draft: &'d Draft<'_>,
    release: &'d ReleaseRecord,
) -> impl Iterator<Item = (&'d ClusterName, &'d PlacedCluster)> {
    let any =
        release.strategy.steps.get(release.position.step).is_some_and(|step| !step.gate.analysis.is_empty());
    let placement = draft.placement();
    placement
        .into_iter()
        .flat_map(|placement| placement.clusters.iter())
        .filter(move |(name, placed)| any && selected(release, name, placed))
}

fn selected(release: &ReleaseRecord, name: &ClusterName, placed: &PlacedCluster) -> bool {
    let step = release.strategy.steps.get(release.position.step);
    step.is_some_and(|step| {
        let selector = step.clusters.as_ref();
        selector.is_none_or(|selector| selector.selects(name.as_str(), &placed.labels, &placed.region))
    })
}

/// What the samples of one cluster say.
enum Judged {
    Passed,
    Failed(String),
    Open(String),
}

/// Judges one cluster by itself. Samples of another run say nothing, and what was not measured is never a pass [A4].
fn judge_one(
    input: &AppInput<'_>,
    release: &ReleaseRecord,
    record: &GateRecord,
    cluster: &ClusterName,
) -> Judged {
    if let Some(failure) = record.failed.get(cluster) {
        return Judged::Failed(failure.message.clone());
    }
    let report = input.reports.get(cluster).and_then(|report| report.analysis.as_ref());
    let report = report.filter(|seen| seen.run == record.since && seen.release == release.name);
    let deadline = format_duration(release.strategy.progress_deadline);
    let mut open = Vec::new();
    for analysis in &gate(release).analysis {
        let name = &analysis.name;
        let seen = report.and_then(|report| report.measures.iter().find(|measure| measure.name == *name));
        match seen {
            Some(seen) if seen.failed > 0 => {
                let measured = newest(seen, Outcome::Failed).unwrap_or("not told what was measured");
                let wanted = wanted(analysis);
                return Judged::Failed(format!("analysis {name:?} failed: {measured} ({wanted})"));
            }
            Some(seen) if seen.passed >= analysis.count => {}
            Some(seen) if seen.overdue => {
                let why = newest(seen, Outcome::Unknown).unwrap_or("no answer");
                return Judged::Failed(format!(
                    "analysis {name:?} is unknown for longer than {deadline}: {why}"
                ));
            }
            _ => open.push(progress(analysis, seen)),
        }
    }
    if open.is_empty() {
        return Judged::Passed;
    }
    if input.now >= due(release, record) {
        return Judged::Failed(format!("unknown for longer than {deadline}: {}", open.join(", ")));
    }
    Judged::Open(open.join(", "))
}

fn progress(analysis: &Analysis, seen: Option<&MeasureReport>) -> String {
    let passed = seen.map_or(0, |seen| seen.passed);
    let last = seen.and_then(|seen| seen.samples.last());
    let last = match last {
        Some(last) if last.outcome == Outcome::Unknown => format!(", unknown at last: {}", last.measured),
        Some(last) => format!(", {} at last ({})", last.measured, wanted(analysis)),
        None => String::new(),
    };
    format!("analysis {:?} has {passed} of {} samples{last}", analysis.name, analysis.count)
}

fn newest(seen: &MeasureReport, outcome: Outcome) -> Option<&str> {
    seen.samples.iter().rev().find(|sample| sample.outcome == outcome).map(|sample| sample.measured.as_str())
}

/// When a cluster that has not measured everything has been without an answer for too long: an agent says so itself, unless it is
/// gone.
fn due(release: &ReleaseRecord, record: &GateRecord) -> Timestamp {
    let length = gate(release).analysis.iter().map(Analysis::length).max().unwrap_or_default();
    after(after(record.since, length), release.strategy.progress_deadline)
}

fn after(from: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    from.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
