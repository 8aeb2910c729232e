//! References between objects, rewritten when a release-scoped object gets its release's suffix.
//!
//! The rule: wherever an object names a *release-scoped object of the same stream*, it names this release's own copy afterwards.
//! It holds for release-scoped and application-scoped objects alike: an application-scoped object (StatefulSet, Ingress,
//! ServiceAccount …) is applied as one release's version of it and uses that release's copies. Names of objects that are not in
//! the stream (made by people, operators or controllers) are left as they are.
//!
//! Kubernetes' own kinds are rewritten at the places listed here. In custom resources only what cannot be misread is rewritten:
//! fields named `…Ref` or `…Refs` with a `kind` and a `name` (or whose own name says the kind), `secretName`, `configMapName`.

use super::{ObjectKey, pods};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The release-scoped objects of a stream and the names they get.
pub(super) struct Renames(BTreeMap<ObjectKey, String>);

/// A place in an object that names another: path to the map (`*` = every element), field with the name, group and kind named.
type Place = (&'static str, &'static str, &'static str, &'static str);

const POD_SPEC: &[Place] = &[
    ("volumes/*/configMap", "name", "", "ConfigMap"),
    ("volumes/*/secret", "secretName", "", "Secret"),
    ("volumes/*/projected/sources/*/configMap", "name", "", "ConfigMap"),
    ("volumes/*/projected/sources/*/secret", "name", "", "Secret"),
    ("volumes/*/persistentVolumeClaim", "claimName", "", "PersistentVolumeClaim"),
    ("volumes/*/csi/nodePublishSecretRef", "name", "", "Secret"),
    ("volumes/*/azureFile", "secretName", "", "Secret"),
    ("volumes/*/cephfs/secretRef", "name", "", "Secret"),
    ("volumes/*/flexVolume/secretRef", "name", "", "Secret"),
    ("volumes/*/iscsi/secretRef", "name", "", "Secret"),
    ("volumes/*/rbd/secretRef", "name", "", "Secret"),
    ("imagePullSecrets/*", "name", "", "Secret"),
    ("", "serviceAccountName", "", "ServiceAccount"),
    ("", "serviceAccount", "", "ServiceAccount"),
];

const CONTAINER: &[Place] = &[
    ("envFrom/*/configMapRef", "name", "", "ConfigMap"),
    ("envFrom/*/secretRef", "name", "", "Secret"),
    ("env/*/valueFrom/configMapKeyRef", "name", "", "ConfigMap"),
    ("env/*/valueFrom/secretKeyRef", "name", "", "Secret"),
];

const INGRESS: &[Place] = &[
    ("spec/tls/*", "secretName", "", "Secret"),
    ("spec/defaultBackend/service", "name", "", "Service"),
    ("spec/rules/*/http/paths/*/backend/service", "name", "", "Service"),
];

const SERVICE_ACCOUNT: &[Place] =
    &[("secrets/*", "name", "", "Secret"), ("imagePullSecrets/*", "name", "", "Secret")];

const BINDING: &[Place] = &[("subjects/*", "name", "", "ServiceAccount")];
const WEBHOOKS: &[Place] = &[("webhooks/*/clientConfig/service", "name", "", "Service")];
const DEFINITION: &[Place] = &[("spec/conversion/webhook/clientConfig/service", "name", "", "Service")];
const API_SERVICE: &[Place] = &[("spec/service", "name", "", "Service")];
const STATEFUL_SET: &[Place] = &[("spec", "serviceName", "", "Service")];

fn places(key: &ObjectKey) -> &'static [Place] {
    match (key.group.as_str(), key.kind.as_str()) {
        ("apps", "StatefulSet") => STATEFUL_SET,
        ("networking.k8s.io", "Ingress") => INGRESS,
        ("", "ServiceAccount") => SERVICE_ACCOUNT,
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => BINDING,
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => WEBHOOKS,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => DEFINITION,
        ("apiregistration.k8s.io", "APIService") => API_SERVICE,
        _ => &[],
    }
}

