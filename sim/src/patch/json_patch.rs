//! JSON patch (RFC 6902).

use serde_json::Value;

use crate::error::ApiError;

/// Applies every operation, or none.
pub(crate) fn json_patch(target: &Value, patch: &Value) -> Result<Value, ApiError> {
    let mut out = target.clone();
    let Some(operations) = patch.as_array() else {
        return Err(ApiError::bad_request(
            "json: cannot unmarshal object into Go value of type jsonpatch.Patch",
        ));
    };
    for operation in operations {
        let text = |key: &str| operation[key].as_str().unwrap_or_default();
        let path = text("path");
        let done = match text("op") {
            "add" => add(&mut out, path, operation["value"].clone()),
            "remove" => take(&mut out, path).map(|_| ()),
            "replace" => out.pointer_mut(path).map(|slot| *slot = operation["value"].clone()),
            "move" => take(&mut out, text("from")).and_then(|v| add(&mut out, path, v)),
            "copy" => out.pointer(text("from")).cloned().and_then(|v| add(&mut out, path, v)),
            "test" => {
                if out.pointer(path).unwrap_or(&Value::Null) != &operation["value"] {
                    return Err(refuse(&format!("testing value {path} failed: test failed")));
                }
                Some(())
            }
            other => return Err(ApiError::bad_request(format!("Unexpected kind: {other}"))),
        };
        done.ok_or_else(|| {
            refuse(&format!("{} operation does not apply: doc is missing path: {path}", text("op")))
        })?;
    }
    Ok(out)
}

fn refuse(message: &str) -> ApiError {
    ApiError {
        code: 422,
        reason: "Invalid".to_owned(),
        message: "the server rejected our request due to an error in our request".to_owned(),
        details: serde_json::json!({"causes": [{"message": message}]}),
    }
}

fn parent<'a>(target: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (head, last) = path.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    target.pointer_mut(head).map(|parent| (parent, last))
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *target = value;
        return Some(());
    }
    match parent(target, path)? {
        (Value::Object(map), key) => {
            map.insert(key, value);
        }
        (Value::Array(list), key) => {
            let index =
                if key == "-" { list.len() } else { key.parse().ok().filter(|i| *i <= list.len())? };
            list.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn take(target: &mut Value, path: &str) -> Option<Value> {
    match parent(target, path)? {
        (Value::Object(map), key) => map.remove(&key),
        (Value::Array(list), key) => {
            key.parse().ok().filter(|i| *i < list.len()).map(|i: usize| list.remove(i))
        }
        _ => None,
    }
}
