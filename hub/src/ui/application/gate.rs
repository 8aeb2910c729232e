//! Gates: how long the step in force soaks, what every cluster measured, as small charts, and the same of the gates that are over.

use super::chart::{Chart, chart};
use super::records::Known;
use crate::store::{Measured, Measurement};
use crate::ui::words::{Moment, length_of};
use jiff::Timestamp;
use shipper_core::api::WantedMeasure;
use shipper_core::report::MeasureReport;
use shipper_core::state::{GateRecord, ReleaseRecord};
use shipper_core::status::ApplicationStatus;
use shipper_core::{ClusterName, ReleaseName};

/// Gates that are over which the page shows.
const OVER: usize = 8;

/// The gate of a step.
pub(super) struct GateView {
    /// The step.
    pub(super) step: String,
    /// Soak time, and since when and until when it runs.
    pub(super) soak: Option<Soak>,
    /// When soak and analysis were passed.
    pub(super) passed: Option<Moment>,
    /// What is measured.
    pub(super) measures: Vec<Measure>,
}

/// Gates that are over.
pub(super) struct Over {
    /// The newest first.
    pub(super) gates: Vec<GateOver>,
    /// More is kept than is shown.
    pub(super) more: bool,
}

/// A gate that is over.
pub(super) struct GateOver {
    /// The step.
    pub(super) step: String,
    /// Of which release.
    pub(super) release: String,
    /// Since when it was measured, which also tells one run from another.
    pub(super) run: Moment,
    /// When it was over.
    pub(super) at: Moment,
    /// `passed`, `failed`, or `left` where it was neither.
    pub(super) state: &'static str,
    /// What was measured.
    pub(super) measures: Vec<Measure>,
}

/// A soak time.
pub(super) struct Soak {
    /// How long.
    pub(super) length: String,
    /// From when it runs.
    pub(super) since: Option<Moment>,
    /// When it is over.
    pub(super) until: Option<Moment>,
}

/// One analysis in all clusters.
pub(super) struct Measure {
    /// Its name.
    pub(super) name: String,
    /// What has to be.
    pub(super) wanted: String,
    /// Where.
    pub(super) clusters: Vec<Chart>,
}

/// What a cluster measured.
type Report<'a> = (&'a ClusterName, &'a [MeasureReport]);

/// The gate of the step at which the contender is; nothing where that has none but an approval. Where agents report nothing of it any more,
/// it is what was kept.
pub(super) fn of(
    status: &ApplicationStatus,
    record: Option<&ReleaseRecord>,
    kept: &[Measurement],
) -> Option<GateView> {
    let contender = status.contender.as_ref()?;
    let step = record.and_then(|record| record.strategy.steps.get(record.position.step));
    let wanted = step.map(|step| WantedMeasure::all(&step.gate.analysis)).unwrap_or_default();
    let judged = record.and_then(in_force);
    let live = status.clusters.iter().filter_map(|cluster| {
        let report = cluster.analysis.as_ref().filter(|report| report.release == *contender)?;
        Some((&cluster.cluster, report.measures.as_slice()))
    });
    let mut reports: Vec<Report<'_>> = live.collect();
    if let Some(gate) = judged.filter(|_| reports.is_empty()) {
        reports = kept.iter().filter(|one| is_of(one, contender, gate.since)).map(report).collect();
        reports.sort_by_key(|(cluster, _)| *cluster);
    }
    let measures = measures(&reports, &wanted);
    let soak = step.and_then(|step| step.gate.soak).map(|length| {
        let since = judged.map(|gate| gate.since);
        let until = since.and_then(|since| since.checked_add(length).ok());
        Soak { length: length_of(length), since: since.map(Moment::of), until: until.map(Moment::of) }
    });
    if measures.is_empty() && soak.is_none() {
        return None;
    }
    let at = super::mood::contender(status)?;
    Some(GateView {
        step: at.steps.get(at.step).cloned().unwrap_or_default(),
        soak,
        passed: judged.and_then(|gate| gate.passed).map(Moment::of),
        measures,
    })
}

/// The gates that are over; not that of the step in force, which [`of`] shows.
pub(super) fn over(status: &ApplicationStatus, known: &Known, kept: &Measured) -> Over {
    let shown = status.contender.as_ref().and_then(|name| {
        let gate = in_force(known.releases.get(name)?)?;
        Some((name, gate.since))
    });
    let mut runs: Vec<(&ReleaseName, Timestamp)> = Vec::new();
    for one in &kept.items {
        let run = (&one.release, one.run);
        if Some(run) != shown && !runs.contains(&run) {
            runs.push(run);
        }
    }
    let more = kept.next.is_some() || runs.len() > OVER;
    // Of the oldest that was read, some clusters may not have been.
    if kept.next.is_some() && runs.len() > 1 {
        runs.pop();
    }
    let gate = |(release, run): (&ReleaseName, Timestamp)| {
        let mut of_run: Vec<&Measurement> =
            kept.items.iter().filter(|one| is_of(one, release, run)).collect();
        of_run.sort_by_key(|one| &one.cluster);
        let newest = of_run.iter().max_by_key(|one| one.at)?;
        // Of what an older hub kept, the release says it.
        let step = || known.releases.get(release)?.strategy.steps.get(newest.step);
        let wanted = match newest.wanted.as_slice() {
            [] => step().map(|step| WantedMeasure::all(&step.gate.analysis)).unwrap_or_default(),
            wanted => wanted.to_vec(),
        };
        let measures = measures(&of_run.iter().map(|one| report(one)).collect::<Vec<_>>(), &wanted);
        Some(GateOver {
            step: newest.step_name.clone(),
            release: release.to_string(),
            run: Moment::of(run),
            at: Moment::of(newest.at),
            state: newest.gate.word(),
            measures,
        })
    };
    Over { gates: runs.into_iter().take(OVER).filter_map(gate).collect(), more }
}

/// The gate as it is judged, where it is that of the step in force.
fn in_force(record: &ReleaseRecord) -> Option<&GateRecord> {
    record.gate.as_ref().filter(|gate| gate.step == record.position.step)
}

fn is_of(one: &Measurement, release: &ReleaseName, run: Timestamp) -> bool {
    one.release == *release && one.run == run
}

fn report(one: &Measurement) -> Report<'_> {
    (&one.cluster, &one.measures)
}

fn measures(reports: &[Report<'_>], wanted: &[WantedMeasure]) -> Vec<Measure> {
    let mut measures: Vec<Measure> = wanted
        .iter()
        .map(|one| Measure { name: one.name.clone(), wanted: one.condition.clone(), clusters: Vec::new() })
        .collect();
    for (cluster, reported) in reports {
        for measure in *reported {
            let count = wanted.iter().find(|one| one.name == measure.name).map(|one| one.count);
            let chart = chart(cluster.to_string(), measure, count);
            match measures.iter_mut().find(|one| one.name == measure.name) {
                Some(one) => one.clusters.push(chart),
                None => measures.push(Measure {
                    name: measure.name.clone(),
                    wanted: String::new(),
                    clusters: vec![chart],
                }),
            }
        }
    }
    measures
}
