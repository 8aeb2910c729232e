//! A cluster as the agent sees it, put together from objects as an API server returns them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shipper_core::converge::{Action, Apply, Convergence, Wanted, applyset_id, asked, converge, pods};
use shipper_core::intent::{Surge, TrafficMode};
use shipper_core::manifest::{Context, ManifestObject, Manifests, normalise};
use shipper_core::observe::Index;
use shipper_core::report::ReleaseReport;
use shipper_core::state::{Seconds, Target, TargetRelease};
use shipper_core::{AppKey, ReleaseName, labels};
use std::collections::BTreeMap;

/// Name of the Deployment as the chart has it.
pub const DEPLOYMENT: &str = "app";
/// The field manager of Kubernetes' own controllers.
pub const CONTROLLERS: &str = "kube-controller-manager";

/// The field manager of a person.
pub const PERSON: &str = "kubectl-edit";

#[derive(Clone, Debug)]
pub struct Cluster {
    pub app: AppKey,
    pub index: Index,
    version: u64,
    pub now: Timestamp,
    pub target: Target,
    manifests: BTreeMap<ReleaseName, Manifests>,
}

/// `app-0000000N-0`.
pub fn release(generation: u64) -> ReleaseName {
    ReleaseName::from(format!("app-{generation:08}-0"))
}

