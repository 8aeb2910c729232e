//! Deployments, ReplicaSets and pods.

use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::context::{Context, deployment, ensure, name, same};
use super::{Case, CaseResult, Needs, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("replica_set_of_a_deployment", Needs::Controllers, replica_set_of_a_deployment),
        case("deployment_becomes_available", Needs::Pods, deployment_becomes_available),
        case("rolling_update", Needs::Pods, rolling_update),
        case("deletion_cost", Needs::Pods, deletion_cost),
        case("lost_pods_come_back", Needs::Pods, lost_pods_come_back),
        case("deployment_deletion", Needs::Pods, deployment_deletion),
    ]
}

/// Everything asked for is there, and nothing else.
fn complete(d: &Value) -> bool {
    let (wanted, status) = (d["spec"]["replicas"].as_i64().unwrap_or(1), &d["status"]);
    let count = |field: &str| status[field].as_i64().unwrap_or_default();
    status["observedGeneration"] == d["metadata"]["generation"]
        && ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]
            .iter()
            .all(|f| count(f) == wanted)
}

fn condition(object: &Value, kind: &str) -> Value {
    let list = object["status"]["conditions"].as_array();
    list.and_then(|l| l.iter().find(|c| c["type"] == *kind)).cloned().unwrap_or_default()
}

async fn replica_set_of_a_deployment(c: Context) -> CaseResult {
    let web = c.create(&deployment("web", 0)).await?;
    let sets = c.until("apps/v1", "ReplicaSet", "app=web", |l| l.len() == 1).await?;
    let set = &sets[0];
    let hash = &set["metadata"]["labels"]["pod-template-hash"];
    let text = hash.as_str().unwrap_or_default();
    same("name", &json!(name(set)), &json!(format!("web-{text}")))?;
    same("selector", &set["spec"]["selector"]["matchLabels"]["pod-template-hash"], hash)?;
    same("template", &set["spec"]["template"]["metadata"]["labels"]["pod-template-hash"], hash)?;
    same("owner", &set["metadata"]["ownerReferences"][0]["uid"], &web["metadata"]["uid"])?;
    same("controller", &set["metadata"]["ownerReferences"][0]["controller"], &json!(true))?;
    let done = c.until_one(&web, complete).await?;
    same("revision", &done["metadata"]["annotations"]["deployment.kubernetes.io/revision"], &json!("1"))
}

async fn deployment_becomes_available(c: Context) -> CaseResult {
    c.until_furnished().await?;
    let web = c.create(&deployment("web", 3)).await?;
    let done = c.until_one(&web, complete).await?;
    same("Available", &condition(&done, "Available")["status"], &json!("True"))?;
    let settled = |d: &Value| condition(d, "Progressing")["reason"] == "NewReplicaSetAvailable";
    c.until_one(&web, settled).await?;
    let pods = c.list("v1", "Pod", "app=web").await?;
    ensure(pods.len() == 3, || format!("{} pods", pods.len()))?;
    for pod in &pods {
        same("owner", &pod["metadata"]["ownerReferences"][0]["kind"], &json!("ReplicaSet"))?;
        same("phase", &pod["status"]["phase"], &json!("Running"))?;
        ensure(pod["spec"]["nodeName"].is_string() && pod["status"]["podIP"].is_string(), || {
            pod.to_string()
        })?;
    }
    c.merge(&web, &json!({"spec": {"replicas": 5}})).await?;
    c.until_one(&web, |d| d["status"]["replicas"] == 5 && complete(d)).await.map(|_| ())
}

async fn rolling_update(c: Context) -> CaseResult {
    c.until_furnished().await?;
    let web = c.create(&deployment("web", 4)).await?;
    c.until_one(&web, complete).await?;
    let patch = json!({"spec": {"template": {"metadata": {"annotations": {"again": "1"}}}}});
    let changed = c.merge(&web, &patch).await?;
    let generation = changed["metadata"]["generation"].clone();
    c.until_one(&web, |d| d["status"]["observedGeneration"] == generation && complete(d)).await?;
    let old_is_empty = |l: &[Value]| {
        let sizes = |n: i64| l.iter().filter(|s| s["spec"]["replicas"] == n).count();
        l.len() == 2 && sizes(0) == 1 && sizes(4) == 1
    };
    let sets = c.until("apps/v1", "ReplicaSet", "app=web", old_is_empty).await?;
    let revision = |s: &Value| s["metadata"]["annotations"]["deployment.kubernetes.io/revision"].clone();
    let new = sets.iter().find(|s| s["spec"]["replicas"] == 4).cloned().unwrap_or_default();
    same("revision", &revision(&new), &json!("2"))
}

async fn deletion_cost(c: Context) -> CaseResult {
    c.until_furnished().await?;
    let web = c.create(&deployment("web", 4)).await?;
    c.until_one(&web, complete).await?;
    let pods = c.list("v1", "Pod", "app=web").await?;
    let doomed = [name(&pods[1]).to_owned(), name(&pods[2]).to_owned()];
    for pod in &doomed {
        let cost = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod, "annotations": {"controller.kubernetes.io/pod-deletion-cost": "-1"}},
        });
        c.apply(&cost, "agent").await?;
    }
    // A status of this generation means that the controllers have looked again after the annotations.
    c.merge(&web, &json!({"spec": {"minReadySeconds": 0, "revisionHistoryLimit": 5}})).await?;
    c.until_one(&web, complete).await?;
    c.merge(&web, &json!({"spec": {"replicas": 2}})).await?;
    let left = |l: &[Value]| l.iter().filter(|p| p["metadata"]["deletionTimestamp"].is_null()).count() == 2;
    let pods = c.until("v1", "Pod", "app=web", left).await?;
    for pod in pods.iter().filter(|p| p["metadata"]["deletionTimestamp"].is_null()) {
        ensure(!doomed.iter().any(|d| d == name(pod)), || format!("{} was cheap and is left", name(pod)))?;
    }
    Ok(())
}

async fn lost_pods_come_back(c: Context) -> CaseResult {
    c.until_furnished().await?;
    let web = c.create(&deployment("web", 2)).await?;
    c.until_one(&web, complete).await?;
    let pods = c.list("v1", "Pod", "app=web").await?;
    let lost = name(&pods[0]).to_owned();
    let pending = c.api("v1", "Pod").delete(&lost, &DeleteParams::default()).await?;
    ensure(pending.is_left(), || "deleting a pod gave a Status".into())?;
    let replaced = |l: &[Value]| {
        let alive: Vec<&Value> = l.iter().filter(|p| p["metadata"]["deletionTimestamp"].is_null()).collect();
        alive.len() == 2 && alive.iter().all(|p| name(p) != lost && condition(p, "Ready")["status"] == "True")
    };
    c.until("v1", "Pod", "app=web", replaced).await?;
    c.until_one(&web, complete).await.map(|_| ())
}

async fn deployment_deletion(c: Context) -> CaseResult {
    c.until_furnished().await?;
    let web = c.create(&deployment("web", 2)).await?;
    c.until_one(&web, complete).await?;
    c.of(&web).delete("web", &DeleteParams::foreground()).await?;
    c.until_gone(&web).await?;
    let sets = c.list("apps/v1", "ReplicaSet", "app=web").await?;
    ensure(sets.is_empty(), || format!("{} sets are left", sets.len()))?;
    c.until("v1", "Pod", "app=web", <[Value]>::is_empty).await.map(|_| ())
}
