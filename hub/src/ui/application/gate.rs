//! The gate of the step in force: how long it soaks, and what every cluster measured, as small charts.

use crate::ui::words::{Moment, length_of};
use shipper_core::ReleaseName;
use shipper_core::analysis::wanted;
use shipper_core::intent::Analysis;
use shipper_core::report::{MeasureReport, Outcome, Sample};
use shipper_core::state::ReleaseRecord;
use shipper_core::status::ApplicationStatus;
use std::fmt::Write as _;

/// Width and height of a chart, and the room around its marks.
const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 36.0;
const ROOM: f64 = 5.0;

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

/// What one cluster measured.
pub(super) struct Chart {
    /// The cluster.
    pub(super) cluster: String,
    /// `2 of 5 passed`.
    pub(super) text: String,
    /// `passed`, `failed` or `measuring`.
    pub(super) state: &'static str,
    /// The newest value, or why there is none.
    pub(super) newest: String,
    /// The line through the values, as the data of a path.
    pub(super) line: String,
    /// A mark for each sample.
    pub(super) marks: Vec<Mark>,
    /// What the chart shows, in words.
    pub(super) words: String,
}

/// A sample.
pub(super) struct Mark {
    /// Across.
    pub(super) x: String,
    /// Down.
    pub(super) y: String,
    /// `passed`, `failed` or `unknown`.
    pub(super) outcome: &'static str,
    /// What was measured.
    pub(super) says: String,
}

/// The gate of the step at which the contender is; nothing where that has none but an approval.
pub(super) fn of(status: &ApplicationStatus, record: Option<&ReleaseRecord>) -> Option<GateView> {
    let contender = status.contender.as_ref()?;
    let step = record.and_then(|record| record.strategy.steps.get(record.position.step));
    let analyses = step.map(|step| step.gate.analysis.as_slice()).unwrap_or_default();
    let measures = measures(status, contender, analyses);
    let judged =
        record.and_then(|record| record.gate.as_ref().filter(|gate| gate.step == record.position.step));
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

fn measures(status: &ApplicationStatus, contender: &ReleaseName, analyses: &[Analysis]) -> Vec<Measure> {
    let mut measures: Vec<Measure> = Vec::new();
    for analysis in analyses {
        measures.push(Measure {
            name: analysis.name.clone(),
            wanted: wanted(analysis),
            clusters: Vec::new(),
        });
    }
    for cluster in &status.clusters {
        let Some(report) = cluster.analysis.as_ref().filter(|report| report.release == *contender) else {
            continue;
        };
        for measure in &report.measures {
            let count = analyses.iter().find(|one| one.name == measure.name).map(|one| one.count);
            let chart = chart(cluster.cluster.to_string(), measure, count);
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

fn chart(cluster: String, measure: &MeasureReport, count: Option<u32>) -> Chart {
    let state = match count {
        _ if measure.failed > 0 || measure.overdue => "failed",
        Some(count) if measure.passed >= count => "passed",
        _ => "measuring",
    };
    let mut text = match count {
        Some(count) => format!("{} of {count} passed", measure.passed),
        None => format!("{} passed", measure.passed),
    };
    for (number, word) in [(measure.failed, "failed"), (measure.unknown, "unknown")] {
        if number > 0 {
            let _ = write!(text, ", {number} {word}");
        }
    }
    let (line, marks) = drawn(&measure.samples);
    let newest = measure.samples.last().map(|sample| sample.measured.clone()).unwrap_or_default();
    let says: Vec<&str> = marks.iter().map(|mark| mark.says.as_str()).collect();
    Chart { cluster, words: says.join("; "), text, state, newest, line, marks }
}

/// Samples from left to right, the least value at the bottom; those without a value on the ground.
fn drawn(samples: &[Sample]) -> (String, Vec<Mark>) {
    let values: Vec<Option<f64>> = samples.iter().map(|sample| number(&sample.measured)).collect();
    let known = values.iter().copied().flatten();
    let (low, high) = known
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let apart = (WIDTH - 2.0 * ROOM) / (samples.len().max(2) - 1) as f64;
    let mut line = String::new();
    let mut marks = Vec::with_capacity(samples.len());
    for (index, (sample, value)) in samples.iter().zip(values).enumerate() {
        let x = ROOM + apart * index as f64;
        let part = match value {
            Some(value) if high > low => (value - low) / (high - low),
            Some(_) => 0.5,
            None => 0.0,
        };
        let y = HEIGHT - ROOM - part * (HEIGHT - 2.0 * ROOM);
        if value.is_some() {
            let _ = write!(line, "{}{x:.1} {y:.1}", if line.is_empty() { "M" } else { "L" });
        }
        let outcome = match sample.outcome {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        };
        let says = format!("{outcome}: {}", sample.measured);
        marks.push(Mark { x: format!("{x:.1}"), y: format!("{y:.1}"), outcome, says });
    }
    (line, marks)
}

/// The first finite number in what was measured.
fn number(measured: &str) -> Option<f64> {
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    let words = measured
        .split(|c: char| !numeric(c))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
    words.filter_map(|word| word.trim_end_matches('.').parse().ok()).find(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn sample(outcome: Outcome, measured: &str) -> Sample {
        Sample { at: Timestamp::UNIX_EPOCH, outcome, measured: measured.to_owned() }
    }

    #[test]
    fn a_sample_without_a_value_is_a_mark_and_no_part_of_the_line() {
        let samples = [
            sample(Outcome::Passed, "0.01"),
            sample(Outcome::Unknown, "no answer"),
            sample(Outcome::Failed, "0.5"),
        ];
        let (line, marks) = drawn(&samples);
        assert_eq!(line, "M5.0 31.0L155.0 5.0");
        assert_eq!(marks.len(), 3);
        assert_eq!((marks[1].outcome, marks[1].y.as_str()), ("unknown", "31.0"));
    }

    #[test]
    fn values_are_found_in_words() {
        assert_eq!(number("0.25"), Some(0.25));
        assert_eq!(number("status 503"), Some(503.0));
        assert_eq!(number("value -2.5e-1 of q"), Some(-0.25));
        assert_eq!(number("no answer"), None);
    }
}
