//! Objects without what only says which release they are of.

use crate::{AppKey, ReleaseName};
use serde_json::Value;

/// What stands for the hash and number of a release.
const RELEASE: &str = "<release>";

/// The object with the end of the release's name taken out of every text: names, labels, references.
pub(super) fn neutral(app: &AppKey, release: &ReleaseName, mut object: Value) -> Value {
    let own = release.as_str();
    let suffix = own.strip_prefix(app.name.as_str()).and_then(|rest| rest.strip_prefix('-')).unwrap_or(own);
    replace(&mut object, &format!("-{suffix}"));
    object
}

fn replace(value: &mut Value, suffix: &str) {
    match value {
        Value::String(text) if text.contains(suffix) => *text = without(text, suffix),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, suffix)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, suffix)),
        _ => {}
    }
}

/// Only whole suffixes: that of release 1 is the beginning of that of release 12.
fn without(text: &str, suffix: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(suffix) {
        let (before, found) = rest.split_at(at);
        let after = &found[suffix.len()..];
        shown.push_str(before);
        if after.starts_with(|c: char| c.is_ascii_digit()) {
            shown.push_str(suffix);
        } else {
            shown.push('-');
            shown.push_str(RELEASE);
        }
        rest = after;
    }
    shown + rest
}
