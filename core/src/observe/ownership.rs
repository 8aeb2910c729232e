//! Whether an object is still as it was applied, read off its `managedFields`.
//!
//! When another manager changes the value of a field that we applied, the API server takes that field from our entry in
//! `managedFields` (Kubernetes documentation, "Server-Side Apply", field management). So an object has drifted exactly
//! when our entry no longer covers everything in the manifest. This needs no comparison of values, which the server's
//! defaulting and normalising of quantities would make wrong.

use serde_json::{Map, Value};

/// Whether `fields` (the `fieldsV1` of our entry, as JSON) covers every field of `manifest`, but for `except` in its `spec`, which is
/// decided elsewhere.
pub fn covers(manifest: &Value, except: &[&str], fields: &str) -> bool {
    let Ok(fields) = serde_json::from_str::<Value>(fields) else { return false };
    let (Some(manifest), Some(fields)) = (manifest.as_object(), fields.as_object()) else { return false };
    manifest.iter().all(|(key, value)| match key.as_str() {
        "apiVersion" | "kind" => true,
        "metadata" => metadata_covered(value, fields),
        "spec" if !except.is_empty() => spec_covered(value, except, fields),
        _ => field_covered(key, value, fields),
    })
}

fn spec_covered(spec: &Value, except: &[&str], fields: &Map<String, Value>) -> bool {
    let none = Map::new();
    let owned = fields.get("f:spec").and_then(Value::as_object).unwrap_or(&none);
    let rest = spec.as_object().into_iter().flatten().filter(|(key, _)| !except.contains(&key.as_str()));
    rest.into_iter().all(|(key, value)| field_covered(key, value, owned))
}

/// Only labels and annotations are owned within metadata.
fn metadata_covered(metadata: &Value, fields: &Map<String, Value>) -> bool {
    let empty = Map::new();
    let owned = fields.get("f:metadata").and_then(Value::as_object).unwrap_or(&empty);
    ["labels", "annotations"]
        .iter()
        .filter_map(|name| Some((*name, metadata.get(*name)?)))
        .filter(|(_, value)| value.as_object().is_none_or(|map| !map.is_empty()))
        .all(|(name, value)| field_covered(name, value, owned))
}

fn field_covered(key: &str, value: &Value, fields: &Map<String, Value>) -> bool {
    if value.is_null() {
        return true;
    }
    fields.get(&format!("f:{key}")).is_some_and(|owned| value_covered(value, owned))
}

fn value_covered(value: &Value, owned: &Value) -> bool {
    let Some(owned) = owned.as_object() else { return false };
    let children = || owned.keys().any(|key| key != ".");
    match value {
        Value::Object(map) if children() => map.iter().all(|(key, value)| field_covered(key, value, owned)),
        Value::Array(items) if children() => items.iter().all(|item| item_covered(item, owned)),
        // A leaf, or a map or list that is owned as a whole.
        _ => true,
    }
}

/// An element of an associative list (`k:{…}`) or of a set (`v:…`).
fn item_covered(item: &Value, owned: &Map<String, Value>) -> bool {
    owned.iter().any(|(key, fields)| {
        if let Some(keys) = key.strip_prefix("k:") {
            let Ok(Value::Object(keys)) = serde_json::from_str(keys) else { return false };
            // A key that the manifest leaves out was defaulted (for example a port's protocol).
            keys.iter().all(|(name, value)| item.get(name).is_none_or(|given| given == value))
                && value_covered(item, fields)
        } else if let Some(member) = key.strip_prefix("v:") {
            serde_json::from_str::<Value>(member).is_ok_and(|member| member == *item)
        } else {
            false
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manifest() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"ports": [{"port": 80}, {"port": 443, "protocol": "TCP"}], "selector": {"app": "web"}, "finalizers": ["a"]},
        })
    }

    fn fields() -> Value {
        json!({
            "f:metadata": {"f:labels": {"f:app": {}}},
            "f:spec": {
                "f:ports": {
                    "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}},
                    "k:{\"port\":443,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:protocol": {}},
                },
                "f:selector": {},
                "f:finalizers": {"v:\"a\"": {}},
            },
        })
    }

    #[test]
    fn an_object_as_applied_is_covered() {
        assert!(covers(&manifest(), &[], &fields().to_string()));
    }

    #[test]
    fn what_is_decided_elsewhere_may_be_lost() {
        let mut fields = fields();
        fields["f:spec"].as_object_mut().unwrap().remove("f:selector");
        assert!(!covers(&manifest(), &[], &fields.to_string()));
        assert!(covers(&manifest(), &["selector"], &fields.to_string()));
        fields["f:spec"].as_object_mut().unwrap().remove("f:finalizers");
        assert!(!covers(&manifest(), &["selector"], &fields.to_string()));
    }

    #[test]
    fn every_lost_field_is_drift() {
        for (pointer, lost) in [
            ("/f:metadata/f:labels", "f:app"),
            ("/f:spec", "f:selector"),
            ("/f:spec/f:ports", "k:{\"port\":80,\"protocol\":\"TCP\"}"),
            ("/f:spec/f:ports/k:{\"port\":443,\"protocol\":\"TCP\"}", "f:protocol"),
            ("/f:spec/f:finalizers", "v:\"a\""),
        ] {
            let mut fields = fields();
            let parent = fields.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
            assert!(parent.remove(lost).is_some());
            parent.insert("f:other".into(), json!({}));
            assert!(!covers(&manifest(), &[], &fields.to_string()), "losing {lost} went unseen");
        }
        assert!(!covers(&manifest(), &[], ""));
    }
}
