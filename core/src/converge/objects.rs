//! Which objects are to be in the cluster, from which release's manifests, and which are not [C8, C10, C11].

use super::adopt::{keeps_selector, kept, left_behind, may_adopt, predecessors};
use super::applyset::{applyset_parent, complete, group_kind};
use super::form::{Decided, Form, decided_fields, form_of};
use super::prune::prune;
use super::removal;
use super::view::View;
use super::{Action, Apply, repair, wake};
use crate::catalogue::Trouble;
use crate::manifest::{ManifestObject, ObjectKey, Scope, install_rank};
use crate::observe::{self, Judgement, Live, NamespaceState, covers};
use crate::report::ObjectProblem;
use crate::state::TargetRelease;
use crate::{AppKey, ReleaseName, hash};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done about objects now.
#[derive(Default)]
pub(super) struct Objects {
    pub(super) actions: Vec<Action>,
    pub(super) problems: Vec<ObjectProblem>,
    /// Releases with an object that is not applied as rendered.
    pub(super) incomplete: BTreeSet<ReleaseName>,
    /// Releases with a workload that is not done, for which their capacity waits [C11].
    pub(super) undone: BTreeSet<ReleaseName>,
    /// Objects of others to be looked at, because their being there is to be told.
    pub(super) look_for: BTreeSet<ObjectKey>,
    /// When a repair or another try is due.
    pub(super) wake_at: Option<Timestamp>,
}

pub(super) fn rank_of(kind: &str) -> usize {
    install_rank(kind)
}

/// One object that is to be in the cluster.
struct WantedObject<'a> {
    release: &'a TargetRelease,
    manifest: &'a ManifestObject,
}

/// Kinds that go where the traffic goes [C11].
fn follows_lead(key: &ObjectKey) -> bool {
    matches!(
        (key.group.as_str(), key.kind.as_str()),
        ("", "Service")
            | ("apps", "StatefulSet" | "DaemonSet")
            | ("networking.k8s.io" | "extensions", "Ingress")
    ) || key.group == "gateway.networking.k8s.io"
}

/// What to apply and what to delete. `replicas`: what capacity decided, by index of the workload; `selector`: what the traffic Service is
/// to select.
pub(super) fn objects(
    view: &View<'_>,
    replicas: &BTreeMap<usize, u32>,
    selector: Option<&BTreeMap<String, String>>,
) -> Objects {
    let mut result = Objects::default();
    let app = &view.wanted.target.application;
    let wanted = wanted_objects(view);
    for release in view.wanted.target.releases.iter().filter(|r| !r.absent) {
        if !view.wanted.manifests.contains_key(&release.name) {
            result.incomplete.insert(release.name.clone());
        }
    }
    if !namespace_ready(view, &wanted, &mut result) {
        result.incomplete.extend(wanted.values().map(|w| w.release.name.clone()));
        return result;
    }
    inventory(view, app, &wanted, &mut result);
    let crds_missing = missing_crds(view, &wanted);
    for (key, object) in &wanted {
        let form = form_of(view, object.release, object.manifest, replicas, selector);
        if waits_for_crd(key, &crds_missing) {
            result.incomplete.insert(object.release.name.clone());
            continue;
        }
        if matches!(form.decided, Decided::OldSelector) {
            result.problems.push(kept(view, object.manifest));
        }
        decide(view, object, form, &mut result);
        judge(view, object, &mut result);
    }
    result.look_for = predecessors(view);
    let left: Vec<ObjectProblem> = result.look_for.iter().filter_map(|key| left_behind(view, key)).collect();
    result.problems.extend(left);
    if view.wanted.target.absent {
        removal::remove(view, &mut result);
    } else {
        result.actions.extend(prune(view, |key| wanted.contains_key(key)));
    }
    result.problems.extend(repair::conflicts(view, &mut result.wake_at));
    result
}

fn wanted_objects<'a>(view: &View<'a>) -> BTreeMap<&'a ObjectKey, WantedObject<'a>> {
    let mut wanted: BTreeMap<&ObjectKey, WantedObject<'_>> = BTreeMap::new();
    let releases = || view.wanted.target.releases.iter().filter(|r| !r.absent);
    let any_capacity = releases().any(|r| r.capacity > 0);
    // Newest first, so that the first to name an application-scoped object is the newest with capacity.
    for release in releases().rev() {
        let Some(manifests) = view.wanted.manifests.get(&release.name) else { continue };
        // A release at 0/0 that this cluster never had is not installed [R7].
        let kept = release.capacity > 0 || view.present(&release.name);
        for manifest in &manifests.objects {
            let object = WantedObject { release, manifest };
            match manifest.scope {
                Scope::Release if kept => {
                    wanted.insert(&manifest.key, object);
                }
                Scope::Release => {}
                Scope::Application if release.capacity > 0 || (!any_capacity && kept) => {
                    let traffic = view.service.is_some_and(|service| service.key == manifest.key);
                    let leading = if traffic { view.front } else { view.lead };
                    let leads = leading.is_some_and(|leading| leading.name == release.name);
                    if (follows_lead(&manifest.key) && leads) || !wanted.contains_key(&manifest.key) {
                        wanted.insert(&manifest.key, object);
                    }
                }
                Scope::Application => {}
            }
        }
    }
    wanted
}