/// Places of Kubernetes' own kinds that name kind and name.
fn typed_places(key: &ObjectKey) -> &'static [&'static str] {
    match (key.group.as_str(), key.kind.as_str()) {
        ("autoscaling", "HorizontalPodAutoscaler") => {
            &["spec/scaleTargetRef", "spec/metrics/*/object/describedObject"]
        }
        ("networking.k8s.io", "Ingress") => {
            &["spec/defaultBackend/resource", "spec/rules/*/http/paths/*/backend/resource"]
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => &["roleRef"],
        _ => &[],
    }
}

impl Renames {
    /// From each release-scoped object's key, as rendered, to its new name.
    pub(super) fn new(names: BTreeMap<ObjectKey, String>) -> Self {
        Self(names)
    }

    /// The new name of an object as rendered; `None` for one that keeps its name.
    pub(super) fn of(&self, key: &ObjectKey) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Makes every reference in `object` (whose key is `key`) name this release's copies.
    pub(super) fn rewrite(&self, object: &mut Value, key: &ObjectKey) {
        if self.0.is_empty() {
            return;
        }
        let namespace = key.namespace.as_deref();
        if let Some(spec) = pods::template(key).and_then(|p| object.pointer_mut(p)?.get_mut("spec")) {
            self.rewrite_places(spec, POD_SPEC, namespace);
            for list in ["containers", "initContainers", "ephemeralContainers"] {
                each(spec, &[list, "*"], &mut |container| {
                    self.rewrite_places(container, CONTAINER, namespace);
                });
            }
        }
        self.rewrite_places(object, places(key), namespace);
        for path in typed_places(key) {
            each(object, &segments(path), &mut |reference| self.rewrite_typed(reference, None, namespace));
        }
        if key.group == "rbac.authorization.k8s.io" {
            self.rewrite_resource_names(object, namespace);
        }
        if !is_built_in(&key.group) {
            self.rewrite_custom(object, namespace);
        }
    }

    fn rewrite_places(&self, value: &mut Value, places: &[Place], namespace: Option<&str>) {
        for (path, field, group, kind) in places {
            each(value, &segments(path), &mut |map| self.rewrite_field(map, field, (group, kind), namespace));
        }
    }

    /// Rewrites `map[field]`, the name of a `kind` in the map's own `namespace` or else that of the object.
    fn rewrite_field(&self, map: &mut Value, field: &str, kind: (&str, &str), namespace: Option<&str>) {
        // A binding's subjects are of several kinds.
        if map.get("kind").and_then(Value::as_str).is_some_and(|k| k != kind.1) {
            return;
        }
        let namespace = map.get("namespace").and_then(Value::as_str).or(namespace);
        let Some(name) = map.get(field).and_then(Value::as_str) else { return };
        let key = ObjectKey {
            group: kind.0.to_owned(),
            kind: kind.1.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        };
        if let Some(new) = self.of(&key) {
            map[field] = Value::from(new);
        }
    }

    /// Rewrites a reference that says kind and name, and perhaps group and namespace.
    fn rewrite_typed(&self, reference: &mut Value, default_kind: Option<&str>, namespace: Option<&str>) {
        let text = |field: &str| reference.get(field).and_then(Value::as_str);
        let (Some(kind), Some(name)) = (text("kind").or(default_kind), text("name")) else { return };
        let namespace = text("namespace").or(namespace);
        let group = text("apiVersion")
            .map(|version| version.split_once('/').map_or("", |(group, _)| group))
            .or_else(|| text("apiGroup"))
            .or_else(|| text("group"));
        let named = self.0.iter().find(|(key, _)| {
            key.kind == kind
                && key.name == name
                && key.namespace.as_deref() == namespace
                && group.is_none_or(|group| group == key.group)
        });
        if let Some((_, new)) = named {
            reference["name"] = Value::from(new.as_str());
        }
    }

    /// Permissions on single objects: those of the release whose version of the role is applied.
    fn rewrite_resource_names(&self, role: &mut Value, namespace: Option<&str>) {
        each(role, &["rules", "*"], &mut |rule| {
            let lists = |field: &str, wanted: &str| {
                let list = rule.get(field).and_then(Value::as_array);
                list.is_some_and(|list| list.iter().any(|item| item == wanted || item == "*"))
            };
            let new: Vec<(String, String)> = self
                .0
                .iter()
                .filter(|(key, _)| namespace.is_none() || key.namespace.as_deref() == namespace)
                .filter(|(key, _)| {
                    lists("apiGroups", &key.group)
                        && lists("resources", &format!("{}s", key.kind.to_lowercase()))
                })
                .map(|(key, new)| (key.name.clone(), new.clone()))
                .collect();
            each(rule, &["resourceNames", "*"], &mut |name| {
                if let Some((_, new)) = new.iter().find(|(old, _)| name == old.as_str()) {
                    *name = Value::from(new.as_str());
                }
            });
        });
    }

    fn rewrite_custom(&self, value: &mut Value, namespace: Option<&str>) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.rewrite_custom(item, namespace)),
            Value::Object(map) => {
                for (field, value) in map.iter_mut() {
                    if let Some(prefix) = field.strip_suffix("Ref") {
                        self.rewrite_typed(value, kind_of_ref(prefix), namespace);
                    } else if let (Some(prefix), Value::Array(items)) =
                        (field.strip_suffix("Refs"), &mut *value)
                    {
                        items
                            .iter_mut()
                            .for_each(|item| self.rewrite_typed(item, kind_of_ref(prefix), namespace));
                    }
                    self.rewrite_custom(value, namespace);
                }
                for (field, kind) in [("secretName", "Secret"), ("configMapName", "ConfigMap")] {
                    self.rewrite_name(map, field, kind, namespace);
                }
            }
            _ => {}
        }
    }

    fn rewrite_name(&self, map: &mut Map<String, Value>, field: &str, kind: &str, namespace: Option<&str>) {
        if let Some(Value::String(name)) = map.get_mut(field) {
            let key = ObjectKey {
                group: String::new(),
                kind: kind.to_owned(),
                namespace: namespace.map(str::to_owned),
                name: name.clone(),
            };
            if let Some(new) = self.of(&key) {
                new.clone_into(name);
            }
        }
    }
}

/// The kind that widespread custom resources mean by a reference without `kind`.
fn kind_of_ref(field: &str) -> Option<&'static str> {
    match field {
        "secret" | "secretKey" => Some("Secret"),
        "configMap" | "configMapKey" => Some("ConfigMap"),
        "scaleTarget" => Some("Deployment"),
        "backend" => Some("Service"),
        _ => None,
    }
}

/// Whether a group is Kubernetes' own; Gateway API and others under `k8s.io` are custom resources.
fn is_built_in(group: &str) -> bool {
    const GROUPS: &[&str] = &[
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    ];
    // Kubernetes' older groups have no dot.
    !group.contains('.') || GROUPS.contains(&group)
}

fn segments(path: &'static str) -> Vec<&'static str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

/// Calls `visit` on every value at `path`, where `*` stands for every element of a list.
fn each(value: &mut Value, path: &[&str], visit: &mut dyn FnMut(&mut Value)) {
    match path.split_first() {
        None => visit(value),
        Some((&"*", rest)) => {
            for item in value.as_array_mut().into_iter().flatten() {
                each(item, rest, visit);
            }
        }
        Some((field, rest)) => {
            if let Some(child) = value.get_mut(*field) {
                each(child, rest, visit);
            }
        }
    }
}
