//! Laying one value over another by the rules of its type, and taking fields out of it.

use serde_json::{Map, Value};

use super::set::{FieldSet, Step};
use super::walk::{View, item_step, view};
use crate::schema::{ListKind, Schema, Type};

/// `live` with everything that `patch` sets; associative lists merge by key, the patch's order first changing nothing.
pub(crate) fn merge(live: &Value, patch: &Value, of: &Type) -> Value {
    match (view(live, of), view(patch, of)) {
        (View::Map(a), View::Map(b)) => {
            let mut out = a.clone();
            for (key, theirs) in b {
                let (child_type, _) = Schema::get().field(of, key);
                let merged = match a.get(key) {
                    Some(mine) if !mine.is_null() => merge(mine, theirs, child_type),
                    _ => theirs.clone(),
                };
                out.insert(key.clone(), merged);
            }
            Value::Object(out)
        }
        (View::List(a, kind, item_type), View::List(b, ..)) => merge_lists(a, b, kind, item_type),
        _ => patch.clone(),
    }
}

fn merge_lists(live: &[Value], patch: &[Value], kind: &ListKind, item_type: &Type) -> Value {
    let steps: Vec<Option<Step>> = patch.iter().map(|i| item_step(i, kind)).collect();
    let in_patch = |item: &Value| steps.iter().position(|s| *s == item_step(item, kind));
    // Items of the patch come in the patch's order; live items that it does not name keep their place between them.
    let mut out = Vec::with_capacity(live.len() + patch.len());
    let mut next = 0;
    let emit = |index: usize, out: &mut Vec<Value>| {
        let mine = live.iter().find(|i| item_step(i, kind) == steps[index]);
        out.push(mine.map_or_else(|| patch[index].clone(), |m| merge(m, &patch[index], item_type)));
    };
    for item in live {
        match in_patch(item) {
            None => out.push(item.clone()),
            Some(index) => {
                while next <= index {
                    emit(next, &mut out);
                    next += 1;
                }
            }
        }
    }
    while next < patch.len() {
        emit(next, &mut out);
        next += 1;
    }
    Value::Array(out)
}

/// Takes the members of `gone` out of `value`, except what `kept` (somebody else's fields) still needs.
/// `None` when nothing is left.
pub(crate) fn take_out(value: &Value, of: &Type, gone: &FieldSet, kept: &FieldSet) -> Option<Value> {
    match view(value, of) {
        View::Leaf => (!gone.member || !kept.is_empty()).then(|| value.clone()),
        View::Map(map) => {
            let mut out = Map::new();
            for (key, child) in map {
                let step = Step::Field(key.clone());
                let (child_type, _) = Schema::get().field(of, key);
                if let Some(rest) = descend(child, child_type, &step, gone, kept) {
                    out.insert(key.clone(), rest);
                }
            }
            let emptied = out.is_empty() && !map.is_empty() && !kept.member;
            (!emptied && (!gone.member || !out.is_empty() || kept.member)).then_some(Value::Object(out))
        }
        View::List(items, kind, item_type) => {
            let out: Vec<Value> = items
                .iter()
                .filter_map(|item| {
                    let step = item_step(item, kind)?;
                    descend(item, item_type, &step, gone, kept)
                })
                .collect();
            (!out.is_empty() || items.is_empty()).then_some(Value::Array(out))
        }
    }
}

fn descend(child: &Value, of: &Type, step: &Step, gone: &FieldSet, kept: &FieldSet) -> Option<Value> {
    let nobody = FieldSet::default();
    let kept = kept.children.get(step).unwrap_or(&nobody);
    match gone.children.get(step) {
        None => Some(child.clone()),
        // The item goes as a whole unless somebody else owns it or something in it.
        Some(gone) if gone.member && kept.is_empty() => None,
        Some(gone) => take_out(child, of, gone, kept),
    }
}
