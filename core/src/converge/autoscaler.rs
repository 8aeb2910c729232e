//! A HorizontalPodAutoscaler that belongs to a release, and how far it may go at this moment [C3].
//!
//! Two hands are on `spec.replicas`: the autoscaler follows the load, the rollout says how much of a release there is to be.
//! They do not fight because the rollout speaks through the autoscaler's own bounds: a lowest count while the release has
//! capacity, and no way up while its pods come or go.

use super::Wanted;
use super::view::Workload;
use crate::manifest::{ManifestObject, Manifests, Scope};
use crate::observe::{Live, Observed};
use crate::state::TargetRelease;
use serde_json::{Value, json};

/// The autoscaler of one Deployment.
pub(super) struct Autoscaler<'a> {
    pub(super) manifest: &'a ManifestObject,
    /// What percentages are taken of while the release rolls out, in replicas.
    pub(super) base: u32,
    /// So many replicas there are to be at least; 0 where the release has no capacity.
    pub(super) minimum: u32,
}

/// The autoscaler among the release's objects that scales this Deployment. A rendered `replicas: 0` turns it off, as it does in
/// Kubernetes.
pub(super) fn autoscaler<'a>(
    wanted: Wanted<'a>,
    observed: &Observed,
    release: &TargetRelease,
    deployment: &ManifestObject,
) -> Option<Autoscaler<'a>> {
    let manifest = scaler_of(wanted.manifests.get(&release.name)?, deployment)?;
    let base_of = deployment.key.base_name(&release.name);
    let rendered = rendered_minimum(manifest);
    let recorded = release.autoscaler_base.get(&base_of).copied();
    let superseded = wanted.target.releases.iter().any(|r| r.generation > release.generation);
    let base = rendered.max(recorded.unwrap_or_else(|| replaced(wanted, observed, release, &base_of)));
    let minimum = match (release.capacity, recorded) {
        (0, _) => 0,
        // What has a newer one beside it is complete, and follows the load on its own.
        (_, None) if superseded => rendered,
        (percent, _) => super::view::share(base, percent),
    };
    Some(Autoscaler { manifest, base, minimum })
}

fn scaler_of<'a>(manifests: &'a Manifests, deployment: &ManifestObject) -> Option<&'a ManifestObject> {
    let target = |object: &'a ManifestObject, field: &str| {
        object.value.pointer("/spec/scaleTargetRef")?.get(field).and_then(Value::as_str)
    };
    manifests.objects.iter().filter(|_| deployment.replicas() > 0).find(|object| {
        object.scope == Scope::Release
            && object.key.is("autoscaling", "HorizontalPodAutoscaler")
            && object.key.namespace == deployment.key.namespace
            && target(object, "kind") == Some("Deployment")
            && target(object, "name") == Some(deployment.key.name.as_str())
    })
}

/// What an older release without an autoscaler renders for the same Deployment, as long as it has replicas: the first release
/// with an autoscaler takes over the load of one without.
fn replaced(wanted: Wanted<'_>, observed: &Observed, release: &TargetRelease, base: &str) -> u32 {
    let older = wanted.target.releases.iter().filter(|r| !r.absent && r.generation < release.generation);
    older
        .filter_map(|r| Some((r, wanted.manifests.get(&r.name)?)))
        .flat_map(|(r, manifests)| manifests.deployments().map(move |d| (r, manifests, d)))
        .filter(|(r, manifests, d)| d.key.base_name(&r.name) == base && scaler_of(manifests, d).is_none())
        .filter(|(_, _, d)| {
            let live = observed.objects.get(&d.key).and_then(Live::deployment);
            live.is_some_and(|live| live.replicas > 0)
        })
        .map(|(_, _, d)| d.replicas())
        .max()
        .unwrap_or(0)
}

fn bound(manifest: &ManifestObject, field: &str) -> u32 {
    // Kubernetes' default for `minReplicas`; `maxReplicas` is required.
    let value = manifest.value.get("spec").and_then(|spec| spec.get(field)).and_then(Value::as_u64);
    value.map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX))
}

fn rendered_minimum(manifest: &ManifestObject) -> u32 {
    bound(manifest, "minReplicas")
}

/// `minReplicas` and `maxReplicas` for when the Deployment has `next` replicas.
pub(super) fn bounds(workload: &Workload<'_>, scaler: &Autoscaler<'_>, next: u32) -> (u32, u32) {
    let rendered = (rendered_minimum(scaler.manifest), bound(scaler.manifest, "maxReplicas"));
    let held = next.max(1);
    match workload.release.capacity {
        // At zero replicas it is idle.
        0 if workload.replicas() == 0 && next == 0 => rendered,
        // Pods are on their way out, perhaps a few at a time: none may be added.
        0 => (1, held),
        // Pods are on their way in, as far as surge allows.
        _ if next < scaler.minimum => (held, held),
        _ => (scaler.minimum, rendered.1.max(scaler.minimum)),
    }
}

/// The autoscaler with these bounds.
pub(super) fn with_bounds(mut object: Value, (minimum, maximum): (u32, u32)) -> Value {
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("minReplicas".to_owned(), json!(minimum));
        spec.insert("maxReplicas".to_owned(), json!(maximum));
    }
    object
}
