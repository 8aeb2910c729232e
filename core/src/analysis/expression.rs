//! Conditions in CEL, the expression language of Kubernetes. `> 0.01` is short for `value > 0.01`.

use super::Reading;
use cel::{Context, ExecutionError, Program, Value};
use std::collections::HashMap;

/// Longest condition, in bytes.
const LONGEST: usize = 1000;
/// Deepest nesting of brackets: the parser is recursive.
const DEEPEST: usize = 16;

/// Why a condition cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is empty.
    #[error("is empty; write a condition such as `> 0.01` or `value > 0.01`, or leave it out")]
    Empty,
    /// It is too long.
    #[error("has {0} characters; at most {LONGEST} are read")]
    TooLong(usize),
    /// It is nested too deep.
    #[error("is nested deeper than {DEEPEST} brackets or choices")]
    TooDeep,
    /// It is not CEL.
    #[error("is not a CEL expression: {0}")]
    Syntax(String),
    /// It names something that is not there.
    #[error("names {name:?}, which is not there; there are {}", there.join(", "))]
    Undeclared {
        /// What it names.
        name: String,
        /// What it could name.
        there: Vec<&'static str>,
    },
    /// It says neither yes nor no.
    #[error("gives {0}, not true or false")]
    NotBool(String),
    /// It could not be evaluated on a reading.
    #[error("cannot be judged: {0}")]
    Failed(String),
}

/// A condition that was read.
#[derive(Debug)]
pub struct Expression(Program);

impl Expression {
    /// Reads a condition.
    ///
    /// # Errors
    /// It is not CEL, or too large.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ExpressionError::Empty);
        }
        if text.len() > LONGEST {
            return Err(ExpressionError::TooLong(text.len()));
        }
        if nesting(text) > DEEPEST {
            return Err(ExpressionError::TooDeep);
        }
        let short = [">", "<", "==", "!="].iter().any(|operator| text.starts_with(operator));
        let whole = if short { format!("value {text}") } else { text.to_owned() };
        guarded(|| Program::compile(&whole))
            .ok_or_else(|| ExpressionError::Syntax("the parser gives up on it".to_owned()))?
            .map(Self)
            .map_err(|errors| ExpressionError::Syntax(complaint(&errors.to_string())))
    }

    /// Whether the condition names a variable.
    pub fn names(&self, variable: &str) -> bool {
        self.0.references().has_variable(variable)
    }

    /// Whether a reading meets the condition.
    ///
    /// # Errors
    /// It names what the reading does not have, or gives neither true nor false.
    pub fn holds(&self, reading: &Reading) -> Result<bool, ExpressionError> {
        let mut context = Context::default();
        for (name, value) in variables(reading) {
            context.add_variable_from_value(name, value);
        }
        let Some(result) = guarded(|| self.0.execute(&context)) else {
            return Err(ExpressionError::Failed("the interpreter gives up on it".to_owned()));
        };
        match result {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(ExpressionError::NotBool(format!("a {}", other.type_of()))),
            Err(ExecutionError::UndeclaredReference(name)) => Err(ExpressionError::Undeclared {
                name: name.to_string(),
                there: reading.variables().to_vec(),
            }),
            Err(error) => Err(ExpressionError::Failed(one_line(&error.to_string()))),
        }
    }
}

/// A condition is written by somebody and read by every hub and agent: whatever it makes the library do, they go on.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()
}

/// How deep brackets and choices (`?:`) are nested, those in texts included: it only has to be an upper bound.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' | '?' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// What the parser complains of first, without the place in a text that people did not write and without what it would accept.
fn complaint(errors: &str) -> String {
    let text = one_line(errors);
    let text = text.split_once("Syntax error: ").map_or(text.as_str(), |(_, after)| after);
    let end = [" expecting ", " | "].into_iter().filter_map(|mark| text.find(mark)).min();
    text[..end.unwrap_or(text.len())].to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn variables(reading: &Reading) -> Vec<(&'static str, Value)> {
    match reading {
        Reading::Query(series) => {
            let numbers: Vec<Value> = series.iter().map(|one| Value::Float(one.value)).collect();
            let result: Vec<Value> = series
                .iter()
                .map(|one| {
                    let labels: HashMap<String, Value> =
                        one.labels.iter().map(|(key, value)| (key.clone(), text(value))).collect();
                    let fields = [("labels", Value::Map(labels.into())), ("value", Value::Float(one.value))];
                    Value::Map(HashMap::from(fields.map(|(key, value)| (key.to_owned(), value))).into())
                })
                .collect();
            let mut all = vec![("values", list(numbers)), ("result", list(result))];
            if let [only] = series.as_slice() {
                all.push(("value", Value::Float(only.value)));
            }
            all
        }
        Reading::Answer { status, body } => {
            let mut all = vec![("status", Value::Int(i64::from(*status))), ("body", text(body))];
            if let Ok(json) = serde_json::from_str(body) {
                all.push(("json", value(&json)));
            }
            all
        }
        Reading::Job { .. } => Vec::new(),
    }
}

fn list(items: Vec<Value>) -> Value {
    Value::List(items.into())
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned().into())
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => number.as_f64().map_or(Value::Null, Value::Float),
        },
        serde_json::Value::String(value) => text(value),
        serde_json::Value::Array(items) => list(items.iter().map(value).collect()),
        serde_json::Value::Object(fields) => {
            let fields: HashMap<String, Value> =
                fields.iter().map(|(key, field)| (key.clone(), value(field))).collect();
            Value::Map(fields.into())
        }
    }
}
