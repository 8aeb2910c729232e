//! What converge decides within an object: replicas of a Deployment, bounds of its autoscaler, selector of a Service.

use super::adopt::{is_settled, keeps_selector};
use super::autoscaler::{bounds, with_bounds};
use super::view::{View, Workload};
use crate::labels;
use crate::manifest::{ManifestObject, Scope};
use crate::observe::Live;
use crate::state::TargetRelease;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is put into a manifest before it is applied.
pub(super) enum Decided {
    /// Nothing: it is applied as rendered.
    Nothing,
    /// `spec.replicas`; `None` = not ours to say.
    Replicas(Option<u32>),
    /// `spec.minReplicas` and `spec.maxReplicas`.
    Bounds((u32, u32)),
    /// `spec.selector`.
    Selector(BTreeMap<String, String>),
    /// It was there before, and keeps its `spec.selector` for now [C8].
    OldSelector,
}

/// How an object is to be applied, and whether its live numbers differ.
pub(super) struct Form {
    pub(super) decided: Decided,
    /// Replicas, bounds or selector are to change, or were changed by another.
    pub(super) changes: bool,
    /// They were changed by another.
    pub(super) taken: bool,
    /// What it says must not be said of anything but the object as it was seen: a request that was held up on its way would
    /// undo what was decided since [C9].
    pub(super) exact: bool,
}

impl Form {
    /// The object to apply.
    pub(super) fn object(self, manifest: &ManifestObject) -> Value {
        let mut object = manifest.value.clone();
        let spec = object.get_mut("spec").and_then(Value::as_object_mut);
        match (self.decided, spec) {
            (Decided::Replicas(Some(replicas)), Some(spec)) => {
                spec.insert("replicas".to_owned(), json!(replicas));
            }
            (Decided::Replicas(None), Some(spec)) => {
                spec.remove("replicas");
            }
            (Decided::Selector(selector), Some(spec)) => {
                spec.insert("selector".to_owned(), json!(selector));
            }
            (Decided::OldSelector, Some(spec)) => {
                spec.remove("selector");
                object["metadata"]["annotations"][labels::ADOPTED] = json!("true");
            }
            (Decided::Bounds(bounds), _) => return with_bounds(object, bounds),
            _ => {}
        }
        object
    }
}

/// The form of one object of a release. `replicas` and `selector` as for [`super::objects::objects`].
pub(super) fn form_of(
    view: &View<'_>,
    release: &TargetRelease,
    manifest: &ManifestObject,
    replicas: &BTreeMap<usize, u32>,
    selector: Option<&BTreeMap<String, String>>,
) -> Form {
    for (index, workload) in view.workloads.iter().enumerate().filter(|(_, w)| w.release.name == release.name)
    {
        let next = replicas.get(&index).copied();
        if workload.manifest.key == manifest.key {
            return deployment_form(workload, next);
        }
        if let Some(scaler) =
            workload.autoscaler.as_ref().filter(|scaler| scaler.manifest.key == manifest.key)
        {
            let bounds = bounds(workload, scaler, next.unwrap_or_else(|| workload.replicas()));
            let live = view.observed.objects.get(&manifest.key).and_then(Live::autoscaler);
            let changes = live.is_some_and(|live| (live.minimum, live.maximum) != bounds);
            return Form {
                decided: Decided::Bounds(bounds),
                changes,
                taken: changes && live.is_some_and(|live| !live.owned),
                exact: false,
            };
        }
    }
    if manifest.key.is("", "Service") {
        return service_form(view, release, manifest, selector);
    }
    Form { decided: Decided::Nothing, changes: false, taken: false, exact: false }
}

/// With the selector that traffic needs now. Where no traffic is managed, and in other Services, it is the chart's own.
fn service_form(
    view: &View<'_>,
    release: &TargetRelease,
    manifest: &ManifestObject,
    selector: Option<&BTreeMap<String, String>>,
) -> Form {
    let managed = view.service.is_some_and(|service| service.key == manifest.key);
    let old = keeps_selector(manifest, view.observed);
    if old && if managed { selector.is_none() } else { !is_settled(view, release) } {
        return Form { decided: Decided::OldSelector, changes: false, taken: false, exact: true };
    }
    if !is_traffic_service(manifest) {
        return Form { decided: Decided::Nothing, changes: old, taken: false, exact: true };
    }
    let wanted = selector.filter(|_| managed).cloned().unwrap_or_else(|| manifest.service_selector());
    let live = view.observed.objects.get(&manifest.key).and_then(Live::service);
    let changes = live.is_some_and(|live| live.selector != wanted);
    let taken = !old && changes && live.is_some_and(|live| !live.owns_selector);
    Form { decided: Decided::Selector(wanted), changes: changes || old, taken, exact: true }
}

/// With the replicas that it is to have, but for those that an autoscaler set: an apply that leaves out what we do not own changes nothing,
/// while leaving out what we alone own would let the API server set 1 [C3].
fn deployment_form(workload: &Workload<'_>, next: Option<u32>) -> Form {
    let scaled = next.is_none() && workload.autoscaler.is_some() && !workload.owns_replicas();
    let taken = workload.replicas_taken();
    Form {
        decided: Decided::Replicas((!scaled).then(|| next.unwrap_or_else(|| workload.replicas()))),
        changes: next.is_some(),
        taken: taken && (next.is_some() || workload.replicas() <= workload.desired),
        exact: true,
    }
}

/// Whether it is the Service that takes the application's traffic.
fn is_traffic_service(manifest: &ManifestObject) -> bool {
    let mark = manifest.value.pointer("/metadata/annotations").and_then(|a| a.get(labels::TRAFFIC));
    manifest.key.is("", "Service") && mark.is_some()
}

/// The fields of `spec` that converge decides and the manifest does not. `old`: it was there before and has the selector it had.
pub(super) fn decided_fields(manifest: &ManifestObject, old: bool) -> &'static [&'static str] {
    match (manifest.key.group.as_str(), manifest.key.kind.as_str()) {
        ("apps", "Deployment") if manifest.scope == Scope::Release => &["replicas"],
        ("", "Service") if old || is_traffic_service(manifest) => &["selector"],
        _ => &[],
    }
}
