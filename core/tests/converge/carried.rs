//! What a decision makes of a cluster: its actions carried out as an API server would, while every controller stands still.

use crate::support::{Cluster, fields};
use serde_json::json;
use shipper_core::converge::{Action, Apply, Delete, Label, applyset_id};
use shipper_core::labels;
use shipper_core::manifest::ObjectKey;
use shipper_core::observe::DeploymentView;

impl Cluster {
    /// Carries the actions out, those of lower rank first.
    pub fn carry_out_all(&mut self, actions: &[Action]) {
        let mut actions: Vec<&Action> = actions.iter().collect();
        actions.sort_by_key(|action| rank(action));
        for action in actions {
            match action {
                Action::Apply(apply) if apply.key.is("apps", "Deployment") => self.carry_out_replicas(apply),
                Action::Apply(apply) => self.carry_out(apply),
                Action::Label(label) => self.carry_out_label(label),
                Action::Delete(delete) => self.carry_out_delete(delete),
            }
        }
    }

    fn deployment_view(&self, key: &ObjectKey) -> Option<DeploymentView> {
        self.index.observed(&self.app)?.objects.get(key)?.deployment().cloned()
    }

    /// The Deployment has its new replicas, and its controller has not seen them.
    fn carry_out_replicas(&mut self, apply: &Apply) {
        let before = self.deployment_view(&apply.key);
        let by = apply.repair.then(|| self.index.managers(&self.app, &apply.key));
        self.index.written(&self.app, &apply.key, by.as_deref(), self.now);
        let mut object = apply.object.clone();
        let same = before.as_ref().is_some_and(|d| object["spec"]["replicas"] == json!(d.replicas));
        let d = before.unwrap_or(DeploymentView { owns_replicas: true, ..DeploymentView::default() });
        let uid = apply.uid.clone().unwrap_or_else(|| format!("{}-new", apply.key.name));
        object["metadata"]["uid"] = json!(uid);
        object["metadata"]["generation"] = json!(2);
        object["metadata"]["managedFields"] = json!([{"manager": labels::FIELD_MANAGER, "operation": "Apply", "fieldsV1": {
            "f:metadata": {"f:labels": fields(&object["metadata"]["labels"]),
                "f:annotations": fields(&object["metadata"]["annotations"])},
            "f:spec": fields(&object["spec"]),
        }}]);
        let seen = if same && d.observed { 2 } else { 1 };
        object["status"] = json!({"observedGeneration": seen, "replicas": d.total, "updatedReplicas": d.updated,
            "readyReplicas": d.ready, "availableReplicas": d.available});
        self.see(object);
    }

    /// The pod has its label and its cost.
    fn carry_out_label(&mut self, label: &Label) {
        let pod = self.index.observed(&self.app).unwrap().pods[&label.pod].clone();
        self.index.labelled(&self.app, &label.pod, label.serve, self.now);
        let mut marks = pod.labels;
        marks.remove(labels::TRAFFIC);
        marks.extend(label.serve.then(|| (labels::TRAFFIC.to_owned(), "true".to_owned())));
        let cost = if label.serve { "1" } else { "-1" };
        let ready = if pod.ready { "True" } else { "False" };
        self.see(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": label.pod, "namespace": label.namespace, "uid": label.uid, "labels": marks,
                "annotations": {labels::DELETION_COST: cost}},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}}));
    }

    /// The object is gone.
    fn carry_out_delete(&mut self, delete: &Delete) {
        let key = &delete.key;
        self.index.deleting(&self.app, key, &delete.uid);
        let version = if key.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", key.group) };
        let metadata = json!({"name": key.name, "namespace": key.namespace, "uid": delete.uid,
            "labels": {labels::APPLYSET_PART_OF: applyset_id(&self.app)}});
        let object = json!({"apiVersion": version, "kind": key.kind, "metadata": metadata});
        self.index.delete(&object, self.now);
    }
}

/// When an action is due among those of one decision.
pub fn rank(action: &Action) -> usize {
    match action {
        Action::Apply(apply) => apply.rank,
        Action::Label(_) => 0,
        Action::Delete(delete) => usize::MAX - delete.rank,
    }
}
