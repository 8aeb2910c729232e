//! Server-side apply.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::context::{Context, MANAGER, config_map, deployment, ensure, refused, same, service};
use super::{Case, CaseResult, Needs, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("apply_creates_and_owns", Needs::Server, apply_creates_and_owns),
        case("apply_makes_only_what_is_not_there", Needs::Server, apply_makes_only_what_is_not_there),
        case("apply_conflicts", Needs::Server, apply_conflicts),
        case("apply_removes", Needs::Server, apply_removes),
        case("apply_shares", Needs::Server, apply_shares),
        case("apply_lists", Needs::Server, apply_lists),
        case("apply_replicas", Needs::Server, apply_replicas),
        case("update_takes_over", Needs::Server, update_takes_over),
        case("apply_selector_is_atomic", Needs::Server, apply_selector_is_atomic),
        case("apply_keeps_to_its_version", Needs::Server, apply_keeps_to_its_version),
        case("apply_needs_a_manager", Needs::Server, apply_needs_a_manager),
        case("managed_fields_reset", Needs::Server, managed_fields_reset),
        case("status_has_its_own_owner", Needs::Server, status_has_its_own_owner),
    ]
}

fn paused(name: &str) -> Value {
    let mut wanted = deployment(name, 0);
    wanted["spec"]["paused"] = json!(true);
    wanted
}

fn entry<'a>(object: &'a Value, manager: &str) -> &'a Value {
    let entries = object["metadata"]["managedFields"].as_array();
    entries.and_then(|l| l.iter().find(|e| e["manager"] == *manager)).unwrap_or(&Value::Null)
}

async fn apply_creates_and_owns(c: Context) -> CaseResult {
    let made = c.apply(&paused("web"), "agent").await?;
    let mine = entry(&made, "agent");
    same("operation", &mine["operation"], &json!("Apply"))?;
    same("apiVersion", &mine["apiVersion"], &json!("apps/v1"))?;
    let fields = json!({
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {
            "f:paused": {}, "f:replicas": {}, "f:selector": {},
            "f:template": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {"f:containers": {"k:{\"name\":\"main\"}": {
                    ".": {}, "f:image": {}, "f:name": {},
                    "f:ports": {"k:{\"containerPort\":8080,\"protocol\":\"TCP\"}": {
                        ".": {}, "f:containerPort": {}, "f:name": {},
                    }},
                }}},
            },
        },
    });
    same("fields", &mine["fieldsV1"], &fields)?;
    let other = c.create(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "labels": {"l": "1"}}, "data": {"k": "v"}})).await?;
    let theirs = entry(&other, MANAGER);
    same("operation", &theirs["operation"], &json!("Update"))?;
    let fields = json!({"f:data": {".": {}, "f:k": {}}, "f:metadata": {"f:labels": {".": {}, "f:l": {}}}});
    same("fields of a create", &theirs["fieldsV1"], &fields)
}

/// A version that no object has is a precondition that only an object that does not exist meets.
async fn apply_makes_only_what_is_not_there(c: Context) -> CaseResult {
    for mut wanted in [config_map("one"), deployment("one", 0), service("one")] {
        wanted["metadata"]["resourceVersion"] = json!("1");
        let made = c.try_apply(&wanted, "agent", true).await?;
        ensure(made["metadata"]["resourceVersion"] != json!("1"), || made.to_string())?;
        refused("there is one", c.try_apply(&wanted, "agent", true).await, 409, "Conflict")?;
    }
    Ok(())
}

async fn apply_conflicts(c: Context) -> CaseResult {
    c.create(&paused("web")).await?;
    let mut mine = paused("web");
    mine["spec"]["replicas"] = json!(0);
    c.apply(&mine, "agent").await?;
    mine["spec"]["minReadySeconds"] = json!(3);
    mine["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/app:2");
    let why = refused("conflict", c.try_apply(&mine, "agent", false).await, 409, "Conflict")?;
    let field = ".spec.template.spec.containers[name=\"main\"].image";
    same("field", &why["details"]["causes"][0]["field"], &json!(field))?;
    same("reason", &why["details"]["causes"][0]["reason"], &json!("FieldManagerConflict"))?;
    let message = why["message"].as_str().unwrap_or_default();
    ensure(message.starts_with("Apply failed with 1 conflict") && message.contains("\"case\""), || {
        message.to_owned()
    })?;
    let forced = c.try_apply(&mine, "agent", true).await?;
    same(
        "image",
        &forced["spec"]["template"]["spec"]["containers"][0]["image"],
        &json!("registry.example/app:2"),
    )?;
    let theirs = entry(&forced, MANAGER).to_string();
    ensure(!theirs.contains("f:image\""), || format!("the loser still owns the image: {theirs}"))
}

