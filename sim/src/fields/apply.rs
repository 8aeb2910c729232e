//! Server-side apply: merge, conflicts, and removal of what the manager no longer applies.

use serde_json::{Value, json};

use super::managed::{Actor, Entry, Owner, read, strip_system, write};
use super::merge::{merge, take_out};
use super::walk::{compare, fields_of};
use crate::error::ApiError;
use crate::object;
use crate::resource::Resource;
use crate::schema::{TypeProblem, check_types};

/// The object after applying `intent` over `live` (null when it does not exist yet).
pub(crate) fn apply(
    live: &Value,
    intent: &Value,
    resource: &Resource,
    actor: Actor<'_>,
    force: bool,
) -> Result<Value, ApiError> {
    check_typed(intent, resource)?;
    let shape = &resource.shape;
    let mut intent = intent.clone();
    object::remove(&mut intent["metadata"], "resourceVersion");
    let base = if live.is_null() {
        json!({"apiVersion": resource.api_version(), "kind": resource.kind, "metadata": {}})
    } else {
        live.clone()
    };
    let mut wanted = fields_of(&intent, shape);
    strip_system(&mut wanted);
    if actor.subresource.is_empty() {
        if resource.status {
            wanted.remove_path(&["status"]);
            object::remove(&mut intent, "status");
        }
    } else {
        wanted = wanted.only(actor.subresource);
    }

    let mut owners = read(&base);
    let me = Owner {
        manager: actor.manager.to_owned(),
        operation: "Apply".to_owned(),
        api_version: resource.api_version(),
        subresource: actor.subresource.to_owned(),
    };
    let mut merged = merge(&base, &intent, shape);
    let difference = compare(&base, &merged, shape);
    let mut causes = Vec::new();
    for (owner, entry) in &mut owners {
        if *owner == me {
            continue;
        }
        let clash = entry.fields.intersection(&difference.changed);
        if clash.is_empty() {
            continue;
        }
        causes.extend(clash.paths().into_iter().map(|path| (owner.describe(), path)));
        entry.fields = entry.fields.difference(&clash);
    }
    if !causes.is_empty() && !force {
        return Err(ApiError::apply_conflict(&causes));
    }

    let before = owners.get(&me).map(|e| e.fields.clone()).unwrap_or_default();
    let dropped = before.difference(&wanted);
    if !dropped.is_empty() {
        let mut kept = wanted.clone();
        owners.iter().filter(|(owner, _)| **owner != me).for_each(|(_, entry)| kept.union(&entry.fields));
        if let Some(rest) = take_out(&merged, shape, &dropped, &kept) {
            merged = rest;
        }
    }
    let removed = compare(&base, &merged, shape).removed;
    for entry in owners.values_mut() {
        entry.fields = entry.fields.difference(&removed);
    }
    let same = before == wanted && base == merged;
    let time = match owners.get(&me) {
        Some(entry) if same => entry.time.clone(),
        _ => actor.time.to_owned(),
    };
    owners.insert(me, Entry { fields: wanted, time });
    write(&mut merged, &owners);
    Ok(merged)
}

fn check_typed(intent: &Value, resource: &Resource) -> Result<(), ApiError> {
    if intent["metadata"]["managedFields"].as_array().is_some_and(|l| !l.is_empty()) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let text = match check_types(intent, &resource.shape, true) {
        Ok(()) => return Ok(()),
        Err(TypeProblem::Unknown(path)) => format!("{path}: field not declared in schema"),
        Err(TypeProblem::Wrong { path, expected, found }) => {
            format!("{path}: expected {expected}, got {found}")
        }
    };
    let what = format!(
        "({}/{}; {}, Kind={})",
        object::namespace(intent),
        object::name(intent),
        resource.api_version(),
        resource.kind
    );
    Err(ApiError::untyped(format!("failed to create typed patch object {what}: {text}")))
}
