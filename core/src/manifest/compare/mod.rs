//! What differs between two sets of manifests, object by object, as a person compares them: the release's own name and suffix are
//! taken out, what is secret is hidden.
//!
//! - `neutral`: an object without what only says which release it is of; `hidden`: without what nobody is shown.

mod hidden;
mod neutral;

pub use hidden::{says_secret, without_named_secrets, without_secrets};

use super::{Manifests, ParseError};
use crate::yaml;
use crate::{AppKey, ReleaseName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// An object that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectChange {
    /// `Deployment hello`; with its namespace where it is not the application's.
    pub object: String,
    /// Whether it is there before and after.
    pub change: Changed,
    /// A unified diff of its YAML.
    pub diff: String,
}

/// How an object differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Changed {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Whose manifests.
    pub release: &'a ReleaseName,
    /// Their file.
    pub manifests: &'a [u8],
}

/// What differs, in the order of the objects' names; a side that is not there has no objects.
///
/// # Errors
/// When a file cannot be read.
pub fn differences(
    app: &AppKey,
    from: Option<Side<'_>>,
    to: Option<Side<'_>>,
) -> Result<Vec<ObjectChange>, ParseError> {
    let (mut before, mut after) = (objects(app, from)?, objects(app, to)?);
    let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let mut changes = Vec::new();
    for object in names {
        let (old, new) = (before.remove(&object), after.remove(&object));
        changes.extend(compare(object, old, new));
    }
    Ok(changes)
}

/// How what is there of an object differs from what is wanted.
pub fn compare_object(app: &AppKey, live: Option<Value>, wanted: &Value) -> Option<ObjectChange> {
    compare(name(app, wanted), live, Some(wanted.clone()))
}

fn compare(object: String, old: Option<Value>, new: Option<Value>) -> Option<ObjectChange> {
    let (old, new) = hidden::hide(old, new);
    let change = match (&old, &new) {
        (None, _) => Changed::Added,
        (_, None) => Changed::Removed,
        (Some(old), Some(new)) if old == new => return None,
        _ => Changed::Changed,
    };
    let diff = unified(&written(old.as_ref()), &written(new.as_ref()));
    Some(ObjectChange { object, change, diff })
}

fn objects(app: &AppKey, side: Option<Side<'_>>) -> Result<BTreeMap<String, Value>, ParseError> {
    let Some(Side { release, manifests }) = side else { return Ok(BTreeMap::new()) };
    let all = Manifests::parse(manifests)?.objects.into_iter().map(|object| {
        let object = neutral::neutral(app, release, object.value);
        (name(app, &object), object)
    });
    Ok(all.collect())
}

fn name(app: &AppKey, object: &Value) -> String {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (kind, name, namespace) = (text("/kind"), text("/metadata/name"), text("/metadata/namespace"));
    if namespace.is_empty() || namespace == app.namespace {
        format!("{kind} {name}")
    } else {
        format!("{kind} {namespace}/{name}")
    }
}

fn written(object: Option<&Value>) -> String {
    let bytes = object.and_then(|object| yaml::write_documents(std::slice::from_ref(object)).ok());
    let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
    text.strip_prefix("---\n").map_or(text.clone(), str::to_owned)
}

