//! The applications that are measured, as people would write them, and the same objects bare.

use serde_json::{Value, json};

use crate::rig::NAMESPACE;

/// The annotation whose value a change changes.
pub const ANNOTATION: &str = "example.com/value";

/// Name of the application of [`walker`].
pub const WALKER: &str = "walker";

/// An application with a Deployment, a Service and a ConfigMap, and a strategy to walk up and down: half, whole, done.
pub fn walker(image: &str) -> Vec<(String, String)> {
    let objects = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {WALKER}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {WALKER}}}}}
  template:
    metadata: {{labels: {{app: {WALKER}}}}}
    spec:
      containers:
      - {{name: main, image: \"example.com/walker:{image}\"}}
---
apiVersion: v1
kind: Service
metadata: {{name: {WALKER}}}
spec:
  selector: {{app: {WALKER}}}
  ports: [{{name: http, port: 80, targetPort: 8080}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: {WALKER}}}
data: {{greeting: hello}}
"
    );
    vec![(format!("apps/{WALKER}/objects.yaml"), objects), order(None)]
}

/// The file of the walker with an order to move a release to a step.
pub fn order(rollout: Option<(&str, &str)>) -> (String, String) {
    let rollout = rollout.map_or_else(String::new, |(release, step)| {
        format!("  rollout: {{release: {release}, targetStep: {step}}}\n")
    });
    let file = format!(
        "apiVersion: shipper.dev/v1alpha1
kind: Application
metadata: {{name: {WALKER}, namespace: {NAMESPACE}}}
spec:
  template:
    manifests: {{path: apps/{WALKER}}}
    strategy:
      settle: 1s
      steps:
      - name: half
        capacity: {{contender: 50, incumbent: 100}}
        traffic: {{contender: 0, incumbent: 100}}
      - name: whole
        capacity: {{contender: 100, incumbent: 100}}
        traffic: {{contender: 0, incumbent: 100}}
      - name: done
        capacity: {{contender: 100, incumbent: 0}}
        traffic: {{contender: 100, incumbent: 0}}
{rollout}"
    );
    (format!("applications/{NAMESPACE}/{WALKER}.yaml"), file)
}

/// Name of the application of [`climber`].
pub const CLIMBER: &str = "climber";
/// The last step of the climber that the benchmark asks for; there is one more, so that it is never done.
pub const CLIMBS: usize = 50;

/// An application whose every step has one replica more than the one before.
pub fn climber() -> Vec<(String, String)> {
    let mut objects = deployment(CLIMBER, 100, "a").to_string();
    for kind in ["ServiceAccount", "ConfigMap"] {
        let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": CLIMBER}});
        objects = format!("{objects}\n---\n{object}");
    }
    vec![(format!("apps/{CLIMBER}/objects.yaml"), objects), climb(None)]
}

/// What runs before the climber goes up: ten pods with all the traffic.
pub fn foot() -> Vec<(String, String)> {
    let file = climber_file(None, None);
    vec![(format!("apps/{CLIMBER}/objects.yaml"), with_service(&deployment(CLIMBER, FOOT, "a"))), file]
}

/// Pods of [`foot`].
const FOOT: u32 = 10;
/// The value of [`ANNOTATION`] on the Deployment of [`escalator`].
pub const GOES_UP: &str = "b";

/// The climber, whose every step goes on by itself, and brings its new pod its share of the traffic.
pub fn escalator() -> Vec<(String, String)> {
    let steps: Vec<_> = (0..=CLIMBS + 1)
        .map(|step| {
            json!({"name": format!("step-{step}"), "gate": {"approval": "auto"},
                "capacity": {"contender": step + 1, "incumbent": 100},
                "traffic": {"contender": step + 1, "incumbent": FOOT}})
        })
        .collect();
    let file = climber_file(Some(&json!({"steps": steps})), None);
    vec![(format!("apps/{CLIMBER}/objects.yaml"), with_service(&deployment(CLIMBER, 100, GOES_UP))), file]
}

fn with_service(deployment: &Value) -> String {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": CLIMBER},
        "spec": {"selector": {"app": CLIMBER}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
    format!("{deployment}\n---\n{service}\n")
}

/// The file of the climber with an order to move a release to a step.
pub fn climb(rollout: Option<(&str, usize)>) -> (String, String) {
    let steps: Vec<_> = (0..=CLIMBS + 1)
        .map(|step| json!({"name": format!("step-{step}"), "capacity": {"contender": step + 1, "incumbent": 100}}))
        .collect();
    climber_file(Some(&json!({"steps": steps})), rollout)
}

fn climber_file(strategy: Option<&Value>, rollout: Option<(&str, usize)>) -> (String, String) {
    let rollout = rollout.map(|(release, step)| json!({"release": release, "targetStep": step}));
    let file = json!({
        "apiVersion": "shipper.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": CLIMBER, "namespace": NAMESPACE},
        "spec": {
            "template": {"manifests": {"path": format!("apps/{CLIMBER}")}, "strategy": strategy},
            "rollout": rollout,
        },
    });
    (format!("applications/{NAMESPACE}/{CLIMBER}.yaml"), file.to_string())
}

/// A small application of four objects: Deployment without replicas, ServiceAccount, Service, Ingress.
pub fn small(number: usize, value: &str) -> [(String, String); 2] {
    let name = format!("app-{number:04}");
    let application = format!(
        "apiVersion: shipper.dev/v1alpha1
kind: Application
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec: {{template: {{manifests: {{path: apps/{name}}}}}}}
"
    );
    let objects: Vec<String> = four(&name, value).iter().map(Value::to_string).collect();
    [
        (format!("applications/{NAMESPACE}/{name}.yaml"), application),
        (format!("apps/{name}/objects.yaml"), objects.join("\n---\n")),
    ]
}

/// The objects of so many small applications, to be applied bare.
pub fn bare(count: usize, value: &str) -> Vec<Value> {
    let with_namespace = |mut object: Value| {
        object["metadata"]["namespace"] = json!(NAMESPACE);
        object
    };
    (0..count).flat_map(|number| four(&format!("bare-{number:04}"), value)).map(with_namespace).collect()
}

fn four(name: &str, value: &str) -> [Value; 4] {
    let labels = json!({"app": name});
    [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}),
        deployment(name, 0, value),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        }),
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": name},
            "spec": {"rules": [{"host": format!("{name}.example.com"), "http": {"paths": [{
                "path": "/",
                "pathType": "Prefix",
                "backend": {"service": {"name": name, "port": {"name": "http"}}},
            }]}}]},
        }),
    ]
}

/// A Deployment.
pub fn deployment(name: &str, replicas: u32, value: &str) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "annotations": {ANNOTATION: value}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "example.com/app:1"}]},
            },
        },
    })
}
