//! The selector of the traffic Service: by release while one has all the traffic ("corked"), by label in between [C6].

use super::adopt::settles_on;
use super::applyset::complete;
use super::objects::{conflict, rank_of};
use super::settle::has_passed;
use super::traffic::owed;
use super::view::View;
use super::{Action, Apply, Delete, Label, PROPAGATION};
use crate::catalogue::Trouble;
use crate::manifest::{ManifestObject, TargetPort, service_ports};
use crate::observe::{Live, Pod};
use crate::report::ObjectProblem;
use crate::{ReleaseName, hash, labels};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

/// Label on the headless Service that shows whether the endpoint controller has seen the pods' labels.
const SHADOW: &str = "shipper.dev/shadow";

/// The selector of the traffic Service now, and what the move to another one needs.
pub(super) struct Selector {
    /// To be applied to the Service; `None` = it keeps the one it has [C8].
    pub(super) selector: Option<BTreeMap<String, String>>,
    /// To be carried out beside.
    pub(super) actions: Vec<Action>,
    /// Why it cannot move.
    pub(super) problems: Vec<ObjectProblem>,
    /// When it may move at the earliest.
    pub(super) wake_at: Option<Timestamp>,
}

/// Decides the selector of the traffic Service. `labels`: those that are given and taken beside.
pub(super) fn selector(view: &View<'_>, service: &ManifestObject, labels: &[Label]) -> Selector {
    let by_label = by_label(view);
    let live = view.live_service().filter(|live| !live.terminating);
    let current = live.and_then(Live::service).map(|s| &s.selector);
    let sole = view.sole();
    // Enough pods that are ready in the endpoints already, so that the endpoint controller has seen what the selector will rely on. Where
    // no slice is seen, pods of other releases that have the label may serve all the same.
    let may_cork = |release: &ReleaseName| {
        let of_release = || view.serving_pods().filter(|(workload, _)| workload.release.name == *release);
        let available = of_release().filter(|(workload, pod)| view.available(workload, pod)).count();
        let served = of_release().filter(|(workload, pod)| view.served(workload, pod)).count();
        let goal = view.goals.of(release) as usize;
        let others =
            || view.serving_pods().any(|(w, pod)| w.release.name != *release && pod.ready && pod.serving);
        let enough = available >= goal && (served >= goal || (view.endpoints.is_empty() && !others()));
        // Pods that the ReplicaSet is about to take would have traffic again.
        let going = of_release()
            .any(|(workload, pod)| workload.lowering.is_some() || (pod.marked && owed(view, workload, pod)));
        goal > 0 && enough && !going && !view.lowers(release)
    };
    let corked = view.corked().map(ReleaseName::from);
    let ours = corked.as_ref().is_some_and(|c| view.wanted.target.releases.iter().any(|r| r.name == *c))
        || current == Some(&by_label);
    let mut actions = Vec::new();
    let mut problems: Vec<ObjectProblem> = unreachable_ports(view, service).into_iter().collect();
    // What the Service is about to select; the shadow shows whether the endpoint controller is ready for it.
    let mut coming: Option<BTreeMap<String, String>> = None;
    let mut moving = false;
    let mut wake_at = None;
    let selector = match (&corked, sole) {
        _ if view.old_selector => {
            coming = settles_on(view).map(|release| by_release(view, release));
            coming.clone().filter(|_| settles_on(view).is_some_and(|r| shadow_lists_goal(view, service, r)))
        }
        // Stays corked, even while some of its pods fail.
        (Some(corked), Some(sole)) if sole.name == *corked && !view.lowers(corked) => {
            Some(by_release(view, corked))
        }
        (Some(corked), _) if ours && !problems.is_empty() => Some(by_release(view, corked)),
        (Some(corked), _) if ours => {
            moving = shadow_is_complete(view, service, corked, (labels, &mut wake_at));
            coming = (!moving).then(|| by_label.clone());
            Some(if moving { by_label } else { by_release(view, corked) })
        }
        (_, Some(sole)) if may_cork(&sole.name) => Some(by_release(view, &sole.name)),
        _ => Some(by_label),
    };
    match coming.map(|coming| shadow(view, service, &coming)) {
        Some(Ok(action)) => actions.push(action),
        Some(Err(problem)) => problems.push(problem),
        None if moving => {}
        None => actions.extend(remove_shadow(view, service)),
    }
    actions.retain(|action| !is_as_wanted(view, action));
    Selector { selector, actions, problems, wake_at }
}

/// Between two releases the Service must reach both: a number that differs would lead to a port that one of them does not have [C11].
fn unreachable_ports(view: &View<'_>, service: &ManifestObject) -> Option<ObjectProblem> {
    let ports = service_ports(service);
    let weighted =
        view.wanted.target.releases.iter().filter(|r| !r.absent && r.traffic.is_some_and(|w| w > 0));
    let others = weighted.filter(|r| view.front.is_none_or(|front| front.name != r.name));
    for release in others {
        let Some(other) = view.wanted.manifests.get(&release.name).and_then(|m| m.traffic_service()) else {
            continue;
        };
        for port in service_ports(other) {
            let same = ports.iter().find(|own| own.port == port.port && own.protocol == port.protocol);
            if let Some(own) = same
                && own.target != port.target
                && (matches!(own.target, TargetPort::Number(_))
                    || matches!(port.target, TargetPort::Number(_)))
            {
                return Some(ObjectProblem {
                    object: service.key.to_string(),
                    heals: false,
                    reason: Trouble::PortConflict,
                    message: format!(
                        "port {} leads to another targetPort in {}; while both have traffic the Service must reach both: \
                         name the port in the pods and use the name as targetPort",
                        port.port, release.name
                    ),
                });
            }
        }
    }
    None
}

