//! What pods ask for, as the scheduler counts it.

use super::{PODS, Quantity, Resources};
use crate::manifest::{ManifestObject, Manifests};
use serde_json::Value;

/// What a pod with this `spec` asks for, itself included as one of [`PODS`]: its containers and sidecars together, or the largest init container
/// with the sidecars before it, whichever is more; and its overhead. What cannot be read counts as nothing.
pub fn of_pod(spec: &Value) -> Resources {
    let mut running = Resources::default();
    for container in list(spec, "containers") {
        running.add(&of_container(container));
    }
    let (mut sidecars, mut starting) = (Resources::default(), Resources::default());
    for container in list(spec, "initContainers") {
        let own = of_container(container);
        if container.get("restartPolicy").and_then(Value::as_str) == Some("Always") {
            sidecars.add(&own);
            starting.raise_to(&sidecars);
        } else {
            let mut alone = sidecars.clone();
            alone.add(&own);
            starting.raise_to(&alone);
        }
    }
    running.add(&sidecars);
    running.raise_to(&starting);
    // Where the pod itself says what it asks for, that counts.
    for (name, amount) in of_container(spec).0 {
        running.set(name, amount);
    }
    running.add(&of_amounts(spec.get("overhead")));
    running.set(PODS, Quantity::whole(1));
    running
}

/// What all pods of a release's workloads ask for at full capacity. DaemonSets do not count: how many pods they make, the cluster decides.
pub fn of_manifests(manifests: &Manifests) -> Resources {
    let mut all = Resources::default();
    for object in &manifests.objects {
        let Some((pods, spec)) = pods(manifests, object) else { continue };
        all.add(&of_pod(spec).scaled(u64::from(pods), 1));
    }
    all
}

/// How many pods a workload makes, and their `spec`.
fn pods<'m>(manifests: &Manifests, object: &'m ManifestObject) -> Option<(u32, &'m Value)> {
    let number = |path| {
        object.value.pointer(path).and_then(Value::as_u64).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
    };
    let (count, path) = match (object.key.group.as_str(), object.key.kind.as_str()) {
        ("apps", "Deployment" | "StatefulSet" | "ReplicaSet") => {
            let autoscaled = manifests.objects.iter().filter_map(|scaler| least(scaler, object)).max();
            (object.replicas().max(autoscaled.unwrap_or(0)), "/spec/template/spec")
        }
        ("", "ReplicationController") => (object.replicas(), "/spec/template/spec"),
        ("batch", "Job") => (number("/spec/parallelism").unwrap_or(1), "/spec/template/spec"),
        ("", "Pod") => (1, "/spec"),
        _ => return None,
    };
    Some((count, object.value.pointer(path)?))
}

/// `minReplicas` of an autoscaler, if it is one and scales the workload.
fn least(scaler: &ManifestObject, workload: &ManifestObject) -> Option<u32> {
    if !scaler.key.is("autoscaling", "HorizontalPodAutoscaler") {
        return None;
    }
    let text = |path| scaler.value.pointer(path).and_then(Value::as_str);
    let same = text("/spec/scaleTargetRef/kind") == Some(workload.key.kind.as_str())
        && text("/spec/scaleTargetRef/name") == Some(workload.key.name.as_str());
    let least = scaler.value.pointer("/spec/minReplicas").and_then(Value::as_u64).unwrap_or(1);
    same.then(|| u32::try_from(least).unwrap_or(u32::MAX))
}

fn list<'v>(spec: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    spec.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// Requests; where only a limit is set, the API server makes it the request.
fn of_container(container: &Value) -> Resources {
    let part = |name| of_amounts(container.get("resources").and_then(|resources| resources.get(name)));
    let mut asked = part("limits");
    for (name, amount) in part("requests").0 {
        asked.set(name, amount);
    }
    asked
}

/// Amounts under their names; those that cannot be read are left out.
pub fn of_amounts(value: Option<&Value>) -> Resources {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(name, amount)| Some((name.clone(), serde_json::from_value(amount.clone()).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(spec: &Value) -> Value {
        serde_json::to_value(of_pod(spec)).unwrap()
    }

    fn container(cpu: &str) -> Value {
        json!({"resources": {"requests": {"cpu": cpu}}})
    }

    fn sidecar(cpu: &str) -> Value {
        json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn s1_a_pod_asks_for_what_the_scheduler_counts() {
        let both = json!({"containers": [container("1"), container("250m")]});
        assert_eq!(asked(&both), json!({"cpu": "1250m", "pods": "1"}));
        let limited = json!({"containers": [{"resources": {"limits": {"cpu": 2, "memory": "1Gi"}, "requests": {"cpu": 1}}}]});
        assert_eq!(asked(&limited), json!({"cpu": "1", "memory": "1073741824", "pods": "1"}));
        let starting = json!({
            "containers": [container("1")],
            "initContainers": [container("2"), sidecar("1"), container("3"), sidecar("1")],
        });
        assert_eq!(asked(&starting)["cpu"], "4", "the second init container runs beside the first sidecar");
        let mesh = json!({"containers": [container("4")], "initContainers": [sidecar("1")], "overhead": {"cpu": "100m"}});
        assert_eq!(asked(&mesh)["cpu"], "5100m");
        let whole = json!({"resources": {"requests": {"cpu": "3"}}, "containers": [container("1")]});
        assert_eq!(asked(&whole)["cpu"], "3", "the pod says so itself");
        assert_eq!(asked(&json!({})), json!({"pods": "1"}));
    }

    #[test]
    fn s1_a_release_asks_for_all_its_pods() {
        let yaml = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  template: {spec: {containers: [{name: web, resources: {requests: {cpu: 500m}}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: scaled}
spec:
  template: {spec: {containers: [{name: web, resources: {requests: {cpu: 1}}}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scaled}
spec: {minReplicas: 4, maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: scaled}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: everywhere}
spec: {template: {spec: {containers: [{name: a, resources: {requests: {cpu: 9}}}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
";
        let asked = of_manifests(&Manifests::parse(yaml.as_bytes()).unwrap());
        assert_eq!(serde_json::to_value(asked).unwrap(), json!({"cpu": "5500m", "pods": "7"}));
    }
}
