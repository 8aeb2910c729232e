//! What was measured for a gate, kept when the gate is over: passed, failed, or left before that. Agents report samples only as long as
//! they are asked for them, so this is the last moment at which anybody has them.

use crate::fleet::AppState;
use jiff::Timestamp;
use shipper_core::AppKey;
use shipper_core::api::{GateEnd, Measurement, WantedMeasure};
use shipper_core::intent::Analysis;
use shipper_core::plan::AppPlan;
use shipper_core::report::{MeasureReport, Outcome};
use shipper_core::state::{Cause, GateRecord, ReleaseRecord};

/// What the clusters measured for the gates that writing the plan ends.
pub(super) fn measured(app: &AppKey, state: &AppState, plan: &AppPlan, now: Timestamp) -> Vec<Measurement> {
    let mut measured = Vec::new();
    for (name, release) in &plan.releases {
        let Some(before) = state.releases.get(name) else { continue };
        let Some(gate) = before.gate.as_ref().filter(|gate| ends(before, gate, release)) else { continue };
        let end = end(before, gate, release);
        let step = before.strategy.steps.get(gate.step);
        let analyses = step.map(|step| step.gate.analysis.as_slice()).unwrap_or_default();
        for cluster in &plan.status.clusters {
            let report = cluster.analysis.as_ref();
            let Some(report) = report.filter(|report| report.release == *name && report.run == gate.since)
            else {
                continue;
            };
            measured.push(Measurement {
                at: now,
                application: app.clone(),
                release: name.clone(),
                step: gate.step,
                step_name: step.map(|step| step.name.clone()).unwrap_or_default(),
                run: gate.since,
                cluster: cluster.cluster.clone(),
                outcome: outcome(analyses, &report.measures),
                gate: end,
                measures: report.measures.clone(),
                wanted: WantedMeasure::all(analyses),
            });
        }
    }
    measured
}

/// Whether the gate is judged, or judged no more, by what is written now.
fn ends(before: &ReleaseRecord, gate: &GateRecord, after: &ReleaseRecord) -> bool {
    if gate.passed.is_some() {
        return false;
    }
    let withdrawn = before.withdrawn.is_none() && after.withdrawn.is_some();
    withdrawn
        || after.gate.as_ref().is_none_or(|now| {
            let another = (now.step, now.since) != (gate.step, gate.since);
            another || now.passed.is_some() || now.failed.len() > gate.failed.len()
        })
}

/// How it ended. Where clusters fail and it is not over, it is told once more when it is.
fn end(before: &ReleaseRecord, gate: &GateRecord, after: &ReleaseRecord) -> GateEnd {
    let now = after.gate.as_ref().filter(|now| (now.step, now.since) == (gate.step, gate.since));
    let went_on = after.position != before.position && after.position.cause == Cause::GatePassed;
    let complete = before.complete.is_none() && after.complete.is_some();
    if went_on || complete || now.is_some_and(|now| now.passed.is_some()) {
        GateEnd::Passed
    } else if now.unwrap_or(gate).failed.is_empty() {
        GateEnd::Left
    } else {
        GateEnd::Failed
    }
}

/// What a cluster has shown by what it measured.
fn outcome(analyses: &[Analysis], measures: &[MeasureReport]) -> Outcome {
    if measures.iter().any(|measure| measure.outcome(None) == Outcome::Failed) {
        return Outcome::Failed;
    }
    let passed = |analysis: &Analysis| {
        let passed = |measure: &MeasureReport| measure.outcome(Some(analysis.count)) == Outcome::Passed;
        measures.iter().any(|measure| measure.name == analysis.name && passed(measure))
    };
    if analyses.iter().all(passed) { Outcome::Passed } else { Outcome::Unknown }
}