/// The objects that are to be in the cluster, each as one release has it, in the order of their names.
pub(super) fn asked<'a>(view: &View<'a>) -> impl Iterator<Item = &'a ManifestObject> {
    wanted_objects(view).into_values().map(|wanted| wanted.manifest)
}

/// The StatefulSets that are to be in the cluster, each as one release has it.
pub(super) fn stateful<'a>(view: &View<'a>) -> impl Iterator<Item = &'a ManifestObject> {
    asked(view).filter(|manifest| manifest.key.is("apps", "StatefulSet"))
}

/// Whether the namespace can be written to; makes it where asked for.
fn namespace_ready(
    view: &View<'_>,
    wanted: &BTreeMap<&ObjectKey, WantedObject<'_>>,
    result: &mut Objects,
) -> bool {
    let app = &view.wanted.target.application;
    let mut problem = |reason: Trouble, message: String| {
        result.problems.push(ObjectProblem {
            object: format!("Namespace {}", app.namespace),
            heals: true,
            reason,
            message,
        });
    };
    match view.observed.namespace {
        NamespaceState::Active => true,
        _ if wanted.is_empty() => true,
        NamespaceState::Unknown => false,
        NamespaceState::Terminating => {
            problem(
                Trouble::NamespaceTerminating,
                format!("namespace {} is being deleted; waiting until it is gone", app.namespace),
            );
            false
        }
        NamespaceState::Missing if view.wanted.target.create_namespace => {
            let object =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": app.namespace}});
            let key = ObjectKey {
                group: String::new(),
                kind: "Namespace".to_owned(),
                namespace: None,
                name: app.namespace.clone(),
            };
            result.actions.push(Action::Apply(Apply {
                rank: rank_of("Namespace"),
                digest: hash::short(&object, 16),
                object,
                uid: None,
                resource_version: None,
                repair: false,
                why: "the application creates its namespace",
                key,
            }));
            false
        }
        NamespaceState::Missing => {
            problem(
                Trouble::NamespaceMissing,
                format!(
                    "namespace {} does not exist; create it, or set spec.createNamespace: true on the Application",
                    app.namespace
                ),
            );
            false
        }
    }
}

/// Keeps the ApplySet's parent up to date before members of a new kind are applied.
fn inventory(
    view: &View<'_>,
    app: &AppKey,
    wanted: &BTreeMap<&ObjectKey, WantedObject<'_>>,
    result: &mut Objects,
) {
    if wanted.is_empty() {
        return;
    }
    let mut kinds: BTreeSet<String> = wanted.keys().map(|key| group_kind(key)).collect();
    kinds.insert("Service".to_owned());
    let object = applyset_parent(app, &kinds);
    let Some(key) = ObjectKey::of(&object) else { return };
    let digest = hash::short(&object, 16);
    let live = view.observed.objects.get(&key);
    if let Some(live) = live.filter(|live| live.set.as_ref() != Some(&view.own)) {
        result.problems.push(conflict(&key, live));
        return;
    }
    if live.is_some_and(|live| live.applied.as_ref() == Some(&digest)) {
        return;
    }
    result.actions.push(Action::Apply(Apply {
        rank: 0,
        object: complete(object, app, &digest),
        digest,
        uid: live.map(|live| live.uid.clone()),
        resource_version: None,
        repair: false,
        why: "the inventory names the kinds in use",
        key,
    }));
}

/// Group and kind of custom resources whose CRD comes with the application and is not established yet.
fn missing_crds(
    view: &View<'_>,
    wanted: &BTreeMap<&ObjectKey, WantedObject<'_>>,
) -> BTreeSet<(String, String)> {
    use crate::observe::View as Kind;
    wanted
        .iter()
        .filter(|(key, _)| key.is("apiextensions.k8s.io", "CustomResourceDefinition"))
        .filter(|(key, _)| {
            !view
                .observed
                .objects
                .get(**key)
                .is_some_and(|live| matches!(live.view, Kind::Crd { established: true }))
        })
        .filter_map(|(_, object)| {
            let text = |path| object.manifest.value.pointer(path).and_then(Value::as_str).map(str::to_owned);
            Some((text("/spec/group")?, text("/spec/names/kind")?))
        })
        .collect()
}

fn waits_for_crd(key: &ObjectKey, missing: &BTreeSet<(String, String)>) -> bool {
    missing.iter().any(|(group, kind)| key.is(group, kind))
}

