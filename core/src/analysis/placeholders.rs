//! Placeholders: a strategy is shared, but a query has to name the release that is judged.

use crate::intent::{Analysis, Measure};
use crate::{AppKey, ClusterName, ReleaseName};
use serde_json::Value;

const KNOWN: [&str; 4] = ["application", "namespace", "release", "cluster"];

/// What placeholders stand for.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// `{{application}}` and `{{namespace}}`.
    pub application: &'a AppKey,
    /// `{{release}}`.
    pub release: &'a ReleaseName,
    /// `{{cluster}}`.
    pub cluster: &'a ClusterName,
}

/// Why a text with placeholders cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceholderError {
    /// Nothing is known by that name.
    #[error("`{{{{{0}}}}}` stands for nothing; there are {known}", known = listed())]
    Unknown(String),
    /// It has no end.
    #[error("`{{{{` has no `}}}}` after it")]
    Open,
}

fn listed() -> String {
    KNOWN.map(|name| format!("{{{{{name}}}}}")).join(", ")
}

/// Checks the placeholders of a text.
///
/// # Errors
/// One of them stands for nothing.
pub fn check(text: &str) -> Result<(), PlaceholderError> {
    replace(text, |name| KNOWN.contains(&name).then(String::new)).map(drop)
}

/// An analysis with all placeholders filled in; those that stand for nothing, which loading refuses, stay.
pub fn fill(analysis: &Analysis, names: Names<'_>) -> Analysis {
    let filled = |text: &str| {
        replace(text, |name| {
            Some(match name {
                "application" => names.application.name.clone(),
                "namespace" => names.application.namespace.clone(),
                "release" => names.release.to_string(),
                "cluster" => names.cluster.to_string(),
                _ => return None,
            })
        })
        .unwrap_or_else(|_| text.to_owned())
    };
    let mut analysis = analysis.clone();
    match &mut analysis.measure {
        Measure::Prometheus(query) => {
            query.address = filled(&query.address);
            query.query = filled(&query.query);
        }
        Measure::Http(check) => check.url = filled(&check.url),
        Measure::Job(job) => job.spec.values_mut().for_each(|value| in_texts(value, &filled)),
    }
    analysis
}

fn in_texts(value: &mut Value, change: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| in_texts(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| in_texts(field, change)),
        _ => {}
    }
}

fn replace(text: &str, by: impl Fn(&str) -> Option<String>) -> Result<String, PlaceholderError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or(PlaceholderError::Open)?;
        let name = name.trim();
        out.push_str(before);
        out.push_str(&by(name).ok_or_else(|| PlaceholderError::Unknown(name.to_owned()))?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
