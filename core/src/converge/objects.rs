//! Which objects are to be in the cluster, from which release's manifests, and which are not [C8, C10, C11].

use super::form::{Form, form_of, without_decided};
use super::view::View;
use super::{Action, Apply, Delete, MAX_REPAIR_PAUSE};
use crate::catalogue::Trouble;
use crate::manifest::{ManifestObject, ObjectKey, Scope, install_rank};
use crate::observe::{Live, NamespaceState, covers};
use crate::report::ObjectProblem;
use crate::state::TargetRelease;
use crate::{AppKey, ReleaseName, hash, labels};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Repairs that are made without a pause [C7].
const PROMPT_REPAIRS: u32 = 2;

/// What is to be done about objects now.
#[derive(Default)]
pub(super) struct Objects {
    pub(super) actions: Vec<Action>,
    pub(super) problems: Vec<ObjectProblem>,
    /// Releases with an object that is not applied as rendered.
    pub(super) incomplete: BTreeSet<ReleaseName>,
    /// When a repair or another try is due.
    pub(super) wake_at: Option<Timestamp>,
}

/// The ApplySet ID of an application (KEP-3659): of its parent, the ConfigMap [`parent_name`] in its namespace.
pub fn applyset_id(app: &AppKey) -> String {
    let parent = format!("{}.{}.ConfigMap.", parent_name(app), app.namespace);
    format!("applyset-{}-v1", base64url(&hash::sha256_hex(parent.as_bytes())))
}

/// The KEP's encoding: base64url of the digest, without padding.
fn base64url(hex: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bytes: Vec<u32> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| u32::from_str_radix(&String::from_utf8_lossy(pair), 16).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0, |bits, (i, byte)| bits | byte << (16 - 8 * i));
        for i in 0..=chunk.len() {
            text.push(ALPHABET[(bits >> (18 - 6 * i) & 63) as usize] as char);
        }
    }
    text
}

fn parent_name(app: &AppKey) -> String {
    format!("shipper-{}", app.name)
}

/// The ApplySet's parent: names the kinds that its members have, so that any tool can list them.
pub fn applyset_parent(app: &AppKey, kinds: &BTreeSet<String>) -> Value {
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": parent_name(app),
            "namespace": app.namespace,
            "labels": {
                labels::APPLYSET_ID: applyset_id(app),
                labels::APPLICATION: app.name,
                labels::MANAGED_BY: labels::MANAGER,
            },
            "annotations": {
                labels::APPLYSET_TOOLING: "shipper/v1",
                labels::APPLYSET_KINDS: kinds.join(","),
            },
        },
    })
}

/// Adds the marks of the ApplySet and of what was applied.
pub(super) fn complete(mut object: Value, app: &AppKey, digest: &str) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for (field, key, value) in [
            ("labels", labels::APPLYSET_PART_OF, applyset_id(app)),
            ("annotations", labels::APPLIED, digest.to_owned()),
        ] {
            if let Some(map) = metadata.entry(field).or_insert_with(|| json!({})).as_object_mut() {
                map.insert(key.to_owned(), Value::String(value));
            }
        }
    }
    object
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
        decide(view, object, form, &mut result);
    }
    prune(view, &wanted, &mut result);
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
    if live.is_some_and(|live| live.applied.as_ref() == Some(&digest)) {
        return;
    }
    result.actions.push(Action::Apply(Apply {
        rank: 0,
        object: complete(object, app, &digest),
        digest,
        uid: live.map(|live| live.uid.clone()),
        repair: false,
        why: "the inventory names the kinds in use",
        key,
    }));
}

fn group_kind(key: &ObjectKey) -> String {
    if key.group.is_empty() { key.kind.clone() } else { format!("{}.{}", key.kind, key.group) }
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
        && live.set.as_deref() != Some(applyset_id(app).as_str())
    {
        result.incomplete.insert(wanted.release.name.clone());
        result.problems.push(conflict(key, live));
        return;
    }
    let digest = &wanted.manifest.digest;
    let current = live.filter(|live| live.applied.as_ref() == Some(digest));
    let intact = current.is_some_and(|live| covers(&without_decided(wanted.manifest), &live.fields));
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
            wake_at(result, failure.retry_at);
            return;
        }
    }
    let repair = form.taken
        || (current.is_some() && !intact)
        || (live.is_none() && view.observed.repairs_expected(key));
    if repair && let Some(due) = repair_due(view, key, result) {
        wake_at(result, due);
        return;
    }
    let mut object = complete(form.object, app, digest);
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
        repair,
        why: match (live.is_some(), repair) {
            (_, true) => "another changed or deleted it",
            (false, _) => "it is not there",
            (true, _) if current.is_none() => "its manifest changed",
            (true, _) => "its replicas, bounds or selector are to change",
        },
        key: key.clone(),
    }));
}

