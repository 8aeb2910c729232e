//! Where the kinds of Kubernetes keep the pods they make.

use super::ObjectKey;

/// JSON pointer of the pod template (`metadata`, `spec`) in an object of this kind; for a Pod, the object itself.
/// `None` for kinds that make no pods.
pub(super) fn template(key: &ObjectKey) -> Option<&'static str> {
    match (key.group.as_str(), key.kind.as_str()) {
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job")
        | ("", "ReplicationController") => Some("/spec/template"),
        ("batch", "CronJob") => Some("/spec/jobTemplate/spec/template"),
        ("", "PodTemplate") => Some("/template"),
        ("", "Pod") => Some(""),
        _ => None,
    }
}

/// Whether the kind has a `spec.selector` that must match its own pod template.
pub(super) fn selects_own_pods(key: &ObjectKey) -> bool {
    key.group == "apps" && template(key).is_some()
}
