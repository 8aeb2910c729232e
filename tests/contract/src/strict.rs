//! The same document with no room for more than it says: an object has the properties that its schema names, and no other.

use serde_json::{Map, Value, json};

const SCHEMAS: &str = "#/components/schemas/";
/// Schemas that others are made of, which may therefore have more.
const PARTS: &str = "#/components/parts/";

/// Closes every schema of a document.
pub fn strict(document: &Value) -> Value {
    let mut document = document.clone();
    let schemas =
        document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    let parts: Map<String, Value> = schemas
        .into_iter()
        .map(|(name, mut schema)| {
            inner(&mut schema);
            (name, schema)
        })
        .collect();
    seek(&mut document);
    if let Some(Value::Object(components)) = document.get_mut("components") {
        components.insert("parts".to_owned(), parts.into());
    }
    document
}

/// Looks for schemas.
fn seek(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("schema", schema) => close(schema),
                    ("schemas", Value::Object(schemas)) => schemas.values_mut().for_each(close),
                    ("example" | "examples", _) => {}
                    (_, value) => seek(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(seek),
        _ => {}
    }
}

/// Closes a schema and all within.
fn close(schema: &mut Value) {
    inner(schema);
    if let Value::Object(object) = schema
        && (object.contains_key("properties") || object.contains_key("allOf"))
        && !object.contains_key("additionalProperties")
    {
        object.insert("unevaluatedProperties".to_owned(), json!(false));
    }
}

/// Closes all within a schema.
fn inner(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    for (key, value) in object {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(close),
            ("items" | "additionalProperties", value) => close(value),
            ("oneOf" | "anyOf", Value::Array(either)) => either.iter_mut().for_each(close),
            ("allOf", Value::Array(all)) => all.iter_mut().for_each(part),
            _ => {}
        }
    }
}

/// A part of a schema: what it does not name, another part may.
fn part(schema: &mut Value) {
    inner(schema);
    if let Some(Value::String(path)) = schema.get_mut("$ref")
        && let Some(name) = path.strip_prefix(SCHEMAS)
    {
        *path = format!("{PARTS}{name}");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    fn valid(schema: &Value, value: &Value) -> bool {
        jsonschema::validator_for(schema).unwrap().is_valid(value)
    }

    #[test]
    fn what_is_not_named_is_a_fault_also_where_an_object_has_parts() {
        let document = json!({"components": {"schemas": {
            "Part": {"type": "object", "properties": {"a": {"type": "string"}}},
            "Whole": {"allOf": [{"$ref": "#/components/schemas/Part"}, {"type": "object", "properties": {
                "b": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}}}}]},
        }}});
        let mut schema = strict(&document);
        schema["$ref"] = json!("#/components/schemas/Whole");
        assert!(valid(&schema, &json!({"a": "x", "b": [{"a": "y"}]})));
        assert!(!valid(&schema, &json!({"a": "x", "c": 1})));
        assert!(!valid(&schema, &json!({"b": [{"c": 1}]})), "within a list too");
    }
}
