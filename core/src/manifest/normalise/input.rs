//! The rendered stream as objects: lists taken apart, hooks left out, server fields dropped, namespaces filled in.

use super::super::cluster_scope::ClusterScope;
use super::super::{ObjectKey, Scope};
use super::{Context, Object, RenderProblem, annotation};
use crate::yaml;
use serde_json::Value;
use std::collections::BTreeSet;

/// What only an API server sets, and what kubectl leaves behind in exported objects.
const SERVER_METADATA: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];
const SERVER_ANNOTATIONS: &[&str] =
    &["deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"];

pub(super) fn read(rendered: &[u8], context: &Context<'_>) -> Result<Vec<Object>, RenderProblem> {
    let mut values = Vec::new();
    for document in yaml::read_documents(rendered)? {
        flatten(document, &mut values);
    }
    let all = values.len();
    values.retain(|value| annotation(value, "helm.sh/hook").is_none());
    match (all, values.len()) {
        (0, _) => return Err(RenderProblem::Empty),
        (hooks, 0) => return Err(RenderProblem::OnlyHooks(hooks)),
        _ => {}
    }
    let objects = values
        .into_iter()
        .enumerate()
        .map(|(index, mut value)| {
            drop_nulls(&mut value);
            let key = ObjectKey::of(&value).filter(|key| !key.kind.is_empty() && !key.name.is_empty());
            let key =
                key.ok_or_else(|| RenderProblem::NotAnObject { index: index + 1, field: missing(&value) })?;
            drop_server_fields(&mut value);
            Ok(Object { scope: Scope::of_kind(&key.group, &key.kind), key, value })
        })
        .collect::<Result<Vec<_>, RenderProblem>>()?;
    let mut objects = in_namespace(objects, context)?;
    // So that messages do not depend on the order of the documents either.
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    refuse_duplicates(&objects)?;
    refuse_secrets(&objects, context)?;
    Ok(objects)
}

/// `List`, `ConfigMapList` and the like stand for their items.
fn flatten(value: Value, into: &mut Vec<Value>) {
    let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match value {
        Value::Null => {}
        Value::Object(mut map)
            if is_list && map.get("items").is_some_and(|items| items.is_array() || items.is_null()) =>
        {
            if let Some(Value::Array(items)) = map.remove("items") {
                items.into_iter().for_each(|item| flatten(item, into));
            }
        }
        value => into.push(value),
    }
}

fn missing(value: &Value) -> &'static str {
    let has =
        |pointer: &str| value.pointer(pointer).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if !has("/kind") {
        "kind"
    } else if !has("/apiVersion") {
        "apiVersion"
    } else {
        "metadata.name (a string)"
    }
}

/// A null field is the same to an API server as none.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, field| !field.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn drop_server_fields(value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        object.remove("status");
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| !SERVER_METADATA.contains(&field.as_str()));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !SERVER_ANNOTATIONS.contains(&name.as_str()));
        }
    }
}

fn in_namespace(objects: Vec<Object>, context: &Context<'_>) -> Result<Vec<Object>, RenderProblem> {
    let cluster_scope = ClusterScope::of(objects.iter().map(|object| &object.value));
    let namespace = &context.application.namespace;
    let mut outside = BTreeSet::new();
    let mut placed = Vec::with_capacity(objects.len());
    for mut object in objects {
        if cluster_scope.has(&object.key) {
            object.key.namespace = None;
            if let Some(metadata) = object.value["metadata"].as_object_mut() {
                // Charts write it on cluster-scoped objects too; the API server would have none of it.
                metadata.remove("namespace");
            }
        } else if object.key.namespace.as_ref().is_none_or(String::is_empty) {
            object.key.namespace = Some(namespace.clone());
            object.value["metadata"]["namespace"] = Value::from(namespace.as_str());
        }
        if object.key.namespace.as_ref() != Some(namespace) {
            outside.insert(object.key.clone());
        }
        placed.push(object);
    }
    if outside.is_empty() || context.allow_cluster_scope {
        Ok(placed)
    } else {
        Err(RenderProblem::OutsideNamespace { namespace: namespace.clone(), objects: outside.into() })
    }
}

fn refuse_duplicates(objects: &[Object]) -> Result<(), RenderProblem> {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<_> =
        objects.iter().map(|object| &object.key).filter(|key| !seen.insert(*key)).cloned().collect();
    if twice.is_empty() { Ok(()) } else { Err(RenderProblem::Duplicate(twice.into())) }
}

fn refuse_secrets(objects: &[Object], context: &Context<'_>) -> Result<(), RenderProblem> {
    let has_contents = |object: &Object| {
        ["data", "stringData"].iter().any(|field| match object.value.get(field) {
            None => false,
            Some(Value::Object(map)) => !map.is_empty(),
            Some(_) => true,
        })
    };
    let plaintext: BTreeSet<_> = objects
        .iter()
        .filter(|object| object.key.is("", "Secret") && has_contents(object))
        .map(|object| object.key.clone())
        .collect();
    if plaintext.is_empty() || context.allow_secrets {
        Ok(())
    } else {
        Err(RenderProblem::PlaintextSecrets(plaintext.into()))
    }
}
