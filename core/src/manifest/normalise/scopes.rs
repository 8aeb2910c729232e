//! Which objects every release has its own copy of.

use super::super::{ObjectKey, Scope, selector};
use super::{Object, RenderProblem, annotation, pod_labels};
use crate::labels;

/// Kinds whose name means something to Kubernetes: a copy with another name would be another thing.
const NEVER_COPIED: &[(&str, &str)] = &[
    ("", "Namespace"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
];

/// Kinds that hold data under their name: a copy with another name would begin with nothing, and the data of the one before would stay
/// behind.
const HOLDS_DATA: &[(&str, &str, &str)] = &[
    (
        "apps",
        "StatefulSet",
        "its pods and volumes go by its name, so the next release would begin without their data",
    ),
    (
        "",
        "PersistentVolumeClaim",
        "its data would stay behind with every release; use one claim for the application",
    ),
];

/// Sets every object's scope: the annotation, else what it acts on, else its kind.
pub(super) fn decide(objects: &mut [Object]) -> Result<(), RenderProblem> {
    for object in objects.iter_mut() {
        if let Some(scope) = annotated(object)? {
            object.scope = scope;
        }
    }
    let followers: Vec<usize> =
        (0..objects.len()).filter(|i| acts_on_application_scope(&objects[*i], objects)).collect();
    for i in followers {
        objects[i].scope = Scope::Application;
    }
    Ok(())
}

fn annotated(object: &Object) -> Result<Option<Scope>, RenderProblem> {
    let Some(value) = annotation(&object.value, labels::SCOPE) else { return Ok(None) };
    let refused = |reason| RenderProblem::Scope {
        object: Box::new(object.key.clone()),
        value: value.to_owned(),
        reason,
    };
    match value {
        "release" if NEVER_COPIED.iter().any(|(group, kind)| object.key.is(group, kind)) => {
            Err(refused("its name has a meaning to Kubernetes, so there can be only one"))
        }
        "release" => match HOLDS_DATA.iter().find(|(group, kind, _)| object.key.is(group, kind)) {
            Some((.., reason)) => Err(refused(reason)),
            None => Ok(Some(Scope::Release)),
        },
        "application" => Ok(Some(Scope::Application)),
        _ => Err(refused("the value must be release or application")),
    }
}

/// Whether an autoscaler or a disruption budget without the annotation acts on application-scoped workloads only.
fn acts_on_application_scope(object: &Object, all: &[Object]) -> bool {
    if annotation(&object.value, labels::SCOPE).is_some() {
        return false;
    }
    if object.key.is("autoscaling", "HorizontalPodAutoscaler") {
        let target = scale_target(object);
        return all.iter().any(|o| o.scope == Scope::Application && target.as_ref() == Some(&o.key));
    }
    if object.key.is("policy", "PodDisruptionBudget") {
        let selector = object.value.pointer("/spec/selector");
        let selects = |scope: Scope| {
            all.iter().any(|workload| {
                workload.scope == scope
                    && workload.key.namespace == object.key.namespace
                    && pod_labels(workload).is_some_and(|labels| selector::matches(selector, &labels))
            })
        };
        return selects(Scope::Application) && !selects(Scope::Release);
    }
    false
}

fn scale_target(autoscaler: &Object) -> Option<ObjectKey> {
    let text = |field: &str| autoscaler.value.pointer("/spec/scaleTargetRef")?.get(field)?.as_str();
    Some(ObjectKey {
        group: text("apiVersion")?.split_once('/').map_or("", |(group, _)| group).to_owned(),
        kind: text("kind")?.to_owned(),
        namespace: autoscaler.key.namespace.clone(),
        name: text("name")?.to_owned(),
    })
}
