//! Strategic merge patch: a merge patch in which the schema's associative lists merge by key.

use serde_json::{Map, Value};

use crate::schema::{ListKind, Schema, Type};

/// Lays `patch` over `target`. Understands `$patch: delete|replace`, `$retainKeys` and `$deleteFromPrimitiveList/…`.
pub(crate) fn strategic(target: &mut Value, patch: &Value, of: &Type) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if fields.get("$patch").and_then(Value::as_str) == Some("replace") {
        let mut whole = fields.clone();
        whole.remove("$patch");
        *target = Value::Object(whole);
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(map) = target else { return };
    if let Some(keys) = fields.get("$retainKeys").and_then(Value::as_array) {
        map.retain(|key, _| keys.iter().any(|k| k == key));
    }
    for (key, value) in fields {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().cloned().unwrap_or_default();
            if let Some(items) = map.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|i| !gone.contains(i));
            }
            continue;
        }
        if key.starts_with('$') {
            continue;
        }
        if value.is_null() {
            map.remove(key);
            continue;
        }
        let (child, _) = Schema::get().field(of, key);
        let slot = map.entry(key.clone()).or_insert(Value::Null);
        match (child, value) {
            (Type::List { kind, of }, Value::Array(items)) if *kind != ListKind::Atomic => {
                merge_list(slot, items, kind, of);
            }
            _ => strategic(slot, value, child),
        }
    }
}

fn merge_list(slot: &mut Value, items: &[Value], kind: &ListKind, of: &Type) {
    if !slot.is_array() {
        *slot = Value::Array(Vec::new());
    }
    let Value::Array(list) = slot else { return };
    let ListKind::Map(keys) = kind else {
        let new: Vec<Value> = items.iter().filter(|i| !list.contains(i)).cloned().collect();
        list.extend(new);
        return;
    };
    // Strategic merge knows one key per list; it is the first of the schema's.
    let Some(key) = keys.first() else { return };
    for item in items {
        let position = list.iter().position(|i| i[key] == item[key]);
        if item["$patch"] == "delete" {
            if let Some(index) = position {
                list.remove(index);
            }
            continue;
        }
        match position {
            Some(index) => strategic(&mut list[index], item, of),
            None => list.push(item.clone()),
        }
    }
}
