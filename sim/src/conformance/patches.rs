//! Merge patch, strategic merge patch, JSON patch.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::context::{Context, config_map, deployment, refused, same};
use super::{Case, CaseResult, Needs, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("merge_patch", Needs::Server, merge_patch),
        case("strategic_patch", Needs::Server, strategic_patch),
        case("json_patch", Needs::Server, json_patch),
    ]
}

async fn merge_patch(c: Context) -> CaseResult {
    let mut map = config_map("one");
    map["data"]["b"] = json!("2");
    c.create(&map).await?;
    let patch = json!({"metadata": {"labels": {"x": "y"}}, "data": {"a": null, "c": "3"}});
    let after = c.merge(&map, &patch).await?;
    same("data", &after["data"], &json!({"b": "2", "c": "3"}))?;
    same("labels", &after["metadata"]["labels"], &json!({"x": "y"}))?;
    let lost = c.of(&map).patch("two", &PatchParams::default(), &Patch::Merge(&patch)).await;
    refused("patch of nothing", lost, 404, "NotFound")?;
    Ok(())
}

async fn strategic_patch(c: Context) -> CaseResult {
    let mut wanted = deployment("web", 0);
    wanted["spec"]["paused"] = json!(true);
    c.create(&wanted).await?;
    let patch = json!({
        "metadata": {"labels": {"more": "x"}, "annotations": {"note": "n"}},
        "spec": {"replicas": 0, "template": {"spec": {"containers": [
            {"name": "main", "env": [{"name": "A", "value": "1"}]},
            {"name": "side", "image": "registry.example/side:1"},
        ]}}},
    });
    let api = c.of(&wanted);
    let after = api.patch("web", &PatchParams::default(), &Patch::Strategic(&patch)).await?;
    let after = serde_json::to_value(after)?;
    let containers = after["spec"]["template"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
    let find = |name: &str| containers.iter().find(|c| c["name"] == *name).cloned().unwrap_or_default();
    same("image kept", &find("main")["image"], &json!("registry.example/app:1"))?;
    same("env added", &find("main")["env"], &json!([{"name": "A", "value": "1"}]))?;
    same("container added", &find("side")["image"], &json!("registry.example/side:1"))?;
    same("labels merged", &after["metadata"]["labels"], &json!({"app": "web", "more": "x"}))?;
    let gone =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}});
    let after =
        serde_json::to_value(api.patch("web", &PatchParams::default(), &Patch::Strategic(&gone)).await?)?;
    let left = after["spec"]["template"]["spec"]["containers"].as_array().map(Vec::len);
    same("containers left", &json!(left), &json!(1))
}

async fn json_patch(c: Context) -> CaseResult {
    let map = config_map("one");
    c.create(&map).await?;
    let api = c.api("v1", "ConfigMap");
    // kube's JSON patch type is behind a feature; the body is the same.
    let send = async |patch: Value| {
        let request = http::Request::patch(format!("/api/v1/namespaces/{}/configmaps/one", c.namespace))
            .header("content-type", "application/json-patch+json")
            .body(patch.to_string().into_bytes())
            .map_err(|e| kube::Error::Service(e.into()))?;
        c.client.request::<Value>(request).await
    };
    let after = send(json!([
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "replace", "path": "/data/a", "value": "2"},
        {"op": "add", "path": "/data/b", "value": "3"},
    ]))
    .await?;
    same("data", &after["data"], &json!({"a": "2", "b": "3"}))?;
    let failed = send(json!([
        {"op": "replace", "path": "/data/a", "value": "9"},
        {"op": "test", "path": "/data/a", "value": "nope"},
    ]))
    .await;
    refused("failed test", failed, 422, "Invalid")?;
    let kept = serde_json::to_value(api.get("one").await?)?;
    same("nothing changed", &kept["data"]["a"], &json!("2"))
}
