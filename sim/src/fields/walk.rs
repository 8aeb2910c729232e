//! From values to field sets: what an object sets, and how two objects differ.

use serde_json::{Map, Value};

use super::set::{FieldSet, Step};
use crate::schema::{ListKind, Schema, Type};

/// The step of a list item; `None` where the list is atomic.
pub(crate) fn item_step(item: &Value, kind: &ListKind) -> Option<Step> {
    match kind {
        ListKind::Atomic => None,
        ListKind::Set => Some(Step::Value(item.to_string())),
        ListKind::Map(keys) => {
            let mut map = Map::new();
            let mut sorted: Vec<&String> = keys.iter().collect();
            sorted.sort();
            for key in sorted {
                let value = match &item[key.as_str()] {
                    Value::Null if key == "protocol" => Value::from("TCP"),
                    Value::Null => continue,
                    other => other.clone(),
                };
                map.insert(key.clone(), value);
            }
            Some(Step::Key(Value::Object(map).to_string()))
        }
    }
}

/// How a value of this type is looked at.
pub(crate) enum View<'a> {
    Leaf,
    Map(&'a Map<String, Value>),
    List(&'a [Value], &'a ListKind, &'a Type),
}

pub(crate) fn view<'a>(value: &'a Value, of: &'a Type) -> View<'a> {
    match (value, of) {
        (Value::Object(_), Type::Map { atomic: true, .. } | Type::Struct { atomic: true, .. }) => View::Leaf,
        (Value::Object(map), Type::Map { .. } | Type::Struct { .. } | Type::Any) => View::Map(map),
        (Value::Array(items), Type::List { kind, of }) if *kind != ListKind::Atomic => {
            View::List(items, kind, of)
        }
        _ => View::Leaf,
    }
}

/// The fields that a value sets.
pub(crate) fn fields_of(value: &Value, of: &Type) -> FieldSet {
    let mut set = FieldSet::default();
    match view(value, of) {
        View::Leaf => set.member = true,
        View::Map(map) => {
            for (key, child) in map {
                let (child_type, known) = Schema::get().field(of, key);
                let mut inner = fields_of(child, child_type);
                inner.member |= child.is_null() || child.as_object().is_some_and(Map::is_empty) || !known;
                set.insert(Step::Field(key.clone()), inner);
            }
        }
        View::List(items, kind, item_type) => {
            for item in items {
                if let Some(step) = item_step(item, kind) {
                    let mut inner = fields_of(item, item_type);
                    inner.member = true;
                    set.insert(step, inner);
                }
            }
        }
    }
    set
}

/// What changed between two values.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// Added or modified.
    pub(crate) changed: FieldSet,
    pub(crate) removed: FieldSet,
}

/// Compares two values of one type; either may be absent (null).
pub(crate) fn compare(old: &Value, new: &Value, of: &Type) -> Difference {
    let mut out = Difference::default();
    walk(old, new, of, &mut out.changed, &mut out.removed);
    out
}

fn everything(value: &Value, of: &Type) -> FieldSet {
    let mut set = fields_of(value, of);
    mark_containers(value, of, &mut set);
    set
}

/// Structs that an object always has: their coming or going is nobody's.
const ALWAYS: &[&str] = &[
    "ObjectMeta",
    "DeploymentSpec",
    "PodTemplateSpec",
    "PodSpec",
    "ServiceSpec",
    "DeploymentStrategy",
    "PodStatus",
];

fn mark_containers(value: &Value, of: &Type, set: &mut FieldSet) {
    match view(value, of) {
        View::Leaf => set.member = true,
        View::Map(map) => {
            let always = matches!(of, Type::Struct { id, .. } if {
                let name = &Schema::get().structure(*id).name;
                ALWAYS.contains(&name.as_str()) || name.ends_with("Spec") || name.ends_with("Status")
            });
            set.member |= !always;
            for (key, child) in map {
                if let Some(inner) = set.children.get_mut(&Step::Field(key.clone())) {
                    let (child_type, _) = Schema::get().field(of, key);
                    mark_containers(child, child_type, inner);
                    if key == "containers" && child.is_array() {
                        inner.member = false;
                    }
                }
            }
        }
        View::List(items, kind, item_type) => {
            set.member = true;
            for item in items {
                if let Some(inner) = item_step(item, kind).and_then(|s| set.children.get_mut(&s)) {
                    mark_containers(item, item_type, inner);
                }
            }
        }
    }
}

fn walk(old: &Value, new: &Value, of: &Type, changed: &mut FieldSet, removed: &mut FieldSet) {
    if old == new {
        return;
    }
    if old.is_null() {
        *changed = everything(new, of);
        return;
    }
    if new.is_null() {
        *removed = everything(old, of);
        return;
    }
    match (view(old, of), view(new, of)) {
        (View::Map(a), View::Map(b)) => {
            for key in a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))) {
                let (child_type, _) = Schema::get().field(of, key);
                let child = |m: &Map<String, Value>| m.get(key).cloned().unwrap_or_default();
                let (mut c, mut r) = (FieldSet::default(), FieldSet::default());
                match (a.get(key), b.get(key)) {
                    (Some(x), Some(y)) => walk(x, y, child_type, &mut c, &mut r),
                    _ => walk(&child(a), &child(b), child_type, &mut c, &mut r),
                }
                changed.insert(Step::Field(key.clone()), c);
                removed.insert(Step::Field(key.clone()), r);
            }
        }
        (View::List(a, kind, item_type), View::List(b, ..)) => {
            let find = |list: &[Value], step: &Step| {
                list.iter().find(|i| item_step(i, kind).as_ref() == Some(step)).cloned().unwrap_or_default()
            };
            for item in a.iter().chain(b) {
                let Some(step) = item_step(item, kind) else { continue };
                let (mut c, mut r) = (FieldSet::default(), FieldSet::default());
                walk(&find(a, &step), &find(b, &step), item_type, &mut c, &mut r);
                if !c.is_empty() && find(a, &step).is_null() {
                    c.member = true;
                }
                changed.insert(step.clone(), c);
                removed.insert(step, r);
            }
        }
        _ => changed.member = true,
    }
}