fn by_label(view: &View<'_>) -> BTreeMap<String, String> {
    BTreeMap::from([
        (labels::APPLICATION.to_owned(), view.wanted.target.application.name.clone()),
        (labels::TRAFFIC.to_owned(), "true".to_owned()),
    ])
}

/// The chart's own selector of that release, and the release: its other pods (workers) stay out.
fn by_release(view: &View<'_>, release: &ReleaseName) -> BTreeMap<String, String> {
    let service = view.wanted.manifests.get(release).and_then(|m| m.traffic_service());
    let mut selector = service.map(ManifestObject::service_selector).unwrap_or_default();
    selector.insert(labels::APPLICATION.to_owned(), view.wanted.target.application.name.clone());
    selector.insert(labels::RELEASE.to_owned(), release.to_string());
    selector
}

/// A Service name that no chart is likely to use, at most 63 characters.
fn shadow_name(service: &ManifestObject) -> String {
    let name = &service.key.name;
    if name.len() <= 55 {
        format!("{name}-shadow")
    } else {
        format!("{}-{}-shadow", &name[..46], hash::short(name, 8))
    }
}

/// The headless Service with the coming selector.
fn shadow(
    view: &View<'_>,
    service: &ManifestObject,
    selector: &BTreeMap<String, String>,
) -> Result<Action, ObjectProblem> {
    let mut key = service.key.clone();
    key.name = shadow_name(service);
    let live = view.observed.objects.get(&key);
    if let Some(live) = live.filter(|live| live.set.as_ref() != Some(&view.own)) {
        return Err(conflict(&key, live));
    }
    let object = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "labels": {
                labels::APPLICATION: view.wanted.target.application.name,
                labels::MANAGED_BY: labels::MANAGER,
                SHADOW: "true",
            },
        },
        "spec": {"clusterIP": "None", "selector": selector},
    });
    let digest = hash::short(&object, 16);
    Ok(Action::Apply(Apply {
        rank: rank_of(&key.kind),
        object: complete(object, &view.wanted.target.application, &digest),
        digest,
        uid: live.map(|live| live.uid.clone()),
        resource_version: None,
        repair: false,
        why: "shows whether the endpoint controller has seen the pods' labels",
        key,
    }))
}

fn is_as_wanted(view: &View<'_>, action: &Action) -> bool {
    let Action::Apply(apply) = action else { return false };
    view.observed.objects.get(&apply.key).is_some_and(|live| live.applied.as_ref() == Some(&apply.digest))
}

/// Whether moving the selector now would keep every pod that serves, and bring none in that is to stay out: all of the corked release's
/// pods that are ready have the label, and the endpoint controller has seen who has it and who has not. Where too few are ready, those
/// that are not have it too: who sees one become ready sees its label.
fn shadow_is_complete(
    view: &View<'_>,
    service: &ManifestObject,
    corked: &ReleaseName,
    (labels, wake_at): (&[Label], &mut Option<Timestamp>),
) -> bool {
    let name = shadow_name(service);
    let mut key = service.key.clone();
    key.name.clone_from(&name);
    let Some(live) = view.observed.objects.get(&key) else {
        // Nothing serves through the old selector: there is nothing to keep.
        return view.endpoints.is_empty()
            && !view.serving_pods().any(|(w, pod)| w.release.name == *corked && pod.ready);
    };
    let listed = view.observed.endpoints(&name, &live.uid);
    let unready = view.counts_on_unready(corked);
    let taken = |pod: &Pod| labels.iter().any(|label| !label.serve && label.pod == pod.name);
    let mut comes_in = |pod: &Pod| match pod.serving {
        true => taken(pod),
        false => listed.contains(pod.name.as_str()) || !is_known_to_have_none(view, pod, wake_at),
    };
    if view.serving_pods().any(|(_, pod)| pod.ready && comes_in(pod)) {
        return false;
    }
    view.serving_pods()
        .filter(|(workload, pod)| workload.release.name == *corked && (pod.ready || unready))
        .all(|(_, pod)| pod.serving && (!pod.ready || listed.contains(pod.name.as_str())))
}

/// Whether the endpoint controller knows that a pod has no label. If it had one a moment ago, it would have traffic again for as long as that
/// controller is behind; the shadow need not have listed it yet.
fn is_known_to_have_none(view: &View<'_>, pod: &Pod, wake_at: &mut Option<Timestamp>) -> bool {
    // Whoever saw a pod lose it may be gone; the mark came with that.
    pod.unlabelled.or(pod.came_marked()).is_none_or(|lost| has_passed(view, lost, PROPAGATION, wake_at))
}

/// Whether the endpoint controller sees as many available pods of the release behind the coming selector as are to serve.
fn shadow_lists_goal(view: &View<'_>, service: &ManifestObject, release: &ReleaseName) -> bool {
    let name = shadow_name(service);
    let mut key = service.key.clone();
    key.name.clone_from(&name);
    let Some(live) = view.observed.objects.get(&key) else { return false };
    let listed = view.observed.endpoints(&name, &live.uid);
    let ready = view.serving_pods().filter(|(workload, pod)| {
        workload.release.name == *release
            && view.available(workload, pod)
            && listed.contains(pod.name.as_str())
    });
    ready.count() >= view.goals.of(release) as usize
}

fn remove_shadow(view: &View<'_>, service: &ManifestObject) -> Option<Action> {
    let mut key = service.key.clone();
    key.name = shadow_name(service);
    let ours = |live: &&Live| !live.terminating && live.set.as_ref() == Some(&view.own);
    let live = view.observed.objects.get(&key).filter(ours)?;
    Some(Action::Delete(Delete {
        rank: rank_of(&key.kind),
        uid: live.uid.clone(),
        resource_version: live.resource_version.clone(),
        why: "the selector has moved",
        key,
    }))
}