async fn apply_removes(c: Context) -> CaseResult {
    let mut map = config_map("one");
    map["data"]["b"] = json!("2");
    map["metadata"]["labels"] = json!({"x": "1"});
    c.apply(&map, "agent").await?;
    let fewer = config_map("one");
    let after = c.apply(&fewer, "agent").await?;
    same("data", &after["data"], &json!({"a": "1"}))?;
    same("labels", &after["metadata"]["labels"], &Value::Null)?;
    let mut none = fewer;
    none["data"] = json!({});
    let after = c.apply(&none, "agent").await?;
    ensure(after["data"].as_object().is_none_or(serde_json::Map::is_empty), || after.to_string())
}

async fn apply_shares(c: Context) -> CaseResult {
    let mut mine = config_map("one");
    mine["data"] = json!({"shared": "1", "mine": "1"});
    c.apply(&mine, "a").await?;
    let mut theirs = config_map("one");
    theirs["data"] = json!({"shared": "1", "theirs": "1"});
    let both = c.apply(&theirs, "b").await?;
    same("both", &both["data"], &json!({"shared": "1", "mine": "1", "theirs": "1"}))?;
    mine["data"] = json!({"x": "1"});
    let after = c.apply(&mine, "a").await?;
    same("shared stays", &after["data"], &json!({"shared": "1", "theirs": "1", "x": "1"}))?;
    theirs["data"] = json!({"theirs": "1"});
    let after = c.apply(&theirs, "b").await?;
    same("shared goes", &after["data"], &json!({"theirs": "1", "x": "1"}))
}

async fn apply_lists(c: Context) -> CaseResult {
    let mut mine = paused("web");
    mine["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]);
    c.apply(&mine, "agent").await?;
    let theirs = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "side", "image": "registry.example/side:1"}]}}},
    });
    let both = c.apply(&theirs, "injector").await?;
    let names = |o: &Value| -> Vec<Value> {
        let list = o["spec"]["template"]["spec"]["containers"].as_array();
        list.into_iter().flatten().map(|c| c["name"].clone()).collect()
    };
    same("containers", &json!(names(&both)), &json!(["main", "side"]))?;
    mine["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "B", "value": "3"}]);
    let after = c.apply(&mine, "agent").await?;
    same("containers", &json!(names(&after)), &json!(["main", "side"]))?;
    let env = &after["spec"]["template"]["spec"]["containers"][0]["env"];
    same("env", env, &json!([{"name": "B", "value": "3"}]))?;

    let mut svc = service("web");
    svc["spec"]["ports"] = json!([{"name": "a", "port": 80}, {"name": "b", "port": 81}]);
    c.apply(&svc, "agent").await?;
    svc["spec"]["ports"] = json!([{"name": "b", "port": 81}]);
    let after = c.apply(&svc, "agent").await?;
    let ports = json!([{"name": "b", "port": 81, "protocol": "TCP", "targetPort": 81}]);
    same("ports", &after["spec"]["ports"], &ports)
}

async fn apply_replicas(c: Context) -> CaseResult {
    let mut mine = paused("web");
    mine["spec"]["replicas"] = json!(3);
    c.apply(&mine, "agent").await?;
    let scaler = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 3},
    });
    c.apply(&scaler, "scaler").await?;
    object_without_replicas(&mut mine);
    let after = c.apply(&mine, "agent").await?;
    same("another owner holds them", &after["spec"]["replicas"], &json!(3))?;
    let empty =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {}});
    let after = c.apply(&empty, "scaler").await?;
    same("nobody holds them: the default", &after["spec"]["replicas"], &json!(1))
}

fn object_without_replicas(object: &mut Value) {
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.remove("replicas");
    }
}

