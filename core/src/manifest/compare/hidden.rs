//! What nobody is shown of an object: the values of Secrets, and values whose names say that they are secret where a chart puts them into
//! an environment or a ConfigMap. That such a value differs can still be seen.

use serde_json::Value;
use std::collections::BTreeMap;

const HIDDEN: &str = "(hidden)";
const BEFORE: &str = "(hidden, before)";
const AFTER: &str = "(hidden, after)";
/// The annotation in which `kubectl apply` keeps a copy of the object, values of Secrets included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Parts of names whose values are not shown.
const SECRET: [&str; 7] = ["password", "passwd", "secret", "token", "credential", "apikey", "privatekey"];

/// Whether a name, or a path of names, says that its value is secret: `dbPassword`, `API_KEY`.
pub fn says_secret(name: &str) -> bool {
    let name = name.to_lowercase().replace(['_', '-', '.'], "");
    SECRET.iter().any(|part| name.contains(part))
}

/// An object as anybody may see it: the values of a Secret are hidden.
pub fn without_secrets(mut object: Value) -> Value {
    of_secret(&mut object, &mut |_, value| *value = Value::from(HIDDEN));
    object
}

/// A value that people wrote as anybody may see it: without what stands under a name that says that it is secret.
pub fn without_named_secrets(mut value: Value) -> Value {
    environment(&mut value, "", &mut |_, value| *value = Value::from(HIDDEN));
    named(&mut value);
    value
}

fn named(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(named),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if says_secret(name) { *field = Value::from(HIDDEN) } else { named(field) }
            }
        }
        _ => {}
    }
}

/// Both sides of an object with what is secret hidden.
pub(super) fn hide(mut old: Option<Value>, mut new: Option<Value>) -> (Option<Value>, Option<Value>) {
    let (before, after) = (kept(old.as_mut()), kept(new.as_mut()));
    put(old.as_mut(), &before, &after, BEFORE);
    put(new.as_mut(), &after, &before, AFTER);
    (old, new)
}

/// What is secret, by where it stands.
fn kept(object: Option<&mut Value>) -> BTreeMap<String, Value> {
    let mut kept = BTreeMap::new();
    if let Some(object) = object {
        each(object, &mut |place, value| drop(kept.insert(place, value.clone())));
    }
    kept
}

fn put(
    object: Option<&mut Value>,
    own: &BTreeMap<String, Value>,
    other: &BTreeMap<String, Value>,
    word: &str,
) {
    let Some(object) = object else { return };
    each(object, &mut |place, value| {
        let there = other.get(&place);
        let same = there.is_none() || there == own.get(&place);
        *value = Value::from(if same { HIDDEN } else { word });
    });
}

/// Takes what is secret, with where it stands.
type Take<'a> = dyn FnMut(String, &mut Value) + 'a;

fn each(object: &mut Value, take: &mut Take<'_>) {
    of_secret(object, take);
    if object["kind"] == "ConfigMap" {
        fields(object, "/data", says_secret, take);
    }
    environment(object, "", take);
}

fn of_secret(object: &mut Value, take: &mut Take<'_>) {
    if object["kind"] != "Secret" {
        return;
    }
    for map in ["/data", "/stringData"] {
        fields(object, map, |_| true, take);
    }
    fields(object, "/metadata/annotations", |name| name == LAST_APPLIED, take);
}

fn fields(object: &mut Value, map: &str, is_secret: impl Fn(&str) -> bool, take: &mut Take<'_>) {
    let Some(Value::Object(fields)) = object.pointer_mut(map) else { return };
    for (name, value) in fields.iter_mut().filter(|(name, _)| is_secret(name)) {
        take(format!("{map}/{name}"), value);
    }
}

/// Everything that is like an environment variable, `{name: …, value: …}`, wherever it stands. What has a name is told by it, since a
/// list may have grown before it.
fn environment(value: &mut Value, place: &str, take: &mut Take<'_>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let name = item.get("name").and_then(Value::as_str).map(str::to_owned);
                let place = format!("{place}/{}", name.as_deref().unwrap_or(&index.to_string()));
                let secret = name.is_some_and(|name| says_secret(&name));
                match item.get_mut("value").filter(|value| secret && !(value.is_object() || value.is_array()))
                {
                    Some(value) => take(place, value),
                    None => environment(item, &place, take),
                }
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                environment(field, &format!("{place}/{name}"), take);
            }
        }
        _ => {}
    }
}
