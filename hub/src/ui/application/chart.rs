//! What a cluster measured, as a small chart.

use shipper_core::report::{MeasureReport, Outcome, Sample};
use std::fmt::Write as _;

/// Width and height of a chart, and the room around its marks.
const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 36.0;
const ROOM: f64 = 5.0;

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

/// The chart of an analysis in a cluster; `count`: samples that have to pass, where that is known.
pub(super) fn chart(cluster: String, measure: &MeasureReport, count: Option<u32>) -> Chart {
    let state = match measure.outcome(count) {
        Outcome::Failed => "failed",
        Outcome::Passed => "passed",
        Outcome::Unknown => "measuring",
    };
    let (line, marks) = drawn(&measure.samples);
    let newest = measure.samples.last().map(|sample| sample.measured.clone()).unwrap_or_default();
    let says: Vec<&str> = marks.iter().map(|mark| mark.says.as_str()).collect();
    Chart { cluster, words: says.join("; "), text: measure.tally(count), state, newest, line, marks }
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
        let outcome = sample.outcome.word();
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
