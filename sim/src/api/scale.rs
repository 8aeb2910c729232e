//! The scale subresource.

use serde_json::{Map, Value, json};

use crate::object;

/// The `Scale` of an object.
pub(crate) fn read(of: &Value) -> Value {
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        metadata.insert(field.to_owned(), of["metadata"][field].clone());
    }
    let labels = of.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": object::number(of, "/spec/replicas").unwrap_or_default()},
        "status": {
            "replicas": object::number(of, "/status/replicas").unwrap_or_default(),
            "selector": selector.join(","),
        },
    })
}

/// The object with the replicas of a `Scale`.
pub(super) fn write(of: &Value, scale: &Value) -> Value {
    let mut new = of.clone();
    new["spec"]["replicas"] = json!(object::number(scale, "/spec/replicas").unwrap_or_default());
    for field in ["resourceVersion", "uid"] {
        new["metadata"][field] = scale["metadata"][field].clone();
    }
    new
}
