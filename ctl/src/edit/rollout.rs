//! `spec.rollout`: the promotion [M1].

use serde_json::{Map, Value, json};
use shipper_core::intent::StepRef;
use shipper_core::yaml::{Entry, Node};

use super::document::Document;
use super::{EditError, first_exact, scalar};

/// What is to stand under `spec.rollout`. Other fields there stay.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// `release`.
    pub release: &'a str,
    /// `targetStep`.
    pub step: &'a StepRef,
    /// `request`; `None` leaves it as it is.
    pub request: Option<&'a str>,
}

impl Order<'_> {
    /// Keys with their JSON and their YAML.
    fn fields(&self) -> Vec<(&'static str, Value, String)> {
        let step = match self.step {
            StepRef::Index(index) => json!(index),
            StepRef::Name(name) => json!(name),
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), scalar::write);
        [
            ("release", Some(json!(self.release))),
            ("targetStep", Some(step)),
            ("request", self.request.map(Value::from)),
        ]
        .into_iter()
        .filter_map(|(key, value)| value.map(|value| (key, text(&value), value)))
        .map(|(key, written, value)| (key, value, written))
        .collect()
    }

    fn in_braces(&self) -> String {
        let fields: Vec<String> =
            self.fields().iter().map(|(key, _, written)| format!("{key}: {written}")).collect();
        format!("{{{}}}", fields.join(", "))
    }

    fn as_lines(&self, indent: &str, newline: &str) -> String {
        let fields: String = self
            .fields()
            .iter()
            .map(|(key, _, written)| format!("{indent}  {key}: {written}{newline}"))
            .collect();
        format!("{indent}rollout:{newline}{fields}")
    }
}

/// The file with the order in `spec.rollout`, and everything else as it was. The same text where the order stands there
/// already.
///
/// # Errors
/// When the file is no Application, or is written in a way in which no edit keeps the rest.
pub fn set_rollout(text: &str, order: Order<'_>) -> Result<String, EditError> {
    let document = Document::read(text)?;
    let before = document.value();
    let mut wanted = before.clone();
    let slot = &mut wanted["spec"]["rollout"];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    for (key, value, _) in order.fields() {
        slot[key] = value;
    }
    if wanted == before {
        return Ok(text.to_owned());
    }
    let attempts = match document.entry("rollout") {
        Some(entry) => [in_place(&document, &entry.value, order), replaced(&document, entry, order)].into(),
        None => inserted(&document, order),
    };
    first_exact(attempts.into_iter().flatten(), &wanted)
        .ok_or_else(|| EditError::Style { by_hand: format!("spec:\n{}", order.as_lines("  ", "\n")) })
}

/// Each scalar for itself, so that comments and style of the block stay.
fn in_place(document: &Document<'_>, rollout: &Node, order: Order<'_>) -> Option<String> {
    let in_flow = document.is_flow(rollout) || document.spec().is_some_and(|spec| document.is_flow(spec));
    let mut edits = Vec::new();
    // Where a field that is not there yet goes: behind the last that is.
    let mut behind = None;
    let mut missing = String::new();
    let indent = document.indent(rollout);
    for (key, _, written) in order.fields() {
        match rollout.entries().iter().find(|entry| entry.key == key) {
            Some(entry) => {
                let start = document.offset(entry.value.at)?;
                let end = scalar::end(document.text(), start, in_flow)?;
                edits.push((start..end, written));
                behind = Some(end);
            }
            None if in_flow => missing.push_str(&format!(", {key}: {written}")),
            None => {
                missing.push_str(&format!("{}{key}: {written}{}", indent.as_deref()?, document.newline()));
            }
        }
    }
    if !missing.is_empty() {
        let end = behind?;
        if in_flow {
            edits.push((end..end, missing));
        } else {
            let rest = &document.text()[end..];
            let (at, missing) = match rest.find('\n') {
                Some(newline) => (end + newline + 1, missing),
                None => (document.text().len(), format!("{}{missing}", document.newline())),
            };
            edits.push((at..at, missing));
        }
    }
    Some(document.with(edits))
}

/// The whole block anew.
fn replaced(document: &Document<'_>, entry: &Entry, order: Order<'_>) -> Option<String> {
    let indent = document.indent(document.spec()?)?;
    let lines = document.lines_of(entry, false)?;
    Some(document.with(vec![(lines, order.as_lines(&indent, document.newline()))]))
}

/// At the end of `spec`, where people look for it; else at its beginning, which is always possible.
fn inserted(document: &Document<'_>, order: Order<'_>) -> Vec<Option<String>> {
    let Some(spec) = document.spec() else { return Vec::new() };
    let first = spec.entries().iter().map(|entry| entry.key_at).min().and_then(|at| document.offset(at));
    if document.is_flow(spec) {
        let field = format!("rollout: {}, ", order.in_braces());
        return vec![first.map(|at| document.with(vec![(at..at, field)]))];
    }
    let Some(indent) = document.indent(spec) else { return Vec::new() };
    let lines = order.as_lines(&indent, document.newline());
    let at_end = |generous| document.end_of_spec(generous).map(|at| document.with_lines(at, &lines));
    let at_start = first.map(|at| document.with_lines(at - indent.len(), &lines));
    vec![at_end(false), at_end(true), at_start]
}
