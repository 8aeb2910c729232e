//! Where the objects of a kind are: the URL of each kind, looked up once per group and version, and never for the common ones.

use super::{Api, ApiError};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Kinds whose place has not changed since they became stable: api version, kind, plural, whether in a namespace.
const KNOWN: &[(&str, &str, &str, bool)] = &[
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Namespace", "namespaces", false),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("v1", "Pod", "pods", true),
    ("v1", "Secret", "secrets", true),
    ("v1", "Service", "services", true),
    ("v1", "ServiceAccount", "serviceaccounts", true),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("apps/v1", "DaemonSet", "daemonsets", true),
    ("apps/v1", "Deployment", "deployments", true),
    ("apps/v1", "StatefulSet", "statefulsets", true),
    ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
    ("batch/v1", "CronJob", "cronjobs", true),
    ("batch/v1", "Job", "jobs", true),
    ("coordination.k8s.io/v1", "Lease", "leases", true),
    ("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", true),
    ("networking.k8s.io/v1", "Ingress", "ingresses", true),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", false),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", true),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", true),
];

/// A kind and where its objects are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// `v1`, or group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name in URLs.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl Kind {
    /// A kind that every API server has; see [`Kinds::resolve`] for all others.
    pub fn known(api_version: &str, kind: &str) -> Option<Self> {
        KNOWN.iter().find(|known| known.0 == api_version && known.1 == kind).map(
            |(version, kind, plural, namespaced)| Self {
                api_version: (*version).to_owned(),
                kind: (*kind).to_owned(),
                plural: (*plural).to_owned(),
                namespaced: *namespaced,
            },
        )
    }

    /// URL of all its objects, or of those in a namespace.
    pub fn collection(&self, namespace: Option<&str>) -> String {
        let root = root(&self.api_version);
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }

    /// URL of one object.
    pub fn object(&self, namespace: Option<&str>, name: &str) -> String {
        format!("{}/{name}", self.collection(namespace))
    }
}

fn root(api_version: &str) -> String {
    if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") }
}

/// The kinds of one API server.
#[derive(Clone)]
pub struct Kinds {
    api: Api,
    cache: Arc<Mutex<HashMap<String, Arc<[Kind]>>>>,
}

impl Kinds {
    /// Nothing looked up yet.
    pub fn new(api: Api) -> Self {
        Self { api, cache: Arc::default() }
    }

    /// The kind, or `None` where the server does not have it (now: definitions come and go, so that is not remembered).
    ///
    /// # Errors
    /// The server could not be asked.
    pub async fn resolve(&self, api_version: &str, kind: &str) -> Result<Option<Kind>, ApiError> {
        if let Some(known) = Kind::known(api_version, kind) {
            return Ok(Some(known));
        }
        let cached = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(api_version).cloned();
        if let Some(found) = cached.and_then(|kinds| kinds.iter().find(|k| k.kind == kind).cloned()) {
            return Ok(Some(found));
        }
        let list = match self.api.get("discover", &root(api_version), "application/json").await {
            Ok(list) => list,
            Err(error) if error.code() == Some(404) => return Ok(None),
            Err(error) => return Err(error),
        };
        let kinds: Arc<[Kind]> = read(api_version, &list).into();
        let found = kinds.iter().find(|k| k.kind == kind).cloned();
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(api_version.to_owned(), kinds);
        Ok(found)
    }

    /// The kind of a group, in this version or in the one the server prefers; `None` where the server does not have it.
    ///
    /// # Errors
    /// The server could not be asked.
    pub async fn find(
        &self,
        (group, kind): &(String, String),
        api_version: Option<&str>,
    ) -> Result<Option<Kind>, ApiError> {
        if let Some(api_version) = api_version {
            return self.resolve(api_version, kind).await;
        }
        if group.is_empty() {
            return self.resolve("v1", kind).await;
        }
        let in_group = |known: &&str| known.split_once('/').is_some_and(|(of, _)| of == group);
        if let Some(known) = KNOWN.iter().find(|known| known.1 == kind && in_group(&known.0)) {
            return Ok(Kind::known(known.0, known.1));
        }
        let found = match self.api.get("discover", &format!("/apis/{group}"), "application/json").await {
            Ok(found) => found,
            Err(error) if error.code() == Some(404) => return Ok(None),
            Err(error) => return Err(error),
        };
        match found.pointer("/preferredVersion/groupVersion").and_then(Value::as_str) {
            Some(preferred) => self.resolve(preferred, kind).await,
            None => Ok(None),
        }
    }
}

fn read(api_version: &str, list: &Value) -> Vec<Kind> {
    let resources = list.get("resources").and_then(Value::as_array);
    resources
        .into_iter()
        .flatten()
        .filter_map(|resource| {
            let plural = resource.get("name")?.as_str()?;
            Some(Kind {
                api_version: api_version.to_owned(),
                kind: resource.get("kind")?.as_str()?.to_owned(),
                plural: (!plural.contains('/')).then(|| plural.to_owned())?,
                namespaced: resource.get("namespaced")?.as_bool()?,
            })
        })
        .collect()
}
