//! Whether a value fits its type, and leaving out what the type does not know.

use serde_json::Value;

use super::{Schema, Type};

/// The first thing that does not fit.
#[derive(Debug, PartialEq)]
pub(crate) enum TypeProblem {
    /// Path of a field that is not in the schema.
    Unknown(String),
    /// Path, what was expected, what was found.
    Wrong { path: String, expected: &'static str, found: &'static str },
}

/// Finds the first problem; unknown fields count only when `strict`.
pub(crate) fn check_types(value: &Value, of: &Type, strict: bool) -> Result<(), TypeProblem> {
    walk(value, of, strict, &mut String::new())
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}

fn walk(value: &Value, of: &Type, strict: bool, path: &mut String) -> Result<(), TypeProblem> {
    let wrong = |path: &str, expected| {
        Err(TypeProblem::Wrong { path: path.to_owned(), expected, found: name_of(value) })
    };
    if value.is_null() {
        return Ok(());
    }
    match of {
        Type::Any => Ok(()),
        Type::String if value.is_string() => Ok(()),
        Type::String => wrong(path, "string"),
        Type::Integer if value.is_i64() || value.as_f64().is_some_and(|f| f.fract() == 0.0) => Ok(()),
        Type::Number if value.is_number() => Ok(()),
        Type::Integer | Type::Number => wrong(path, "numeric (int or float)"),
        Type::Boolean if value.is_boolean() => Ok(()),
        Type::Boolean => wrong(path, "boolean"),
        Type::IntOrString | Type::Quantity if value.is_number() || value.is_string() => Ok(()),
        Type::IntOrString | Type::Quantity => wrong(path, "string or number"),
        Type::List { of, .. } => {
            let Some(items) = value.as_array() else { return wrong(path, "list") };
            for (index, item) in items.iter().enumerate() {
                let length = path.len();
                path.push_str(&format!("[{index}]"));
                walk(item, of, strict, path)?;
                path.truncate(length);
            }
            Ok(())
        }
        Type::Map { .. } | Type::Struct { .. } => {
            let Some(map) = value.as_object() else { return wrong(path, "map") };
            for (key, child) in map {
                let (child_type, known) = Schema::get().field(of, key);
                let length = path.len();
                path.push('.');
                path.push_str(key);
                if strict && !known && matches!(of, Type::Struct { .. }) {
                    return Err(TypeProblem::Unknown(path.clone()));
                }
                walk(child, child_type, strict, path)?;
                path.truncate(length);
            }
            Ok(())
        }
    }
}

/// Removes fields that the type does not know, and nulls, as decoding into a typed object does.
pub(crate) fn drop_unknown(value: &mut Value, of: &Type) {
    match (value, of) {
        (Value::Array(items), Type::List { of, .. }) => items.iter_mut().for_each(|i| drop_unknown(i, of)),
        (Value::Object(map), Type::Struct { .. }) => {
            map.retain(|key, child| !child.is_null() && Schema::get().field(of, key).1);
            for (key, child) in map.iter_mut() {
                drop_unknown(child, Schema::get().field(of, key).0);
            }
        }
        (Value::Object(map), Type::Map { of, .. }) => {
            map.iter_mut().for_each(|(_, child)| drop_unknown(child, of));
        }
        _ => {}
    }
}
