//! The objects of the cluster as the API server returns them, made of what the agent applies.

use super::script::{NAME, RELEASES, Script, app, release, tick, wanted};
use super::world::{Deployment, Face, Selector};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use shipper_core::converge::{Action, converge};
use shipper_core::labels;
use shipper_core::observe::{Index, NamespaceState, Observed};

/// Pods that a release may have at once, by number.
pub const PODS: usize = 3;
/// All of them: those of the first release, then those of the next.
pub const SLOTS: usize = RELEASES * PODS;

/// What the agent applies, by what it is.
pub struct Objects {
    service: Value,
    shadow: Value,
    deployments: Vec<Value>,
}

/// The name of a pod.
pub fn pod_name(slot: usize) -> String {
    format!("pod-{}-{}", slot / PODS, slot % PODS)
}

/// The pod of this name.
pub fn slot_of(name: &str) -> usize {
    (0..SLOTS).find(|slot| pod_name(*slot) == name).expect("a pod of this model")
}

/// Name of the headless Service that shows what the coming selector would find.
fn shadow_name() -> String {
    format!("{NAME}-shadow")
}

impl Objects {
    /// Everything that is ever applied but for its numbers, and what is seen where only the inventory is there.
    pub fn of(script: &Script, now: Timestamp) -> (Self, Observed) {
        let mut index = Index::new();
        index.register(&app());
        index.set_namespace(&app().namespace, NamespaceState::Active);
        let (manifests, mut deployments, mut service) = (script.manifests(), Vec::new(), Value::Null);
        for number in 0..RELEASES {
            let mut target = script.targets[0].clone();
            let mut only = target.releases[0].clone();
            (only.name, only.capacity, only.absent) = (release(number), 100, false);
            target.releases = vec![only];
            let observed = index.observed(&app()).expect("a registered application");
            let asked = converge(wanted(&target, &manifests), observed, now);
            for action in asked.actions {
                let Action::Apply(apply) = action else { continue };
                match apply.key.kind.as_str() {
                    "Deployment" => deployments.push(owned(apply.object)),
                    "Service" => service = owned(apply.object),
                    _ => {
                        let mut inventory = owned(apply.object);
                        inventory["metadata"]["uid"] = json!("inventory");
                        index.apply(&inventory, now - 1000 * tick());
                    }
                }
            }
        }
        let base = index.observed(&app()).expect("a registered application").clone();
        (Self { service, shadow: Value::Null, deployments }, base)
    }

    /// The agent applies the shadow.
    pub fn shadow_is(&mut self, object: &Value) {
        self.shadow = owned(object.clone());
    }

    /// A pod.
    pub fn pod(&self, slot: usize, face: Face, version: u64) -> Value {
        let mut labels = self.deployments[slot / PODS]["spec"]["template"]["metadata"]["labels"].clone();
        if face.is_labelled() {
            labels[labels::TRAFFIC] = json!("true");
        }
        let ready = if face.is_ready() { "True" } else { "False" };
        let name = pod_name(slot);
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": app().namespace, "uid": name, "resourceVersion": version.to_string(),
                "labels": labels, "annotations": {labels::DELETION_COST: face.cost().to_string()}},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}})
    }

    /// The Deployment of a release.
    pub fn deployment(&self, number: usize, deployment: Deployment, version: u64) -> Value {
        let mut object = self.deployments[number].clone();
        object["metadata"]["uid"] = json!(format!("deployment-{number}"));
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        object["metadata"]["generation"] = json!(2);
        object["spec"]["replicas"] = json!(deployment.replicas);
        let (total, ready) = deployment.status;
        object["status"] = json!({"observedGeneration": if deployment.observed { 2 } else { 1 }, "replicas": total,
            "updatedReplicas": total, "readyReplicas": ready, "availableReplicas": ready});
        object
    }

    /// The traffic Service.
    pub fn service(&self, selector: Selector, version: u64) -> Value {
        let mut object = self.service.clone();
        object["metadata"]["uid"] = json!("service");
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        object["spec"]["selector"] = match selector {
            Selector::Label => json!({labels::APPLICATION: NAME, labels::TRAFFIC: "true"}),
            Selector::Release(number) => {
                json!({"app": NAME, labels::APPLICATION: NAME, labels::RELEASE: release(number.into())})
            }
        };
        object
    }

    /// The shadow, the so many-th.
    pub fn shadow(&self, number: u8, version: u64) -> Value {
        let mut object = self.shadow.clone();
        object["metadata"]["uid"] = json!(format!("shadow-{number}"));
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        object
    }

    /// The EndpointSlice of the traffic Service (`None`) or of the so many-th shadow, with these pods ready.
    pub fn slice(&self, shadow: Option<u8>, ready: &[String]) -> Value {
        let (service, owner) = match shadow {
            Some(number) => (shadow_name(), format!("shadow-{number}")),
            None => (NAME.to_owned(), "service".to_owned()),
        };
        let part_of = &self.service["metadata"]["labels"][labels::APPLYSET_PART_OF];
        let endpoints: Vec<Value> = ready
            .iter()
            .map(|name| json!({"conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": name}}))
            .collect();
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": format!("{owner}-slice"), "namespace": app().namespace,
                "labels": {labels::SERVICE_NAME: service, labels::APPLYSET_PART_OF: part_of},
                "ownerReferences": [{"kind": "Service", "name": service, "uid": owner}]},
            "endpoints": endpoints})
    }
}

/// The object as it is once we have applied it: its fields are ours.
fn owned(mut object: Value) -> Value {
    let metadata = &object["metadata"];
    let fields = json!({
        "f:metadata": {"f:labels": fields(&metadata["labels"]), "f:annotations": fields(&metadata["annotations"])},
        "f:spec": fields(&object["spec"]),
    });
    object["metadata"]["managedFields"] =
        json!([{"manager": labels::FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}]);
    object
}

/// `fieldsV1` that owns every field of an object.
fn fields(value: &Value) -> Value {
    let keys = value.as_object().into_iter().flat_map(Map::keys);
    keys.map(|key| (format!("f:{key}"), json!({}))).collect()
}
