//! The environment of a release as it stood in an earlier version of the file: what takes a release back [M8].
//!
//! The environment is what is rendered: chart or manifests, values, overrides, and `spec.restart`. Where it runs and how it
//! is rolled out stand in `spec.template` too, but are decisions of their own, made after or beside it: they stay.

use std::ops::Range;

use serde_json::{Map, Value};
use shipper_core::yaml::Node;

use super::document::{Document, entry_of};
use super::{EditError, first_exact};

/// The fields of `spec.template` that make the environment of a release.
const ENVIRONMENT: [&str; 4] = ["chart", "manifests", "values", "overrides"];

/// A mapping of the file.
#[derive(Clone, Copy)]
enum Within {
    Spec,
    Template,
}

impl Within {
    fn of<'d>(self, document: &'d Document<'_>) -> Option<&'d Node> {
        match self {
            Self::Spec => document.spec(),
            Self::Template => document.template(),
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Spec => "/spec",
            Self::Template => "/spec/template",
        }
    }
}

/// The file `now` with the environment of `then`, and everything else as it is. The same text where nothing differs.
///
/// # Errors
/// When one of them is no Application, or `now` is written in a way in which no edit keeps the rest.
pub fn restore_environment(now: &str, then: &str) -> Result<String, EditError> {
    let earlier = Document::read(then)?;
    let text = restore_template(now, &earlier)?;
    restore(&text, &earlier, Within::Spec, "restart", earlier.value()["spec"].get("restart"))
}

/// The file with another string at `spec.restart`, and everything else as it is.
///
/// # Errors
/// As [`restore_environment`].
pub fn set_restart(text: &str, restart: &str) -> Result<String, EditError> {
    let document = Document::read(text)?;
    restore(text, &document, Within::Spec, "restart", Some(&Value::from(restart)))
}

/// The whole template in its earlier lines where nothing but the environment differs, because that brings its comments back;
/// else field by field; else, where styles do not fit, on one line.
fn restore_template(now: &str, earlier: &Document<'_>) -> Result<String, EditError> {
    let present = Document::read(now)?.value()["spec"]["template"].clone();
    let old = &earlier.value()["spec"]["template"];
    let mut wanted = present.clone();
    if !wanted.is_object() {
        wanted = Value::Object(Map::new());
    }
    for field in ENVIRONMENT {
        set(&mut wanted, field, old.get(field).cloned());
    }
    if wanted == present {
        return Ok(now.to_owned());
    }
    if wanted == *old {
        return restore(now, earlier, Within::Spec, "template", Some(&wanted));
    }
    // What goes in before what goes out, so that the template is never empty on the way.
    let (kept, gone): (Vec<&str>, Vec<&str>) =
        ENVIRONMENT.into_iter().partition(|field| old.get(field).is_some());
    let by_field = kept.into_iter().chain(gone).try_fold(now.to_owned(), |text, field| {
        restore(&text, earlier, Within::Template, field, old.get(field))
    });
    by_field.or_else(|_| restore(now, earlier, Within::Spec, "template", Some(&wanted)))
}

fn set(mapping: &mut Value, field: &str, value: Option<Value>) {
    if let Some(mapping) = mapping.as_object_mut() {
        match value {
            Some(value) => mapping.insert(field.to_owned(), value),
            None => mapping.remove(field),
        };
    }
}

/// The file with `value` at a field of one of its mappings, in the lines of the earlier file where they say just that.
fn restore(
    now: &str,
    earlier: &Document<'_>,
    within: Within,
    field: &str,
    value: Option<&Value>,
) -> Result<String, EditError> {
    let document = Document::read(now)?;
    let before = document.value();
    let mut wanted = before.clone();
    if let Some(parent) = wanted.pointer_mut(within.path()) {
        set(parent, field, value.cloned());
    }
    if wanted == before {
        return Ok(now.to_owned());
    }
    let attempts = match value {
        None => removed(&document, within, field),
        Some(value) => put(&document, earlier, within, field, value),
    };
    first_exact(attempts, &wanted).ok_or_else(|| EditError::Style {
        by_hand: match value {
            Some(value) => format!("at {}:\n{field}: {value}", within.path()),
            None => format!("remove {}/{field}", within.path()),
        },
    })
}

fn removed(document: &Document<'_>, within: Within, field: &str) -> Vec<String> {
    let places = places(document, within, field).into_iter();
    places.map(|lines| document.with(vec![(lines, String::new())])).collect()
}

/// The earlier lines in place of the present ones; else, where styles do not fit, the value on one line.
fn put(
    document: &Document<'_>,
    earlier: &Document<'_>,
    within: Within,
    field: &str,
    value: &Value,
) -> Vec<String> {
    let Some(mapping) = within.of(document) else { return Vec::new() };
    let Some(indent) = document.indent(mapping) else { return Vec::new() };
    let newline = document.newline();
    let mut written: Vec<String> = places(earlier, within, field)
        .into_iter()
        .filter_map(|lines| moved(earlier, within, lines, &indent, newline))
        .collect();
    written.push(format!("{indent}{field}: {value}{newline}"));
    let mut attempts = Vec::new();
    for lines in written {
        match entry_of(mapping, field) {
            Some(_) => {
                let places = places(document, within, field);
                attempts.extend(places.into_iter().map(|place| document.with(vec![(place, lines.clone())])));
            }
            None => {
                let ends =
                    [false, true].into_iter().filter_map(|generous| document.end_within(mapping, generous));
                attempts.extend(ends.map(|at| document.with_lines(at, &lines)));
            }
        }
    }
    attempts
}

fn places(document: &Document<'_>, within: Within, field: &str) -> Vec<Range<usize>> {
    let Some(entry) = within.of(document).and_then(|mapping| entry_of(mapping, field)) else {
        return Vec::new();
    };
    [false, true].into_iter().filter_map(|generous| document.lines_of(entry, generous)).collect()
}

/// Lines of another file, indented and ended as this one does.
fn moved(
    from: &Document<'_>,
    within: Within,
    lines: Range<usize>,
    indent: &str,
    newline: &str,
) -> Option<String> {
    let old = within.of(from).and_then(|mapping| from.indent(mapping))?;
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
