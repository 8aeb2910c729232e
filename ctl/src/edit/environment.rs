//! `spec.template` and `spec.restart` as they stood in an earlier version of the file: what takes a release back [M8].

use std::ops::Range;

use serde_json::Value;

use super::document::Document;
use super::{EditError, first_exact};

/// The fields of `spec` that make the environment of a release, with the strategy and the placement beside it.
const FIELDS: [&str; 2] = ["template", "restart"];

/// The file `now` with the environment of `then`, and everything else as it is. The same text where nothing differs.
///
/// # Errors
/// When one of them is no Application, or `now` is written in a way in which no edit keeps the rest.
pub fn restore_environment(now: &str, then: &str) -> Result<String, EditError> {
    let earlier = Document::read(then)?;
    FIELDS.iter().try_fold(now.to_owned(), |text, field| restore(&text, &earlier, field))
}

fn restore(now: &str, earlier: &Document<'_>, field: &str) -> Result<String, EditError> {
    let document = Document::read(now)?;
    let before = document.value();
    let mut wanted = before.clone();
    let old = earlier.value()["spec"].get(field).cloned();
    if let Some(spec) = wanted["spec"].as_object_mut() {
        match &old {
            Some(value) => spec.insert(field.to_owned(), value.clone()),
            None => spec.remove(field),
        };
    }
    if wanted == before {
        return Ok(now.to_owned());
    }
    let attempts = match old {
        None => removed(&document, field),
        Some(old) => put(&document, earlier, field, &old),
    };
    first_exact(attempts, &wanted).ok_or_else(|| EditError::Style {
        by_hand: match wanted["spec"].get(field) {
            Some(value) => format!("spec:\n  {field}: {value}"),
            None => format!("remove spec.{field}"),
        },
    })
}

fn removed(document: &Document<'_>, field: &str) -> Vec<String> {
    places(document, field).into_iter().map(|lines| document.with(vec![(lines, String::new())])).collect()
}

/// The earlier lines in place of the present ones; else, where styles do not fit, the value on one line.
fn put(document: &Document<'_>, earlier: &Document<'_>, field: &str, old: &Value) -> Vec<String> {
    let Some(indent) = document.spec().and_then(|spec| document.indent(spec)) else { return Vec::new() };
    let newline = document.newline();
    let mut written: Vec<String> = places(earlier, field)
        .into_iter()
        .filter_map(|lines| moved(earlier, lines, &indent, newline))
        .collect();
    written.push(format!("{indent}{field}: {old}{newline}"));
    let mut attempts = Vec::new();
    for lines in written {
        match document.entry(field) {
            Some(_) => {
                let places = places(document, field);
                attempts.extend(places.into_iter().map(|place| document.with(vec![(place, lines.clone())])));
            }
            None => {
                let ends = [false, true].into_iter().filter_map(|generous| document.end_of_spec(generous));
                attempts.extend(ends.map(|at| document.with_lines(at, &lines)));
            }
        }
    }
    attempts
}

fn places(document: &Document<'_>, field: &str) -> Vec<Range<usize>> {
    let Some(entry) = document.entry(field) else { return Vec::new() };
    [false, true].into_iter().filter_map(|generous| document.lines_of(entry, generous)).collect()
}

/// Lines of another file, indented and ended as this one does.
fn moved(from: &Document<'_>, lines: Range<usize>, indent: &str, newline: &str) -> Option<String> {
    let old = from.spec().and_then(|spec| from.indent(spec))?;
    let mut text = String::new();
    for line in from.text()[lines].lines() {
        if line.trim().is_empty() {
            text.push_str(newline);
            continue;
        }
        // A comment may stand further left than what it comments on.
        let content = line.strip_prefix(old.as_str()).or_else(|| {
            let content = line.trim_start();
            content.starts_with('#').then_some(content)
        })?;
        text.push_str(indent);
        text.push_str(content);
        text.push_str(newline);
    }
    Some(text)
}
