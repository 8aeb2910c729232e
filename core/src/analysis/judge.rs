//! What one reading is worth.

use super::{Expression, ExpressionError};
use crate::intent::{Analysis, Measure};
use crate::report::Outcome;
use std::collections::BTreeMap;

/// Characters of an answer that are told.
const SHOWN: usize = 200;
/// Numbers of a result that are told.
const NUMBERS_SHOWN: usize = 5;

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// By a Prometheus.
    Query(Vec<Series>),
    /// By an HTTP server.
    Answer {
        /// Status code.
        status: u16,
        /// Body.
        body: String,
    },
    /// By a Job that has ended.
    Job {
        /// Whether it succeeded.
        succeeded: bool,
        /// What Kubernetes says of it.
        message: String,
    },
}

/// One element of a query's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Reading {
    /// The names that conditions may use.
    pub(super) fn variables(&self) -> &'static [&'static str] {
        match self {
            Self::Query(_) => &["value", "values", "result"],
            Self::Answer { .. } => &["status", "body", "json"],
            Self::Job { .. } => &[],
        }
    }

    /// A reading on which conditions are tried before anything is measured, by the field that says what is measured.
    pub(crate) fn example(kind: &str) -> Self {
        match kind {
            "http" => Self::Answer { status: 200, body: "{}".to_owned() },
            _ => Self::Query(vec![Series { labels: BTreeMap::new(), value: 0.5 }]),
        }
    }

    fn measured(&self) -> String {
        match self {
            Self::Query(series) if series.is_empty() => "no data".to_owned(),
            Self::Query(series) => {
                let shown: Vec<String> =
                    series.iter().take(NUMBERS_SHOWN).map(|one| one.value.to_string()).collect();
                let more = if series.len() > NUMBERS_SHOWN { ", …" } else { "" };
                format!("{}{more}", shown.join(", "))
            }
            Self::Answer { status, body } => {
                let short: String =
                    body.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect();
                if short.is_empty() {
                    format!("status {status}")
                } else {
                    format!("status {status}: {short}")
                }
            }
            Self::Job { message, .. } => message.clone(),
        }
    }
}

/// What an analysis wants, in words.
pub fn wanted(analysis: &Analysis) -> String {
    let mut parts = Vec::new();
    match &analysis.measure {
        Measure::Http(check) if check.status.is_empty() => {
            parts.push("wanted is a status from 200 to 299".to_owned());
        }
        Measure::Http(check) => {
            let codes: Vec<String> = check.status.iter().map(u16::to_string).collect();
            parts.push(format!("wanted is status {}", codes.join(" or ")));
        }
        Measure::Job(_) => parts.push("the Job has to succeed".to_owned()),
        Measure::Prometheus(_) => {}
    }
    parts.extend(analysis.fail_if.as_ref().map(|condition| format!("fails if {condition}")));
    parts.extend(analysis.pass_if.as_ref().map(|condition| format!("passes if {condition}")));
    parts.join(", ")
}

/// Judges a reading: what it is worth, and what was measured in words. Whatever cannot be judged is unknown [A4].
pub fn judge(analysis: &Analysis, reading: &Reading) -> (Outcome, String) {
    let measured = reading.measured();
    match (&analysis.measure, reading) {
        (Measure::Job(_), Reading::Job { succeeded, .. }) => {
            (if *succeeded { Outcome::Passed } else { Outcome::Failed }, measured)
        }
        (Measure::Http(check), Reading::Answer { status, .. }) if !check.expects(*status) => {
            (Outcome::Failed, measured)
        }
        (Measure::Http(_), Reading::Answer { .. })
            if analysis.fail_if.is_none() && analysis.pass_if.is_none() =>
        {
            (Outcome::Passed, measured)
        }
        (Measure::Http(_), Reading::Answer { .. }) => by_conditions(analysis, reading, measured),
        (Measure::Prometheus(_), Reading::Query(series)) => {
            if series.iter().any(|one| one.value.is_nan()) {
                // Comparisons with NaN are false, so that a `failIf` would let it pass.
                return (Outcome::Unknown, "the query gave NaN: perhaps no request was made yet".to_owned());
            }
            by_conditions(analysis, reading, measured)
        }
        _ => (Outcome::Unknown, "the answer is of another kind than the question".to_owned()),
    }
}

fn by_conditions(analysis: &Analysis, reading: &Reading, measured: String) -> (Outcome, String) {
    let condition = |text: &Option<String>| -> Result<Option<bool>, ExpressionError> {
        let Some(text) = text else { return Ok(None) };
        let expression = Expression::parse(text)?;
        if let Reading::Query(series) = reading
            && series.len() != 1
            && expression.names("value")
            && !expression.names("values")
            && !expression.names("result")
        {
            let number =
                if series.is_empty() { "no data".to_owned() } else { format!("{} series", series.len()) };
            return Err(ExpressionError::Failed(format!("the query gave {number}, not one number")));
        }
        expression.holds(reading).map(Some)
    };
    let judged = condition(&analysis.fail_if).and_then(|fail| Ok((fail, condition(&analysis.pass_if)?)));
    match judged {
        Ok((Some(true), _) | (None, Some(false))) => (Outcome::Failed, measured),
        Ok((Some(false), None) | (_, Some(true))) => (Outcome::Passed, measured),
        Ok((Some(false), Some(false))) => {
            (Outcome::Unknown, format!("{measured}: neither failIf nor passIf holds"))
        }
        Ok((None, None)) => (Outcome::Unknown, format!("{measured}: there is no condition")),
        Err(error) => (Outcome::Unknown, format!("{measured}: the condition {error}")),
    }
}
