//! Which resources the server serves, and what is special about each.

use serde_json::{Value, json};

use crate::schema::{Schema, Type};

/// Index of a resource in its cluster's registry; stable for the life of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(pub(crate) usize);

/// One served resource.
#[derive(Debug, Clone)]
pub struct Resource {
    /// API group; empty for core.
    pub group: String,
    /// Version within the group.
    pub version: String,
    /// Kind of its objects.
    pub kind: String,
    /// Plural name as in URLs.
    pub plural: String,
    /// Singular name.
    pub singular: String,
    /// Abbreviations.
    pub short_names: Vec<String>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Has `/status`.
    pub status: bool,
    /// Has `/scale`.
    pub scale: bool,
    /// Counts `metadata.generation`.
    pub generation: bool,
    /// Shape of its objects.
    pub(crate) shape: Type,
    /// Made from a CustomResourceDefinition.
    pub custom: bool,
    /// False once its definition is gone.
    pub(crate) served: bool,
}

impl Resource {
    /// `group/version`, or the version alone for core.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `plural.group`, or the plural alone for core: how messages name it.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Its rows in an `APIResourceList`.
    pub(crate) fn discovery(&self) -> Vec<Value> {
        let mut row = json!({
            "name": self.plural, "singularName": self.singular, "namespaced": self.namespaced, "kind": self.kind,
            "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        });
        if !self.short_names.is_empty() {
            row["shortNames"] = json!(self.short_names);
        }
        let mut rows = vec![row];
        let sub = |name: &str| {
            json!({
                "name": format!("{}/{name}", self.plural), "singularName": "", "namespaced": self.namespaced,
                "kind": self.kind, "verbs": ["get", "patch", "update"],
            })
        };
        if self.scale {
            let mut scale = sub("scale");
            scale["kind"] = json!("Scale");
            scale["group"] = json!("autoscaling");
            scale["version"] = json!("v1");
            rows.push(scale);
        }
        if self.status {
            rows.push(sub("status"));
        }
        rows
    }
}

/// group/version, kind, plural, short names, flags: n namespaced, s status, c scale, g generation.
const BUILT_IN: &[(&str, &str, &str, &str, &str)] = &[
    ("v1", "Namespace", "namespaces", "ns", "s"),
    ("v1", "Pod", "pods", "po", "nsg"),
    ("v1", "Service", "services", "svc", "ns"),
    ("v1", "ConfigMap", "configmaps", "cm", "n"),
    ("v1", "Secret", "secrets", "", "n"),
    ("v1", "ServiceAccount", "serviceaccounts", "sa", "n"),
    ("v1", "Node", "nodes", "no", "s"),
    ("v1", "Event", "events", "ev", "n"),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", "ns"),
    ("v1", "PersistentVolume", "persistentvolumes", "pv", "s"),
    ("v1", "Endpoints", "endpoints", "ep", "n"),
    ("v1", "ResourceQuota", "resourcequotas", "quota", "ns"),
    ("v1", "LimitRange", "limitranges", "limits", "n"),
    ("apps/v1", "Deployment", "deployments", "deploy", "nscg"),
    ("apps/v1", "ReplicaSet", "replicasets", "rs", "nscg"),
    ("apps/v1", "StatefulSet", "statefulsets", "sts", "nscg"),
    ("apps/v1", "DaemonSet", "daemonsets", "ds", "nsg"),
    ("apps/v1", "ControllerRevision", "controllerrevisions", "", "n"),
    ("batch/v1", "Job", "jobs", "", "nsg"),
    ("batch/v1", "CronJob", "cronjobs", "cj", "nsg"),
    ("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", "", "ng"),
    ("networking.k8s.io/v1", "Ingress", "ingresses", "ing", "nsg"),
    ("networking.k8s.io/v1", "IngressClass", "ingressclasses", "", "g"),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", "netpol", "ng"),
    ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", "ns"),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", "nsg"),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", "", "n"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", "", "n"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", "", ""),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", "", ""),
    ("coordination.k8s.io/v1", "Lease", "leases", "", "n"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", "crd", "sg"),
    ("storage.k8s.io/v1", "StorageClass", "storageclasses", "sc", ""),
    ("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", "pc", "g"),
];

/// The resources every cluster serves, in a fixed order.
pub(crate) fn built_in() -> Vec<Resource> {
    BUILT_IN
        .iter()
        .map(|(api_version, kind, plural, short, flags)| {
            let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
            Resource {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: (*kind).to_owned(),
                plural: (*plural).to_owned(),
                singular: kind.to_lowercase(),
                short_names: if short.is_empty() { Vec::new() } else { vec![(*short).to_owned()] },
                namespaced: flags.contains('n'),
                status: flags.contains('s'),
                scale: flags.contains('c'),
                generation: flags.contains('g'),
                shape: Schema::get().root(group, version, kind),
                custom: false,
                served: true,
            }
        })
        .collect()
}

/// Positions of the resources that controllers work on; they follow [`BUILT_IN`].
pub mod ids {
    use super::ResourceId;
    /// namespaces
    pub const NAMESPACES: ResourceId = ResourceId(0);
    /// pods
    pub const PODS: ResourceId = ResourceId(1);
    /// services
    pub const SERVICES: ResourceId = ResourceId(2);
    /// configmaps
    pub const CONFIG_MAPS: ResourceId = ResourceId(3);
    /// secrets
    pub const SECRETS: ResourceId = ResourceId(4);
    /// serviceaccounts
    pub const SERVICE_ACCOUNTS: ResourceId = ResourceId(5);
    /// nodes
    pub const NODES: ResourceId = ResourceId(6);
    /// deployments.apps
    pub const DEPLOYMENTS: ResourceId = ResourceId(13);
    /// replicasets.apps
    pub const REPLICA_SETS: ResourceId = ResourceId(14);
    /// statefulsets.apps
    pub const STATEFUL_SETS: ResourceId = ResourceId(15);
    /// daemonsets.apps
    pub const DAEMON_SETS: ResourceId = ResourceId(16);
    /// jobs.batch
    pub const JOBS: ResourceId = ResourceId(18);
    /// endpointslices.discovery.k8s.io
    pub const ENDPOINT_SLICES: ResourceId = ResourceId(20);
    /// horizontalpodautoscalers.autoscaling
    pub const AUTOSCALERS: ResourceId = ResourceId(24);
    /// customresourcedefinitions.apiextensions.k8s.io
    pub const DEFINITIONS: ResourceId = ResourceId(31);
}