/// From the third repair on there is a growing pause and a reported conflict [C7].
fn repair_due(view: &View<'_>, key: &ObjectKey, result: &mut Objects) -> Option<Timestamp> {
    let repairs = view.observed.repairs.get(key).filter(|r| r.times >= PROMPT_REPAIRS)?;
    let doublings = (repairs.times - PROMPT_REPAIRS).min(16);
    let pause = Duration::from_secs(1 << doublings).min(MAX_REPAIR_PAUSE);
    let managers = view.observed.objects.get(key).map(|live| live.managers.join(", ")).unwrap_or_default();
    result.problems.push(problem(
        key,
        true,
        Trouble::FieldConflict,
        &format!(
            "was changed by another {} times (field managers: {managers}); stop that, or leave the field out of the chart",
            repairs.times
        ),
    ));
    let due = repairs.last.saturating_add(jiff::SignedDuration::try_from(pause).ok()?).ok()?;
    (due > view.now).then_some(due)
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

fn conflict(key: &ObjectKey, live: &Live) -> ObjectProblem {
    let owner = match (&live.set, live.managers.is_empty()) {
        (Some(set), _) => format!("of another application ({set})"),
        (None, false) => format!("managed by {}", live.managers.join(", ")),
        (None, true) => "of somebody else".to_owned(),
    };
    problem(
        key,
        false,
        Trouble::OwnershipConflict,
        &format!("exists already and is {owner}; rename it in the chart or remove it from the cluster"),
    )
}

fn problem(key: &ObjectKey, heals: bool, reason: Trouble, message: &str) -> ObjectProblem {
    ObjectProblem { object: key.to_string(), heals, reason, message: message.to_owned() }
}

fn wake_at(result: &mut Objects, at: Timestamp) {
    result.wake_at = Some(result.wake_at.map_or(at, |earlier| earlier.min(at)));
}

/// Deletes what a tombstone names, and application-scoped objects that no release with capacity lists any more.
fn prune(view: &View<'_>, wanted: &BTreeMap<&ObjectKey, WantedObject<'_>>, result: &mut Objects) {
    let app = &view.wanted.target.application;
    let id = applyset_id(app);
    let with_capacity: Vec<_> =
        view.wanted.target.releases.iter().filter(|r| !r.absent && r.capacity > 0).collect();
    // Without every manifest at hand nothing is known to be unlisted.
    let all_known = !with_capacity.is_empty()
        && with_capacity.iter().all(|r| view.wanted.manifests.contains_key(&r.name));
    let parent = parent_name(app);
    for (key, live) in &view.observed.objects {
        if live.set.as_ref() != Some(&id) || live.terminating || wanted.contains_key(key) {
            continue;
        }
        let why = match &live.release {
            Some(release) => {
                let tombstone =
                    view.wanted.target.releases.iter().find(|r| r.name == *release).is_some_and(|r| r.absent);
                let empty = !view
                    .observed
                    .pods
                    .values()
                    .any(|pod| pod.release == *release && pod.ready && !pod.terminating);
                if !tombstone || !empty {
                    continue;
                }
                "its release is removed"
            }
            None => {
                let shadow = key.kind == "Service" && key.name.ends_with("-shadow");
                if !all_known || shadow || (key.kind == "ConfigMap" && key.name == parent) {
                    continue;
                }
                "no release with capacity lists it"
            }
        };
        if live.keep || protected(key) {
            continue;
        }
        result.actions.push(Action::Delete(Delete {
            rank: rank_of(&key.kind),
            uid: live.uid.clone(),
            why,
            key: key.clone(),
        }));
    }
}

/// Never pruned without explicit consent (design section 5).
fn protected(key: &ObjectKey) -> bool {
    matches!(
        key.kind.as_str(),
        "CustomResourceDefinition" | "Namespace" | "PersistentVolumeClaim" | "PersistentVolume"
    )
}
