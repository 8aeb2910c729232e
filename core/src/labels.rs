//! The marks Shipper leaves in a cluster: a public contract (design section 5).

/// Label on every object and pod of an application: the application's name.
pub const APPLICATION: &str = "shipper.dev/application";
/// Label on every release-scoped object and its pods: the release's name.
pub const RELEASE: &str = "shipper.dev/release";
/// Label with the value `"true"` on pods that are to serve; on a Service, the annotation or label that says which one takes the traffic.
pub const TRAFFIC: &str = "shipper.dev/traffic";
/// Annotation `release` or `application`: overrides the scope that follows from the kind.
pub const SCOPE: &str = "shipper.dev/scope";
/// Annotation on an applied object: the hash of the manifest that was applied last, without `replicas` and the traffic selector.
pub const APPLIED: &str = "shipper.dev/applied";
/// Annotation on a rendered object: it may be taken over although it exists already [C8].
pub const ADOPT: &str = "shipper.dev/adopt";
/// Annotation on a Service that was taken over and still has the selector that it had [C8].
pub const ADOPTED: &str = "shipper.dev/adopted";
/// Annotation on an object that no removal may delete [X1].
pub const KEEP: &str = "shipper.dev/keep";
/// Label on the Job of an analysis and its pods: the analysis' name [A4].
pub const ANALYSIS: &str = "shipper.dev/analysis";
/// Kubernetes' own label for the tool that manages an object; its value here is [`MANAGER`].
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`].
pub const MANAGER: &str = "shipper";
/// Field manager of every server-side apply.
pub const FIELD_MANAGER: &str = "shipper-agent";
/// ApplySet membership (KEP-3659): on members, the ID of their set.
pub const APPLYSET_PART_OF: &str = "applyset.kubernetes.io/part-of";
/// ApplySet identity: on the parent object.
pub const APPLYSET_ID: &str = "applyset.kubernetes.io/id";
/// ApplySet tooling annotation on the parent object.
pub const APPLYSET_TOOLING: &str = "applyset.kubernetes.io/tooling";
/// ApplySet annotation on the parent object: the kinds that its members have.
pub const APPLYSET_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
/// Kubernetes' own annotation that tells a ReplicaSet which pods to take first.
pub const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
/// Kubernetes' own label on an EndpointSlice: the Service it belongs to.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