fn decide(view: &View<'_>, wanted: &WantedObject<'_>, form: Form, result: &mut Objects) {
    let key = &wanted.manifest.key;
    let app = &view.wanted.target.application;
    let live = view.observed.objects.get(key);
    if let Some(live) = live
        && live.set.as_ref() != Some(&view.own)
        && !may_adopt(wanted.manifest, live)
    {
        result.incomplete.insert(wanted.release.name.clone());
        result.problems.push(conflict(key, live));
        return;
    }
    let digest = &wanted.manifest.digest;
    let current = live.filter(|live| live.applied.as_ref() == Some(digest));
    let decided = decided_fields(wanted.manifest, keeps_selector(wanted.manifest, view.observed));
    let intact = current.is_some_and(|live| covers(&wanted.manifest.value, decided, &live.fields));
    let terminating = live.is_some_and(|live| live.terminating);
    if intact && !form.changes && !form.taken {
        return;
    }
    if !intact {
        result.incomplete.insert(wanted.release.name.clone());
    }
    if terminating {
        result.problems.push(problem(
            key,
            true,
            Trouble::Terminating,
            "is being deleted; it is made anew once it is gone",
        ));
        return;
    }
    if let Some(failure) = view.observed.failures.get(key).filter(|failure| failure.digest == *digest) {
        result.incomplete.insert(wanted.release.name.clone());
        result.problems.push(problem(key, failure.heals, failure.reason, &failure.message));
        if failure.retry_at > view.now {
            wake(&mut result.wake_at, failure.retry_at);
            return;
        }
    }
    let repair =
        form.taken || (current.is_some() && !intact) || (live.is_none() && view.observed.was_deleted(key));
    if repair && let Some(due) = repair::due(view, key) {
        wake(&mut result.wake_at, due);
        return;
    }
    let exact = form.exact;
    let mut object = complete(form.object(wanted.manifest), app, digest);
    if live.is_none() && !view.observed.failures.contains_key(key) {
        restore_addresses(view, key, &mut object);
    }
    // An autoscaler that is there learns of its new bounds before the replicas change.
    let scaler = live.is_some_and(|live| live.autoscaler().is_some());
    result.actions.push(Action::Apply(Apply {
        rank: if scaler { rank_of("Deployment").saturating_sub(1) } else { rank_of(&key.kind) },
        object,
        digest: digest.clone(),
        uid: live.map(|live| live.uid.clone()),
        resource_version: live.filter(|_| exact).map(|live| live.resource_version.clone()),
        repair,
        why: match (live.is_some(), repair) {
            (_, true) => "another changed or deleted it",
            (false, _) => "it is not there",
            (true, _) if live.is_some_and(|live| live.set.is_none()) => {
                "it was there before and is taken over"
            }
            (true, _) if current.is_none() => "its manifest changed",
            (true, _) => "its replicas, bounds or selector are to change",
        },
        key: key.clone(),
    }));
}

/// A step waits for the StatefulSets, DaemonSets and Jobs of the releases that have capacity; one at zero waits for none.
fn judge(view: &View<'_>, wanted: &WantedObject<'_>, result: &mut Objects) {
    let key = &wanted.manifest.key;
    let live = view.observed.objects.get(key).filter(|_| wanted.release.capacity > 0);
    let told = match live.map(|live| &live.view) {
        Some(observe::View::Judged(Judgement::Waiting(what))) => {
            problem(key, true, Trouble::Unfinished, what)
        }
        Some(observe::View::Judged(Judgement::Failed(why))) => problem(
            key,
            false,
            Trouble::JobFailed,
            &format!("has failed ({why}); mend what it runs, or return to the release before"),
        ),
        _ => return,
    };
    result.undone.insert(wanted.release.name.clone());
    result.problems.push(told);
}

fn restore_addresses(view: &View<'_>, key: &ObjectKey, object: &mut Value) {
    let Some(former) = view.observed.former_services.get(key) else { return };
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if !former.cluster_ip.is_empty() && !spec.contains_key("clusterIP") {
        spec.insert("clusterIP".to_owned(), json!(former.cluster_ip));
    }
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        let number =
            port.get("port").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP").to_owned();
        if let Some(node) = former.node_ports.get(&(number, protocol)) {
            port.entry("nodePort").or_insert_with(|| json!(node));
        }
    }
}

/// An object of somebody else stands where one of ours is to be [C8].
pub(super) fn conflict(key: &ObjectKey, live: &Live) -> ObjectProblem {
    let owner = match (&live.set, live.managers.is_empty()) {
        (Some(set), _) => format!("of another application ({set})"),
        (None, false) => format!("managed by {}", live.managers.join(", ")),
        (None, true) => "of somebody else".to_owned(),
    };
    let advice = if live.set.is_some() || key.is("apps", "Deployment") {
        "rename it in the chart or remove it from the cluster"
    } else {
        "rename it in the chart, remove it from the cluster, or let it be taken over with the annotation shipper.dev/adopt: \"true\" \
         on it in the chart"
    };
    problem(key, false, Trouble::OwnershipConflict, &format!("exists already and is {owner}; {advice}"))
}

pub(super) fn problem(key: &ObjectKey, heals: bool, reason: Trouble, message: &str) -> ObjectProblem {
    ObjectProblem { object: key.to_string(), heals, reason, message: message.to_owned() }
}