async fn update_takes_over(c: Context) -> CaseResult {
    c.apply(&paused("web"), "agent").await?;
    let changed = c.merge(&paused("web"), &json!({"spec": {"replicas": 2}})).await?;
    ensure(!entry(&changed, "agent")["fieldsV1"].to_string().contains("f:replicas"), || {
        "the applier still owns what another changed".into()
    })?;
    same("new owner", &entry(&changed, MANAGER)["fieldsV1"], &json!({"f:spec": {"f:replicas": {}}}))?;
    refused("apply of the old value", c.try_apply(&paused("web"), "agent", false).await, 409, "Conflict")?;
    let back = c.try_apply(&paused("web"), "agent", true).await?;
    same("taken back", &back["spec"]["replicas"], &json!(0))?;
    same("the other owns nothing", entry(&back, MANAGER), &Value::Null)
}

async fn apply_selector_is_atomic(c: Context) -> CaseResult {
    let made = c.apply(&service("web"), "agent").await?;
    ensure(entry(&made, "agent")["fieldsV1"]["f:spec"]["f:selector"] == json!({}), || made.to_string())?;
    let mut corked = service("web");
    corked["spec"]["selector"] = json!({"release": "web-1"});
    let after = c.apply(&corked, "agent").await?;
    same("selector", &after["spec"]["selector"], &json!({"release": "web-1"}))?;
    same("address kept", &after["spec"]["clusterIP"], &made["spec"]["clusterIP"])
}

async fn apply_keeps_to_its_version(c: Context) -> CaseResult {
    let made = c.apply(&service("web"), "agent").await?;
    let version = made["metadata"]["resourceVersion"].clone();
    let mut stale = service("web");
    stale["metadata"]["resourceVersion"] = version.clone();
    stale["metadata"]["uid"] = made["metadata"]["uid"].clone();
    let same_again = c.apply(&stale, "agent").await?;
    same("nothing to change", &same_again["metadata"]["resourceVersion"], &version)?;
    let mut newer = service("web");
    newer["spec"]["selector"] = json!({"app": "newer"});
    c.apply(&newer, "agent").await?;
    stale["spec"]["selector"] = json!({"app": "stale"});
    refused("stale", c.try_apply(&stale, "agent", true).await, 409, "Conflict")?;
    let now = c.apply(&newer, "agent").await?;
    same("selector", &now["spec"]["selector"], &json!({"app": "newer"}))?;
    stale["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"].clone();
    let moved = c.try_apply(&stale, "agent", true).await?;
    same("selector", &moved["spec"]["selector"], &json!({"app": "stale"}))?;
    let entry = entry(&moved, "agent")["fieldsV1"].to_string();
    ensure(!entry.contains("resourceVersion"), || format!("the version is owned: {entry}"))
}

async fn apply_needs_a_manager(c: Context) -> CaseResult {
    let map = config_map("one");
    let request = http::Request::patch(format!("/api/v1/namespaces/{}/configmaps/one", c.namespace))
        .header("content-type", "application/apply-patch+yaml")
        .body(map.to_string().into_bytes())
        .map_err(|e| kube::Error::Service(e.into()))?;
    refused("no field manager", c.client.request::<Value>(request).await, 422, "Invalid")?;
    let mut managed = map.clone();
    managed["metadata"]["managedFields"] = json!([{"manager": "x", "operation": "Apply"}]);
    refused("managedFields in an apply", c.try_apply(&managed, "agent", false).await, 400, "BadRequest")?;
    Ok(())
}

async fn managed_fields_reset(c: Context) -> CaseResult {
    c.apply(&config_map("one"), "agent").await?;
    let after = c.merge(&config_map("one"), &json!({"metadata": {"managedFields": [{}]}})).await?;
    same("managedFields", &after["metadata"]["managedFields"], &Value::Null)
}

async fn status_has_its_own_owner(c: Context) -> CaseResult {
    let made = c.apply(&paused("web"), "agent").await?;
    let status = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "status": {"collisionCount": 4},
    });
    let params = PatchParams::apply("reporter");
    let after = c.of(&made).patch_status("web", &params, &Patch::Apply(&status)).await?;
    let after = serde_json::to_value(after)?;
    same("status", &after["status"]["collisionCount"], &json!(4))?;
    same("subresource", &entry(&after, "reporter")["subresource"], &json!("status"))?;
    same("fields", &entry(&after, "reporter")["fieldsV1"], &json!({"f:status": {"f:collisionCount": {}}}))?;
    same("generation", &after["metadata"]["generation"], &made["metadata"]["generation"])
}
