//! Which kinds live in no namespace.

use super::ObjectKey;
use serde_json::Value;
use std::collections::BTreeSet;

/// The cluster-scoped kinds of Kubernetes 1.35, with those of earlier versions that charts still render. Kinds of Kubernetes
/// are known by heart because rendering talks to no API server.
const BUILT_IN: &[(&str, &[&str])] = &[
    ("", &["Namespace", "Node", "PersistentVolume"]),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("certificates.k8s.io", &["CertificateSigningRequest", "ClusterTrustBundle"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("internal.apiserver.k8s.io", &["StorageVersion"]),
    ("networking.k8s.io", &["IPAddress", "IngressClass", "ServiceCIDR"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("policy", &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding"]),
    ("resource.k8s.io", &["DeviceClass", "DeviceTaintRule", "ResourceSlice"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    (
        "storage.k8s.io",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
    ),
    ("storagemigration.k8s.io", &["StorageVersionMigration"]),
    // Custom kinds so common that charts render them without their definition.
    ("cert-manager.io", &["ClusterIssuer"]),
    ("gateway.networking.k8s.io", &["GatewayClass"]),
];

/// The kinds that live in no namespace: Kubernetes' own, and those that CustomResourceDefinitions beside them define.
/// Every other kind counts as namespaced.
pub(super) struct ClusterScope {
    defined: BTreeSet<(String, String)>,
}

impl ClusterScope {
    /// Learns from the CustomResourceDefinitions among `objects`.
    pub(super) fn of<'a>(objects: impl Iterator<Item = &'a Value>) -> Self {
        Self { defined: objects.filter_map(defined_kind).collect() }
    }

    /// Whether objects of this kind live in no namespace.
    pub(super) fn has(&self, key: &ObjectKey) -> bool {
        let built_in =
            |(group, kinds): &(&str, &[&str])| *group == key.group && kinds.contains(&key.kind.as_str());
        BUILT_IN.iter().any(built_in) || self.defined.contains(&(key.group.clone(), key.kind.clone()))
    }
}

fn defined_kind(object: &Value) -> Option<(String, String)> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    (text("/kind") == Some("CustomResourceDefinition") && text("/spec/scope") == Some("Cluster"))
        .then(|| Some((text("/spec/group")?.to_owned(), text("/spec/names/kind")?.to_owned())))?
}
