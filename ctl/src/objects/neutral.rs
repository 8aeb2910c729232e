//! Objects without what only says which release they are of, and without the values of Secrets.

use serde_json::Value;
use shipper_core::{AppKey, ReleaseName};

/// What stands for the hash and number of a release.
const RELEASE: &str = "<release>";
const HIDDEN: &str = "(hidden)";
const BEFORE: &str = "(hidden, before)";
const AFTER: &str = "(hidden, after)";
/// The annotation in which `kubectl apply` keeps a copy of the object, values of Secrets included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

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

/// Both sides of an object with the values of Secrets hidden; that one differs can still be seen.
pub(super) fn hide(mut old: Option<Value>, mut new: Option<Value>) -> (Option<Value>, Option<Value>) {
    let secret = |object: &Option<Value>| object.as_ref().is_some_and(|object| object["kind"] == "Secret");
    if !secret(&old) && !secret(&new) {
        return (old, new);
    }
    for map in ["/data", "/stringData", "/metadata/annotations"] {
        let values = |object: &Option<Value>| object.as_ref().and_then(|object| object.pointer(map)).cloned();
        let (before, after) = (values(&old), values(&new));
        let hide = |object: &mut Option<Value>, own: &Option<Value>, other: &Option<Value>, word: &str| {
            let slot = object.as_mut().and_then(|object| object.pointer_mut(map));
            let Some(Value::Object(fields)) = slot else { return };
            for (key, value) in
                fields.iter_mut().filter(|(key, _)| map != "/metadata/annotations" || *key == LAST_APPLIED)
            {
                let there = other.as_ref().and_then(|other| other.get(key));
                let same = there.is_none() || there == own.as_ref().and_then(|own| own.get(key));
                *value = Value::from(if same { HIDDEN } else { word });
            }
        };
        hide(&mut old, &before, &after, BEFORE);
        hide(&mut new, &after, &before, AFTER);
    }
    (old, new)
}
