//! Taking over what was there before, where the chart asks for it [C8].
//!
//! A Service that is taken over keeps the selector that it had, and with it its pods, until the application's first release has
//! the numbers of its last step and the pods for them; an annotation on it remembers that. Then it is corked in one PATCH.

use super::view::{View, Workload, count};
use crate::ReleaseName;
use crate::catalogue::Trouble;
use crate::labels;
use crate::manifest::{ManifestObject, ObjectKey};
use crate::observe::{Live, Observed};
use crate::report::ObjectProblem;
use crate::state::TargetRelease;
use std::collections::BTreeSet;

fn asked_for(manifest: &ManifestObject) -> bool {
    manifest.annotation(labels::ADOPT) == Some("true")
}

/// Whether an object that is nobody's, or another tool's, may be taken over. Deployments never are: their pods are what the
/// release's own replace; nor is what belongs to another application.
pub(super) fn may_adopt(manifest: &ManifestObject, live: &Live) -> bool {
    live.set.is_none() && !manifest.key.is("apps", "Deployment") && asked_for(manifest)
}

/// Whether it is a Service that has, or is to have for now, the selector that it had before.
pub(super) fn keeps_selector(manifest: &ManifestObject, observed: &Observed) -> bool {
    manifest.key.is("", "Service")
        && observed.objects.get(&manifest.key).is_some_and(|live| live.adopted || may_adopt(manifest, live))
}

/// The release that an adopted traffic Service may be corked to now, once enough of its pods are seen to be ready: the only one
/// with traffic, at the end of its way.
pub(super) fn settles_on<'a>(view: &View<'a>) -> Option<&'a ReleaseName> {
    let sole = view.sole().filter(|_| !view.wanted.target.arriving)?;
    let of_release = view.serving_pods().filter(|(workload, _)| workload.release.name == sole.name);
    let available = of_release.filter(|(workload, pod)| view.available(workload, pod)).count();
    let goal = view.goals.of(&sole.name);
    (goal > 0 && count(available) >= goal).then_some(&sole.name)
}

/// Whether a Service that takes no traffic of releases may have the chart's selector: all pods of its release are available.
pub(super) fn is_settled(view: &View<'_>, release: &TargetRelease) -> bool {
    let available = |workload: &Workload<'_>| {
        count(workload.pods.iter().filter(|pod| view.available(workload, pod)).count())
    };
    let mut workloads = view.workloads.iter().filter(|workload| workload.release.name == release.name);
    !view.wanted.target.arriving && workloads.all(|workload| available(workload) >= workload.desired)
}

/// What is said of a Service that keeps its selector.
pub(super) fn kept(view: &View<'_>, manifest: &ManifestObject) -> ObjectProblem {
    let selector = view.observed.objects.get(&manifest.key).and_then(Live::service).map(|service| {
        let pairs: Vec<String> =
            service.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join(",")
    });
    let until = if view.wanted.target.arriving {
        "the first release has reached its last step"
    } else {
        "one release has all the traffic, and its pods are available"
    };
    ObjectProblem {
        object: manifest.key.to_string(),
        heals: true,
        reason: Trouble::Adopting,
        message: format!(
            "was there before and keeps its selector ({}) until {until}",
            selector.unwrap_or_default()
        ),
    }
}

/// The Deployments that releases with adopted objects may have been made from: as the chart names them, without a release's suffix.
pub(super) fn predecessors(view: &View<'_>) -> BTreeSet<ObjectKey> {
    let adopts = |release: &ReleaseName| {
        view.wanted.manifests.get(release).is_some_and(|m| m.objects.iter().any(asked_for))
    };
    let of_workload = |workload: &Workload<'_>| {
        let name = workload.manifest.key.base_name(&workload.release.name);
        (name != workload.manifest.key.name).then(|| ObjectKey { name, ..workload.manifest.key.clone() })
    };
    view.workloads.iter().filter(|workload| adopts(&workload.release.name)).filter_map(of_workload).collect()
}

/// What is said of an old Deployment that is still there.
pub(super) fn left_behind(view: &View<'_>, key: &ObjectKey) -> Option<ObjectProblem> {
    let live = view.observed.objects.get(key)?;
    let foreign = live.set.as_ref() != Some(&view.own) && !live.terminating;
    let scale = live.deployment().map_or(0, |deployment| deployment.replicas);
    foreign.then(|| ObjectProblem {
        object: key.to_string(),
        heals: true,
        reason: Trouble::LeftBehind,
        message: format!(
            "was there before, has {scale} replicas and is left alone; once the release serves, remove it: kubectl -n {} delete \
             deployment {}",
            key.namespace.as_deref().unwrap_or_default(),
            key.name
        ),
    })
}