impl Cluster {
    /// An application with its namespace and nothing in it.
    pub fn new() -> Self {
        let app = AppKey::new("web", "app");
        let mut cluster = Self {
            index: Index::new(),
            version: 0,
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            target: Target {
                absent: false,
                application: app.clone(),
                generation: 1,
                surge: Surge::Pods(1),
                settle_seconds: Seconds(5000),
                traffic: TrafficMode::PodLabels,
                create_namespace: false,
                arriving: false,
                analysis: None,
                releases: Vec::new(),
            },
            manifests: BTreeMap::new(),
            app,
        };
        cluster.index.register(&cluster.app);
        cluster
            .see(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "uid": "web"}}));
        cluster
    }

    /// How many pods the target asks for, whatever is there.
    pub fn pods_asked_for(&self) -> u64 {
        pods(Wanted { target: &self.target, manifests: &self.manifests })
    }

    /// The objects that the target asks for, whatever is there.
    pub fn asked(&self) -> Vec<ManifestObject> {
        asked(Wanted { target: &self.target, manifests: &self.manifests })
    }

    /// One release with all the load of so many pods, at rest: the Service selects it by its label.
    pub fn corked(pods: u32) -> Self {
        let mut cluster = Self::new();
        cluster.release(100, 100, Some(pods), None);
        cluster.deployment(1, pods, labels::FIELD_MANAGER);
        cluster.service(1, &(0..pods).map(|number| (1, number)).collect::<Vec<_>>());
        let cork = cluster.apply(1, "Service").expect("it is to be corked");
        cluster.carry_out(&cork);
        assert!(cluster.apply(1, "Service").is_none());
        cluster
    }

    /// Adds a release to the target: `capacity` percent and `traffic` weight of what this renders to.
    pub fn release(
        &mut self,
        capacity: u8,
        traffic: u32,
        replicas: Option<u32>,
        scaler: Option<(u32, u32)>,
    ) -> u64 {
        let generation = self.target.releases.len() as u64 + 1;
        let name = release(generation);
        self.target.releases.push(TargetRelease {
            name: name.clone(),
            generation,
            capacity,
            traffic: Some(traffic),
            absent: false,
            autoscaler_base: BTreeMap::new(),
        });
        let mut rendered = vec![
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"},
                "spec": {"selector": {"app": "app"}, "ports": [{"port": 80, "targetPort": "http"}]}}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": DEPLOYMENT},
                "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "app"}},
                    "template": {"metadata": {"labels": {"app": "app"}},
                        "spec": {"containers": [{"name": "app", "image": format!("example.com/app:{generation}")}]}}}}),
        ];
        if let Some((minimum, maximum)) = scaler {
            rendered.push(json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "scaler"},
                "spec": {"minReplicas": minimum, "maxReplicas": maximum,
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": DEPLOYMENT}}}));
        }
        let text: Vec<String> = rendered.iter().map(Value::to_string).collect();
        let context = Context {
            application: &self.app,
            release: &name,
            manages_traffic: true,
            allow_cluster_scope: false,
            allow_secrets: false,
        };
        let bytes = normalise(text.join("\n---\n").as_bytes(), &context).unwrap();
        self.manifests.insert(name, Manifests::parse(&bytes).unwrap());
        generation
    }

    pub fn wanted(&mut self, generation: u64) -> &mut TargetRelease {
        self.target.releases.iter_mut().find(|r| r.generation == generation).unwrap()
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// A watch tells of an object.
    pub fn see(&mut self, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.index.apply(&object, self.now);
    }

    fn manifest(&self, generation: u64, kind: &str) -> &ManifestObject {
        let objects = &self.manifests[&release(generation)].objects;
        objects.iter().find(|object| object.key.kind == kind).unwrap()
    }

    /// The object as it is after our apply, changed by `change`; `taken`: fields of `spec` that another manager has set since.
    pub fn applied(&mut self, generation: u64, kind: &str, taken: &[&str], change: impl FnOnce(&mut Value)) {
        let manifest = self.manifest(generation, kind);
        let (digest, mut object) = (manifest.digest.clone(), manifest.value.clone());
        let uid = format!("{kind}-{generation}");
        object["metadata"]["uid"] = json!(uid);
        object["metadata"]["labels"][labels::APPLYSET_PART_OF] = json!(applyset_id(&self.app));
        object["metadata"]["annotations"][labels::APPLIED] = json!(digest);
        change(&mut object);
        let mut ours = fields(&object["spec"]);
        for field in taken {
            ours.as_object_mut().unwrap().remove(&format!("f:{field}"));
        }
        let metadata = &object["metadata"];
        let marks = json!({"f:labels": fields(&metadata["labels"]), "f:annotations": fields(&metadata["annotations"])});
        let taken: Value = taken.iter().map(|field| (format!("f:{field}"), json!({}))).collect();
        object["metadata"]["managedFields"] = json!([
            {"manager": labels::FIELD_MANAGER, "operation": "Apply", "fieldsV1": {"f:metadata": marks, "f:spec": ours}},
            {"manager": PERSON, "operation": "Update", "fieldsV1": {"f:spec": taken}},
            {"manager": CONTROLLERS, "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
        ]);
        self.see(object);
    }

    /// The Deployment with so many replicas, all of them there and ready. `by`: who set them, we or another.
    pub fn deployment(&mut self, generation: u64, replicas: u32, by: &str) {
        self.deployment_ready(generation, replicas, replicas, by);
    }

    /// `spec.replicas` of the Deployment is set by us; `status` is of so many pods, and of this count or the one before.
    pub fn lowered(&mut self, generation: u64, replicas: u32, (pods, observed): (u32, bool)) {
        self.rolling(generation, replicas, (pods, pods), observed);
    }

    /// Another, [`PERSON`], has set `spec.replicas`; its pods are as they were.
    pub fn taken(&mut self, generation: u64, replicas: u32) {
        self.applied(generation, "Deployment", &["replicas"], |object| {
            object["spec"]["replicas"] = json!(replicas);
            object["metadata"]["generation"] = json!(1);
            object["status"] = json!({"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas,
                "readyReplicas": replicas, "availableReplicas": replicas});
        });
    }

    /// As [`Self::lowered`], and so many of its pods are of its newest template.
    pub fn rolling(&mut self, generation: u64, replicas: u32, (pods, updated): (u32, u32), observed: bool) {
        self.applied(generation, "Deployment", &[], |object| {
            object["spec"]["replicas"] = json!(replicas);
            object["metadata"]["generation"] = json!(2);
            object["status"] = json!({"observedGeneration": if observed { 2 } else { 1 }, "replicas": pods,
                "updatedReplicas": updated, "readyReplicas": pods, "availableReplicas": pods});
        });
    }

    /// The Deployment with so many replicas of which so many are ready; its pods are seen too.
    pub fn deployment_ready(&mut self, generation: u64, replicas: u32, ready: u32, by: &str) {
        let taken: &[&str] = if by == labels::FIELD_MANAGER { &[] } else { &["replicas"] };
        self.workload(generation, replicas, taken, (true, replicas, ready));
        for number in 0..replicas {
            self.pod(generation, number, number < ready, true);
        }
    }

    /// The Deployment alone, with so many replicas; `status`: whether its controller has seen its spec, pods that are there, ready ones.
    pub fn workload(
        &mut self,
        generation: u64,
        replicas: u32,
        taken: &[&str],
        (seen, there, ready): (bool, u32, u32),
    ) {
        self.applied(generation, "Deployment", taken, |object| {
            object["spec"]["replicas"] = json!(replicas);
            object["metadata"]["generation"] = json!(2);
            object["status"] = json!({"observedGeneration": if seen { 2 } else { 1 }, "replicas": there,
                "updatedReplicas": there, "readyReplicas": ready, "availableReplicas": ready});
        });
    }

    /// One pod, with the traffic label or marked to go first.
    pub fn pod(&mut self, generation: u64, number: u32, ready: bool, serving: bool) {
        let mut marks =
            json!({"app": "app", labels::APPLICATION: "app", labels::RELEASE: release(generation)});
        let mut annotations = json!({});
        if serving {
            marks[labels::TRAFFIC] = json!("true");
        } else {
            annotations[labels::DELETION_COST] = json!("-1");
        }
        let name = format!("app-{generation}-{number}");
        self.see(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "web", "uid": name, "labels": marks, "annotations": annotations},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}}));
    }

    /// So many of its pods, from the first, are gone.
    pub fn gone(&mut self, generation: u64, pods: u32) {
        (0..pods).for_each(|number| self.lose(generation, number));
    }

    /// One pod is gone.
    pub fn lose(&mut self, generation: u64, number: u32) {
        let metadata = json!({"name": format!("app-{generation}-{number}"), "namespace": "web",
            "labels": {labels::APPLICATION: "app"}});
        self.index.delete(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata}), self.now);
    }

    /// The release's Deployment is rendered otherwise than it was applied.
    pub fn change_manifest(&mut self, generation: u64) {
        let manifests = self.manifests.get_mut(&release(generation)).unwrap();
        let manifest = manifests.objects.iter_mut().find(|object| object.key.kind == "Deployment").unwrap();
        "another".clone_into(&mut manifest.digest);
    }

    /// The release's Service leads to this port of its pods.
    pub fn target_port(&mut self, generation: u64, port: &Value) {
        let manifests = self.manifests.get_mut(&release(generation)).unwrap();
        let service = manifests.objects.iter_mut().find(|object| object.key.kind == "Service").unwrap();
        service.value["spec"]["ports"][0]["targetPort"] = port.clone();
    }

    /// The corked Service has got its addresses from the API server: an IP, and node ports by port.
    pub fn addresses(&mut self, generation: u64, ip: &str, node_ports: &[(u32, u32)]) {
        let selector =
            json!({"app": "app", labels::APPLICATION: "app", labels::RELEASE: release(generation)});
        let ports: Vec<Value> =
            node_ports.iter().map(|(port, node)| json!({"port": port, "nodePort": node})).collect();
        self.applied(generation, "Service", &[], |object| {
            object["spec"] = json!({"selector": selector, "clusterIP": ip, "ports": ports});
        });
    }

    /// The autoscaler with these bounds; `by`: who set them.
    pub fn autoscaler(&mut self, generation: u64, (minimum, maximum): (u32, u32), by: &str) {
        let taken: &[&str] = if by == labels::FIELD_MANAGER { &[] } else { &["minReplicas", "maxReplicas"] };
        self.applied(generation, "HorizontalPodAutoscaler", taken, |object| {
            object["spec"]["minReplicas"] = json!(minimum);
            object["spec"]["maxReplicas"] = json!(maximum);
        });
    }

    /// The release renders this object too; application-scoped ones have no suffix.
    pub fn renders(&mut self, generation: u64, object: &Value) {
        let context = Context {
            application: &self.app,
            release: &release(generation),
            manages_traffic: false,
            allow_cluster_scope: false,
            allow_secrets: false,
        };
        let bytes = normalise(object.to_string().as_bytes(), &context).unwrap();
        let more = Manifests::parse(&bytes).unwrap().objects;
        self.manifests.get_mut(&release(generation)).unwrap().objects.extend(more);
    }

    /// The object of this kind as we applied it, with this status.
    pub fn status(&mut self, generation: u64, kind: &str, status: &Value) {
        self.applied(generation, kind, &[], |object| {
            object["metadata"]["generation"] = json!(1);
            object["status"] = status.clone();
        });
    }

    /// The chart says of its objects of this kind that they may be taken over.
    pub fn adopt(&mut self, generation: u64, kind: &str) {
        let manifests = self.manifests.get_mut(&release(generation)).unwrap();
        for manifest in manifests.objects.iter_mut().filter(|object| object.key.kind == kind) {
            manifest.value["metadata"]["annotations"][labels::ADOPT] = json!("true");
        }
    }

    /// An object that was there before, made with Helm.
    pub fn foreign(&mut self, mut object: Value) {
        object["metadata"]["namespace"] = json!("web");
        object["metadata"]["uid"] = json!("old");
        object["metadata"]["resourceVersion"] = json!("1");
        object["metadata"]["managedFields"] = json!([{"manager": "helm", "operation": "Update", "fieldsV1": {"f:spec": fields(&object["spec"])}}]);
        self.index.foreign(&self.app, &object);
    }

    /// The agent begins anew: it has seen nothing yet.
    pub fn restart(&mut self) {
        self.index = Index::new();
        self.index.register(&self.app);
        self.see(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "uid": "web"}}));
    }

    /// The release is not in the target any more: nothing is said of it.
    pub fn drop_release(&mut self, generation: u64) {
        self.target.releases.retain(|listed| listed.generation != generation);
    }

    /// The application's namespace is gone.
    pub fn lose_namespace(&mut self) {
        let gone =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "uid": "web"}});
        self.index.delete(&gone, self.now);
    }

    /// The manifests of a release cannot be read.
    pub fn lose_manifests(&mut self, generation: u64) {
        self.manifests.remove(&release(generation));
    }

    /// The application has no traffic to shift: workers.
    pub fn without_traffic(&mut self) {
        self.target.traffic = TrafficMode::None;
        self.target.releases.iter_mut().for_each(|listed| listed.traffic = None);
    }

    /// An object was looked for and is not there.
    pub fn forget(&mut self, key: &shipper_core::manifest::ObjectKey) {
        self.index.forget(&self.app, key);
    }

    /// The pods that are ready behind the Service of this name and UID.
    pub fn endpoints(&mut self, service: &str, uid: &str, pods: &[impl AsRef<str>]) {
        let endpoints: Vec<Value> = pods
            .iter()
            .map(|pod| json!({"conditions": {"ready": true}, "targetRef": {"name": pod.as_ref()}}))
            .collect();
        let id = applyset_id(&self.app);
        self.see(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": format!("{service}-1"), "namespace": "web", "uid": format!("{service}-1"),
                "labels": {labels::SERVICE_NAME: service, labels::APPLYSET_PART_OF: id},
                "ownerReferences": [{"kind": "Service", "uid": uid}]},
            "endpoints": endpoints}));
    }

    /// The Service that shows what the coming selector would find is made, and shows these pods.
    pub fn shadow(&mut self, pods: &[impl AsRef<str>]) {
        let shadow = self.apply_to("Service", "app-shadow").expect("a shadow");
        self.carry_out(&shadow);
        self.endpoints("app-shadow", "Service-new", pods);
    }

    /// What is to be applied to the object of this name now.
    pub fn apply_to(&self, kind: &str, name: &str) -> Option<Apply> {
        self.look().actions.into_iter().find_map(|action| match action {
            Action::Apply(apply) if apply.key.kind == kind && apply.key.name == name => Some(apply),
            _ => None,
        })
    }

    /// Another deletes the object of this kind.
    pub fn delete(&mut self, generation: u64, kind: &str) {
        let key = self.manifest(generation, kind).key.clone();
        let observed = self.index.observed(&self.app).unwrap();
        let uid = observed.objects[&key].uid.clone();
        let mut object = self.manifest(generation, kind).value.clone();
        object["metadata"]["uid"] = json!(uid);
        object["metadata"]["labels"][labels::APPLYSET_PART_OF] = json!(applyset_id(&self.app));
        self.index.delete(&object, self.now);
    }

    /// An apply is carried out: the object is as it says, and its fields are ours.
    pub fn carry_out(&mut self, apply: &Apply) {
        let by = apply.repair.then(|| self.index.managers(&self.app, &apply.key));
        self.index.written(&self.app, &apply.key, by.as_deref(), self.now);
        let mut object = apply.object.clone();
        let metadata = json!({"f:labels": fields(&object["metadata"]["labels"]),
            "f:annotations": fields(&object["metadata"]["annotations"])});
        let ours = json!({"f:metadata": metadata, "f:spec": fields(&object["spec"])});
        // What an apply leaves out stays as others have set it.
        let live =
            self.index.observed(&self.app).unwrap().objects.get(&apply.key).and_then(|live| live.service());
        if let Some(service) = live.filter(|_| object["spec"].get("selector").is_none()) {
            object["spec"]["selector"] = json!(service.selector);
        }
        object["metadata"]["uid"] =
            json!(apply.uid.clone().unwrap_or_else(|| format!("{}-new", apply.key.kind)));
        object["metadata"]["managedFields"] =
            json!([{"manager": labels::FIELD_MANAGER, "operation": "Apply", "fieldsV1": ours}]);
        self.see(object);
    }

    /// Everything that is to be applied is.
    pub fn install(&mut self) {
        for _ in 0..10 {
            for action in self.look().actions {
                if let Action::Apply(apply) = action {
                    self.carry_out(&apply);
                }
            }
        }
    }

    /// The application is to be removed: its target is a tombstone.
    pub fn remove(&mut self) {
        self.target.absent = true;
        for release in &mut self.target.releases {
            (release.capacity, release.traffic, release.absent) = (0, Some(0), true);
        }
        self.target.generation += 1;
        self.manifests.clear();
    }

    /// What is to be deleted now, as `Kind name`.
    pub fn deletions(&self) -> Vec<String> {
        let deletions = self.look().actions.into_iter().filter_map(|action| match action {
            Action::Delete(delete) => Some(format!("{} {}", delete.key.kind, delete.key.name)),
            _ => None,
        });
        deletions.collect()
    }

    /// The deletions that are due are carried out; returns what went, in the order in which it did.
    pub fn delete_due(&mut self) -> Vec<String> {
        let due = self.deletions();
        let actions = self.look().actions.into_iter();
        self.carry_out_all(&actions.filter(|action| matches!(action, Action::Delete(_))).collect::<Vec<_>>());
        due
    }

    /// An object of this kind is being deleted, and a finalizer holds it.
    pub fn terminating(&mut self, generation: u64, kind: &str) {
        self.applied(generation, kind, &[], |object| {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        });
    }

    /// Another, [`PERSON`], makes the release's Service select this.
    pub fn select(&mut self, generation: u64, selector: &Value) {
        self.applied(generation, "Service", &["selector"], |object| {
            object["spec"]["selector"] = selector.clone();
        });
    }

    /// Another takes the traffic label off a pod.
    pub fn unlabel(&mut self, generation: u64, number: u32) {
        let marks = json!({"app": "app", labels::APPLICATION: "app", labels::RELEASE: release(generation)});
        self.ready_pod(generation, number, &marks, &json!({}));
    }

    /// Another gives a pod that is marked to go first the traffic label, and leaves the mark.
    pub fn label(&mut self, generation: u64, number: u32) {
        let marks = json!({"app": "app", labels::APPLICATION: "app", labels::RELEASE: release(generation), labels::TRAFFIC: "true"});
        self.ready_pod(generation, number, &marks, &json!({labels::DELETION_COST: "-1"}));
    }

    fn ready_pod(&mut self, generation: u64, number: u32, marks: &Value, annotations: &Value) {
        let name = format!("app-{generation}-{number}");
        self.see(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "web", "uid": name, "labels": marks, "annotations": annotations},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}));
    }

    /// The labels that are to be given (`true`) or taken now, by pod.
    pub fn labels(&self) -> BTreeMap<String, bool> {
        let labels = self.look().actions.into_iter().filter_map(|action| match action {
            Action::Label(label) => Some((label.pod, label.serve)),
            _ => None,
        });
        labels.collect()
    }

    /// A pod is given the traffic label by us.
    pub fn give_label(&mut self, generation: u64, number: u32) {
        self.index.labelled(&self.app, &format!("app-{generation}-{number}"), true, self.now);
        self.pod(generation, number, true, true);
    }

    /// The Service that selects by label, and the pods that are ready in its EndpointSlices.
    pub fn service(&mut self, generation: u64, serving: &[(u64, u32)]) {
        self.applied(generation, "Service", &[], |object| {
            object["spec"]["selector"] =
                json!({"app": "app", labels::TRAFFIC: "true", labels::APPLICATION: "app"});
        });
        let endpoints: Vec<Value> = serving
            .iter()
            .map(|(generation, number)| {
                json!({"conditions": {"ready": true}, "targetRef": {"name": format!("app-{generation}-{number}")}})
            })
            .collect();
        let owner = format!("Service-{generation}");
        let id = applyset_id(&self.app);
        self.see(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "app-1", "namespace": "web", "uid": "slice",
                "labels": {labels::SERVICE_NAME: "app", labels::APPLYSET_PART_OF: id},
                "ownerReferences": [{"kind": "Service", "uid": owner}]},
            "endpoints": endpoints}));
    }

    pub fn look(&self) -> Convergence {
        let wanted = Wanted { target: &self.target, manifests: &self.manifests };
        converge(wanted, self.index.observed(&self.app).unwrap(), self.now)
    }

    /// What is to be applied to the object of this kind of this release now.
    pub fn apply(&self, generation: u64, kind: &str) -> Option<Apply> {
        let key = self.manifest(generation, kind).key.clone();
        self.look().actions.into_iter().find_map(|action| match action {
            Action::Apply(apply) if apply.key == key => Some(apply),
            _ => None,
        })
    }

    /// `spec.replicas` that the release's Deployment is to get now.
    pub fn replicas(&self, generation: u64) -> Option<u64> {
        self.apply(generation, "Deployment")?.object["spec"]["replicas"].as_u64()
    }

    /// The bounds that the release's autoscaler is to get now.
    pub fn bounds(&self, generation: u64) -> Option<(u64, u64)> {
        let spec = self.apply(generation, "HorizontalPodAutoscaler")?.object["spec"].clone();
        Some((spec["minReplicas"].as_u64()?, spec["maxReplicas"].as_u64()?))
    }

    pub fn report(&self, generation: u64) -> ReleaseReport {
        self.look().report.releases.into_iter().find(|r| r.name == release(generation)).unwrap()
    }
}

/// `fieldsV1` that owns every field of an object.
pub fn fields(value: &Value) -> Value {
    let keys = value.as_object().into_iter().flat_map(|map| map.keys());
    Value::Object(keys.map(|key| (format!("f:{key}"), json!({}))).collect())
}
