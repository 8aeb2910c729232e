//! Labels, selectors and annotations: the marks that tell releases apart in a cluster.

use super::super::{Scope, pods};
use super::{Context, Object, annotation};
use crate::labels;
use serde_json::{Map, Value};

/// Marks an object, its pods and what it selects.
pub(super) fn set(object: &mut Object, context: &Context<'_>, takes_traffic: bool) {
    let application = [(labels::APPLICATION, context.application.name.as_str())];
    let both = [application[0], (labels::RELEASE, context.release.as_str())];
    let release_scoped = object.scope == Scope::Release;
    let own: &[(&str, &str)] = if release_scoped { &both } else { &application };

    insert(&mut object.value, &["metadata", "labels"], own);
    insert(&mut object.value, &["metadata", "labels"], &[(labels::MANAGED_BY, labels::MANAGER)]);
    if let Some(template) = pods::template(&object.key).and_then(|pointer| object.value.pointer_mut(pointer))
    {
        insert(template, &["metadata", "labels"], own);
    }
    if object.key.is("batch", "CronJob") {
        insert(&mut object.value, &["spec", "jobTemplate", "metadata", "labels"], own);
    }
    if release_scoped {
        // A selector cannot be changed later, and another release's pods must not be in it.
        if pods::selects_own_pods(&object.key) {
            insert(&mut object.value, &["spec", "selector", "matchLabels"], &both);
        } else if object.key.is("policy", "PodDisruptionBudget") {
            insert(&mut object.value, &["spec", "selector", "matchLabels"], &both[1..]);
        } else if matches!(object.key.kind.as_str(), "Service" | "ReplicationController")
            && object.key.group.is_empty()
            && object.value.pointer("/spec/selector").is_some()
        {
            insert(&mut object.value, &["spec", "selector"], &both[1..]);
        }
    }
    if release_scoped
        && object.key.is("batch", "Job")
        && let Some(spec) = object.value.get_mut("spec").and_then(Value::as_object_mut)
    {
        // It goes with its release; one that a timer removed would be missing, made anew and run again.
        spec.remove("ttlSecondsAfterFinished");
    }
    annotate(object, takes_traffic);
}

fn annotate(object: &mut Object, takes_traffic: bool) {
    let by_kind = Scope::of_kind(&object.key.group, &object.key.kind);
    let scope = (object.scope != by_kind).then(|| object.scope.as_str());
    annotation_is(&mut object.value, labels::SCOPE, scope);
    if object.key.is("", "Service") {
        annotation_is(&mut object.value, labels::TRAFFIC, takes_traffic.then_some("true"));
    }
    // A release's own copies are never to be kept: there would be more of them with every release.
    if object.scope == Scope::Application
        && annotation(&object.value, "helm.sh/resource-policy") == Some("keep")
    {
        annotation_is(&mut object.value, labels::KEEP, Some("true"));
    }
}

fn annotation_is(object: &mut Value, name: &str, value: Option<&str>) {
    match value {
        Some(value) => insert(object, &["metadata", "annotations"], &[(name, value)]),
        None => {
            let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove(name);
                if annotations.is_empty() {
                    metadata.remove("annotations");
                }
            }
        }
    }
}

/// Puts `entries` into the map at `path`, made where it is missing.
fn insert(value: &mut Value, path: &[&str], entries: &[(&str, &str)]) {
    let mut map = value;
    for field in path {
        if !map.is_object() {
            *map = Value::Object(Map::new());
        }
        map = &mut map[*field];
    }
    if !map.is_object() {
        *map = Value::Object(Map::new());
    }
    for (name, text) in entries {
        map[*name] = Value::from(*text);
    }
}