/// Hunks as `diff -u` has them, without a head.
fn unified(old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let mut text = String::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        let _ = writeln!(text, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let mark = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let _ = writeln!(text, "{mark}{}", change.value().trim_end_matches('\n'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(suffix: &str, image: &str) -> String {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: hello-{suffix}, labels: {{shipper.dev/release: hello-{suffix}}}}}\nspec: {{replicas: 2, template: {{spec: {{containers: [{{name: a, image: {image}}}]}}}}}}\n"
        )
    }

    fn secret(suffix: &str, value: &str) -> String {
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: keys-{suffix}}}\ndata: {{token: {value}, same: c2FtZQ==}}\n"
        )
    }

    fn compared(from: &(&str, String), to: &(&str, String)) -> Vec<ObjectChange> {
        let (old, new) = (ReleaseName::from(from.0), ReleaseName::from(to.0));
        let from = Side { release: &old, manifests: from.1.as_bytes() };
        let to = Side { release: &new, manifests: to.1.as_bytes() };
        differences(&AppKey::new("web", "hello"), Some(from), Some(to)).unwrap()
    }

    #[test]
    fn what_only_says_which_release_it_is_does_not_differ() {
        let one = ("hello-83e4eedd-1", deployment("83e4eedd-1", "a:1") + &secret("83e4eedd-1", "YQ=="));
        let other = ("hello-83e4eedd-12", deployment("83e4eedd-12", "a:1") + &secret("83e4eedd-12", "YQ=="));
        assert_eq!(compared(&one, &other), []);
    }

    #[test]
    fn an_image_is_a_line_and_a_secret_says_that_it_changed_and_not_to_what() {
        let one = ("hello-83e4eedd-1", deployment("83e4eedd-1", "a:1") + &secret("83e4eedd-1", "b25l"));
        let other = ("hello-00000000-2", deployment("00000000-2", "a:2") + &secret("00000000-2", "dHdv"));
        let changes = compared(&one, &other);
        assert_eq!(changes.len(), 2, "{changes:?}");
        assert_eq!(changes[0].object, "Deployment hello-<release>");
        let lines: Vec<&str> = changes[0].diff.lines().filter(|l| l.starts_with(['+', '-'])).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("a:1") && lines[1].contains("a:2"), "{lines:?}");
        let hidden = &changes[1].diff;
        assert!(hidden.contains("(hidden, before)") && hidden.contains("(hidden, after)"), "{hidden}");
        assert!(
            !hidden.contains("b25l") && !hidden.contains("dHdv") && !hidden.contains("c2FtZQ"),
            "{hidden}"
        );
    }

    #[test]
    fn new_objects_and_those_that_go_are_told_whole_without_their_secrets() {
        let release = ReleaseName::from("hello-1-0");
        let text = secret("1-0", "b25l");
        let side = Side { release: &release, manifests: text.as_bytes() };
        let app = AppKey::new("web", "hello");
        let added = differences(&app, None, Some(side)).unwrap();
        assert_eq!((added[0].change, added.len()), (Changed::Added, 1));
        assert!(added[0].diff.contains("+  token: (hidden)"), "{}", added[0].diff);
        let removed = differences(&app, Some(side), None).unwrap();
        assert_eq!(removed[0].change, Changed::Removed);
        assert!(!removed[0].diff.contains("b25l"));
    }

    #[test]
    fn what_a_name_says_is_secret_is_hidden_wherever_a_chart_puts_it() {
        let object = |password: &str, before: &str| {
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: hello}}\nspec: {{template: {{spec: {{containers: [{{name: a, env: [{before}{{name: DB_PASSWORD, value: {password}}}, {{name: TOKEN_FROM, valueFrom: {{secretKeyRef: {{name: keys, key: token}}}}}}]}}]}}}}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: words}}\ndata: {{api-key: {password}, greeting: hello}}\n"
            )
        };
        let one = ("hello-1-0", object("first", ""));
        let other = ("hello-1-1", object("second", "{name: MORE, value: more}, "));
        let changes = compared(&one, &other);
        let text: String = changes.iter().map(|change| change.diff.as_str()).collect();
        assert!(!text.contains("first") && !text.contains("second"), "{text}");
        assert_eq!(text.matches("(hidden, after)").count(), 2, "{text}");
        assert!(text.contains("value: more") && text.contains("secretKeyRef"), "{text}");
    }

    #[test]
    fn what_people_wrote_is_hidden_in_lists_too() {
        let written = serde_json::json!({
            "env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "PIN_TOKEN", "value": 1234}, {"name": "HOST", "value": "db"}],
            "users": [{"name": "ann", "password": {"is": "hunter2"}}], "api.key": "hunter2", "greeting": "hello",
        });
        let text = without_named_secrets(written).to_string();
        assert!(!text.contains("hunter2") && !text.contains("1234"), "{text}");
        assert!(["HOST", "\"db\"", "ann", "hello"].iter().all(|shown| text.contains(shown)), "{text}");
    }
}
