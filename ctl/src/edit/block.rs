//! A block of scalars under `spec`, such as `spec.rollout` or a cluster's `spec.scheduler`: some of its fields are set, others stay.

use serde_json::{Map, Value};
use shipper_core::yaml::{Entry, Node};

use super::document::Document;
use super::{EditError, first_exact, scalar};

/// What is to stand in a block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Its key under `spec`.
    name: &'static str,
    /// Keys with their values and how those are written.
    fields: Vec<(&'static str, Value, String)>,
}

impl Block {
    /// Fields that are to have these values.
    pub(super) fn new(name: &'static str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), scalar::write);
        let fields = fields.into_iter().map(|(key, value)| (key, written(&value), value));
        Self { name, fields: fields.map(|(key, written, value)| (key, value, written)).collect() }
    }

    fn in_braces(&self) -> String {
        let fields: Vec<String> =
            self.fields.iter().map(|(key, _, written)| format!("{key}: {written}")).collect();
        format!("{{{}}}", fields.join(", "))
    }

    fn as_lines(&self, indent: &str, newline: &str) -> String {
        let fields: String = self
            .fields
            .iter()
            .map(|(key, _, written)| format!("{indent}  {key}: {written}{newline}"))
            .collect();
        format!("{indent}{}:{newline}{fields}", self.name)
    }
}

/// The file with the fields in the block, and everything else as it was. The same text where they stand there already.
///
/// # Errors
/// When the file has no `spec`, or is written in a way in which no edit keeps the rest.
pub(super) fn set(text: &str, block: &Block) -> Result<String, EditError> {
    let document = Document::read(text)?;
    let before = document.value();
    let mut wanted = before.clone();
    let slot = &mut wanted["spec"][block.name];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    for (key, value, _) in &block.fields {
        slot[*key] = value.clone();
    }
    if wanted == before {
        return Ok(text.to_owned());
    }
    let attempts = match document.entry(block.name) {
        Some(entry) => [in_place(&document, &entry.value, block), replaced(&document, entry, block)].into(),
        None => inserted(&document, block),
    };
    first_exact(attempts.into_iter().flatten(), &wanted)
        .ok_or_else(|| EditError::Style { by_hand: format!("spec:\n{}", block.as_lines("  ", "\n")) })
}

/// Each scalar for itself, so that comments and style of the block stay.
fn in_place(document: &Document<'_>, mapping: &Node, block: &Block) -> Option<String> {
    let in_flow = document.is_flow(mapping) || document.spec().is_some_and(|spec| document.is_flow(spec));
    let mut edits = Vec::new();
    // Where a field that is not there yet goes: behind the last that is.
    let mut behind = None;
    let mut missing = String::new();
    let indent = document.indent(mapping);
    for (key, _, written) in &block.fields {
        match mapping.entries().iter().find(|entry| entry.key == *key) {
            Some(entry) => {
                let start = document.offset(entry.value.at)?;
                let end = scalar::end(document.text(), start, in_flow)?;
                edits.push((start..end, written.clone()));
                behind = Some(end);
            }
            None if in_flow => missing.push_str(&format!(", {key}: {written}")),
            None => {
                missing.push_str(&format!("{}{key}: {written}{}", indent.as_deref()?, document.newline()));
            }
        }
    }
    if !missing.is_empty() {
        let end = behind.or_else(|| end_of_last(document, mapping, in_flow))?;
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

/// Where the last field of a mapping ends, if that is a scalar.
fn end_of_last(document: &Document<'_>, mapping: &Node, in_flow: bool) -> Option<usize> {
    let last = mapping.entries().iter().max_by_key(|entry| entry.key_at)?;
    scalar::end(document.text(), document.offset(last.value.at)?, in_flow)
}

/// The whole block anew.
fn replaced(document: &Document<'_>, entry: &Entry, block: &Block) -> Option<String> {
    let indent = document.indent(document.spec()?)?;
    let lines = document.lines_of(entry, false)?;
    Some(document.with(vec![(lines, block.as_lines(&indent, document.newline()))]))
}

/// At the end of `spec`, where people look for it; else at its beginning, which is always possible.
fn inserted(document: &Document<'_>, block: &Block) -> Vec<Option<String>> {
    let Some(spec) = document.spec() else { return Vec::new() };
    let first = spec.entries().iter().map(|entry| entry.key_at).min().and_then(|at| document.offset(at));
    if document.is_flow(spec) {
        let field = format!("{}: {}, ", block.name, block.in_braces());
        return vec![first.map(|at| document.with(vec![(at..at, field)]))];
    }
    let Some(indent) = document.indent(spec) else { return Vec::new() };
    let lines = block.as_lines(&indent, document.newline());
    let at_end = |generous| document.end_of_spec(generous).map(|at| document.with_lines(at, &lines));
    let at_start = first.map(|at| document.with_lines(at - indent.len(), &lines));
    vec![at_end(false), at_end(true), at_start]
}
