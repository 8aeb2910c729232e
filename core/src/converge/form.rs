//! What converge decides within an object: replicas of a Deployment, bounds of its autoscaler, selector of the traffic Service.

use super::autoscaler::{bounds, with_bounds};
use super::selector::with_selector;
use super::view::{View, Workload};
use crate::labels;
use crate::manifest::{ManifestObject, Scope};
use crate::observe::Live;
use crate::state::TargetRelease;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An object as it is to be applied, and whether its live numbers differ.
pub(super) struct Form {
    pub(super) object: Value,
    /// Replicas, bounds or selector are to change, or were changed by another.
    pub(super) changes: bool,
    /// They were changed by another.
    pub(super) taken: bool,
}

/// The form of one object of a release. `replicas` and `selector` as for [`super::objects::objects`].
pub(super) fn form_of(
    view: &View<'_>,
    release: &TargetRelease,
    manifest: &ManifestObject,
    replicas: &BTreeMap<usize, u32>,
    selector: Option<&BTreeMap<String, String>>,
) -> Form {
    let object = manifest.value.clone();
    for (index, workload) in view.workloads.iter().enumerate().filter(|(_, w)| w.release.name == release.name)
    {
        let next = replicas.get(&index).copied();
        if workload.manifest.key == manifest.key {
            return deployment_form(workload, object, next);
        }
        if let Some(scaler) =
            workload.autoscaler.as_ref().filter(|scaler| scaler.manifest.key == manifest.key)
        {
            let bounds = bounds(workload, scaler, next.unwrap_or_else(|| workload.replicas()));
            let live = view.observed.objects.get(&manifest.key).and_then(Live::autoscaler);
            let changes = live.is_some_and(|live| (live.minimum, live.maximum) != bounds);
            return Form {
                object: with_bounds(object, bounds),
                changes,
                taken: changes && live.is_some_and(|live| !live.owned),
            };
        }
    }
    if is_traffic_service(manifest) {
        // Where no traffic is managed the selector is the chart's own.
        let managed = view.service.is_some_and(|service| service.key == manifest.key);
        let wanted = selector.filter(|_| managed).cloned().unwrap_or_else(|| manifest.service_selector());
        let live = view.observed.objects.get(&manifest.key).and_then(Live::service);
        let changes = live.is_some_and(|live| live.selector != wanted);
        return Form { object: with_selector(object, &wanted), changes, taken: false };
    }
    Form { object, changes: false, taken: false }
}

/// With the replicas that it is to have, but for those that an autoscaler set: an apply that leaves out what we do not own changes nothing,
/// while leaving out what we alone own would let the API server set 1 [C3].
fn deployment_form(workload: &Workload<'_>, mut object: Value, next: Option<u32>) -> Form {
    let replicas = next.unwrap_or_else(|| workload.replicas());
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        if next.is_none() && workload.autoscaler.is_some() && !workload.owns_replicas() {
            spec.remove("replicas");
        } else {
            spec.insert("replicas".to_owned(), json!(replicas));
        }
    }
    let taken = workload.replicas_taken();
    Form {
        object,
        changes: next.is_some(),
        taken: taken && (next.is_some() || workload.replicas() <= workload.desired),
    }
}

/// Whether it is the Service that takes the application's traffic.
fn is_traffic_service(manifest: &ManifestObject) -> bool {
    let mark = manifest.value.pointer("/metadata/annotations").and_then(|a| a.get(labels::TRAFFIC));
    manifest.key.is("", "Service") && mark.is_some()
}

/// The manifest without what converge decides: replicas of a Deployment, selector of the traffic Service.
pub(super) fn without_decided(manifest: &ManifestObject) -> Value {
    let mut value = manifest.value.clone();
    let decided = match (manifest.key.group.as_str(), manifest.key.kind.as_str()) {
        ("apps", "Deployment") if manifest.scope == Scope::Release => "replicas",
        ("", "Service") if is_traffic_service(manifest) => "selector",
        _ => return value,
    };
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove(decided);
    }
    value
}
