//! What was measured for gates that are over, a line for each analysis in each cluster.

use comfy_table::{Cell, Color};
use jiff::Timestamp;
use shipper_core::api::{GateEnd, Measurement};
use shipper_core::report::{MeasureReport, Outcome};

use super::application::ago;
use super::moment;
use super::table::Told;
use crate::terminal::plain;

/// In the order given; `wide` with exact times and every sample that is kept.
pub fn measurements(all: &[Measurement], now: Timestamp, wide: bool, width: Option<u16>) -> String {
    if all.is_empty() {
        return "Nothing is kept that was measured for gates.\n".to_owned();
    }
    let mut table = Told::new(&["WHEN", "RELEASE", "STEP", "GATE", "CLUSTER", "MEASURE", "OUTCOME", "VALUE"]);
    for one in all {
        let when = if wide { moment(one.at) } else { ago(one.at, now) };
        let head = vec![
            Cell::new(when),
            Cell::new(plain(one.release.as_str())),
            Cell::new(plain(&one.step_name)),
            gate(one.gate),
            Cell::new(plain(one.cluster.as_str())),
        ];
        // What is the same as in the line above is said once.
        let blank = vec![Cell::new(""); head.len()];
        let mut row = |at: usize, measure: &str, outcome: Outcome, message: String| {
            let mut cells = if at == 0 { head.clone() } else { blank.clone() };
            cells.extend([Cell::new(plain(measure)), worth(outcome)]);
            table.add(vec![cells], message);
        };
        if one.measures.is_empty() {
            row(0, "-", one.outcome, String::new());
        }
        for (at, measure) in one.measures.iter().enumerate() {
            let wanted = one.wanted.iter().find(|wanted| wanted.name == measure.name);
            let count = wanted.map(|wanted| wanted.count);
            let condition = wanted.map(|wanted| wanted.condition.as_str()).unwrap_or_default();
            let outcome = match count {
                // Of what an older hub kept, only the whole is known.
                None if one.outcome == Outcome::Passed => one.outcome,
                count => measure.outcome(count),
            };
            let parts = [values(measure, wide), condition.to_owned(), measure.tally(count)];
            let said: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
            row(at, &measure.name, outcome, plain(&said.join("; ")).into_owned());
        }
    }
    table.print(width) + "\n"
}

/// The newest sample, or all that are kept, the oldest first.
fn values(measure: &MeasureReport, all: bool) -> String {
    let first = if all { 0 } else { measure.samples.len().saturating_sub(1) };
    let samples = measure.samples.iter().skip(first).map(|sample| sample.measured.as_str());
    samples.collect::<Vec<_>>().join(", ")
}

fn gate(end: GateEnd) -> Cell {
    let cell = Cell::new(end.word());
    if end == GateEnd::Failed { cell.fg(Color::Red) } else { cell }
}

fn worth(outcome: Outcome) -> Cell {
    let cell = Cell::new(outcome.word());
    match outcome {
        Outcome::Passed => cell,
        Outcome::Failed => cell.fg(Color::Red),
        Outcome::Unknown => cell.fg(Color::Yellow),
    }
}
