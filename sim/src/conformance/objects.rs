//! create, get, update, delete and the fields that the server keeps.

use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};

use super::context::{Context, config_map, deployment, ensure, name, refused, same};
use super::{Case, CaseResult, Needs, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("create_read_delete", Needs::Server, create_read_delete),
        case("stale_update", Needs::Server, stale_update),
        case("no_op_keeps_version", Needs::Server, no_op_keeps_version),
        case("generation", Needs::Server, generation),
        case("delete_preconditions", Needs::Server, delete_preconditions),
        case("finalizers", Needs::Server, finalizers),
        case("status_and_scale", Needs::Server, status_and_scale),
        case("metadata_only", Needs::Server, metadata_only),
        case("generated_names", Needs::Server, generated_names),
        case("lease", Needs::Server, lease),
        case("discovery", Needs::Server, discovery),
        case("dry_run", Needs::Server, dry_run),
        case("secret_text", Needs::Server, secret_text),
    ]
}

async fn create_read_delete(c: Context) -> CaseResult {
    let map = config_map("one");
    let made = c.create(&map).await?;
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        ensure(made["metadata"][field].is_string(), || format!("metadata.{field} is missing: {made}"))?;
    }
    same("read after create", &c.get(&map).await?, &made)?;
    let again = refused("create twice", c.try_create(&map).await, 409, "AlreadyExists")?;
    same("message", &again["message"], &json!("configmaps \"one\" already exists"))?;
    let api = c.of(&map);
    let deleted = api.delete("one", &DeleteParams::default()).await?;
    let status =
        deleted.right().ok_or_else(|| super::CaseError::Different("delete gave an object".into()))?;
    let details = serde_json::to_value(&status.details)?;
    same("uid of the deleted", &details["uid"], &made["metadata"]["uid"])?;
    let gone = refused("get after delete", api.get("one").await, 404, "NotFound")?;
    same("message", &gone["message"], &json!("configmaps \"one\" not found"))?;
    same("details", &gone["details"]["kind"], &json!("configmaps"))?;
    refused("delete twice", api.delete("one", &DeleteParams::default()).await, 404, "NotFound")?;
    let elsewhere = Context { namespace: "no-such-namespace".into(), ..c.clone() };
    let lost = refused("create nowhere", elsewhere.try_create(&map).await, 404, "NotFound")?;
    same("message", &lost["message"], &json!("namespaces \"no-such-namespace\" not found"))
}

async fn stale_update(c: Context) -> CaseResult {
    let first = c.create(&config_map("one")).await?;
    let mut newer = first.clone();
    newer["data"]["a"] = json!("2");
    let newer = c.try_replace(&newer).await?;
    let mut stale = first.clone();
    stale["data"]["a"] = json!("3");
    refused("stale replace", c.try_replace(&stale).await, 409, "Conflict")?;
    let patch =
        json!({"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]}, "data": {"a": "4"}});
    let patched = c.of(&first).patch("one", &PatchParams::default(), &Patch::Merge(&patch)).await;
    refused("stale patch", patched, 409, "Conflict")?;
    let mut blind = stale;
    blind["metadata"] = json!({"name": "one"});
    let blind = c.try_replace(&blind).await?;
    same("unconditional replace", &blind["data"]["a"], &json!("3"))?;
    same("uid", &blind["metadata"]["uid"], &first["metadata"]["uid"])?;
    ensure(blind["metadata"]["resourceVersion"] != newer["metadata"]["resourceVersion"], || {
        "a change keeps the resource version".into()
    })
}

async fn no_op_keeps_version(c: Context) -> CaseResult {
    let made = c.create(&config_map("one")).await?;
    let replaced = c.try_replace(&made).await?;
    same("replace", &replaced["metadata"]["resourceVersion"], &made["metadata"]["resourceVersion"])?;
    let merged = c.merge(&made, &json!({"data": {"a": "1"}})).await?;
    same("merge patch", &merged["metadata"]["resourceVersion"], &made["metadata"]["resourceVersion"])?;
    let first = c.apply(&config_map("two"), "applier").await?;
    let second = c.apply(&config_map("two"), "applier").await?;
    same("apply", &second, &first)
}

async fn generation(c: Context) -> CaseResult {
    let mut wanted = deployment("web", 0);
    wanted["spec"]["paused"] = json!(true);
    let made = c.create(&wanted).await?;
    same("at first", &made["metadata"]["generation"], &json!(1))?;
    let labelled = c.merge(&made, &json!({"metadata": {"labels": {"x": "y"}}})).await?;
    same("after a label", &labelled["metadata"]["generation"], &json!(1))?;
    let changed = c.merge(&made, &json!({"spec": {"minReadySeconds": 1}})).await?;
    same("after a change of spec", &changed["metadata"]["generation"], &json!(2))?;
    let same_again = c.merge(&made, &json!({"spec": {"minReadySeconds": 1}})).await?;
    same("after no change", &same_again["metadata"]["generation"], &json!(2))
}

async fn delete_preconditions(c: Context) -> CaseResult {
    let made = c.create(&config_map("one")).await?;
    let api = c.of(&made);
    let with = |uid: Option<&str>, version: Option<&str>| DeleteParams {
        preconditions: Some(Preconditions {
            uid: uid.map(str::to_owned),
            resource_version: version.map(str::to_owned),
        }),
        ..DeleteParams::default()
    };
    refused("wrong uid", api.delete("one", &with(Some("nobody"), None)).await, 409, "Conflict")?;
    refused("wrong version", api.delete("one", &with(None, Some("1"))).await, 409, "Conflict")?;
    let uid = made["metadata"]["uid"].as_str();
    let version = made["metadata"]["resourceVersion"].as_str();
    api.delete("one", &with(uid, version)).await?;
    refused("get after delete", api.get("one").await, 404, "NotFound")?;
    Ok(())
}

async fn finalizers(c: Context) -> CaseResult {
    let mut map = config_map("one");
    map["metadata"]["finalizers"] = json!(["example.com/hold"]);
    c.create(&map).await?;
    let api = c.of(&map);
    let pending = api.delete("one", &DeleteParams::default()).await?;
    ensure(pending.is_left(), || "delete of a finalized object gave a Status".into())?;
    let waiting = c.get(&map).await?;
    ensure(waiting["metadata"]["deletionTimestamp"].is_string(), || "no deletionTimestamp".into())?;
    refused("create while deleting", c.try_create(&map).await, 409, "AlreadyExists")?;
    let changed = c.merge(&map, &json!({"data": {"b": "2"}})).await?;
    same("changes while deleting", &changed["data"]["b"], &json!("2"))?;
    c.merge(&map, &json!({"metadata": {"finalizers": null}})).await?;
    refused("get after release", api.get("one").await, 404, "NotFound")?;
    Ok(())
}

async fn status_and_scale(c: Context) -> CaseResult {
    let mut wanted = deployment("web", 0);
    wanted["spec"]["paused"] = json!(true);
    wanted["status"] = json!({"replicas": 7});
    let made = c.create(&wanted).await?;
    ensure(made["status"]["replicas"] != 7, || "create kept a status".into())?;
    let api = c.of(&made);
    let patch = Patch::Merge(json!({"spec": {"minReadySeconds": 9}, "status": {"collisionCount": 3}}));
    let after = serde_json::to_value(api.patch_status("web", &PatchParams::default(), &patch).await?)?;
    same("status through status", &after["status"]["collisionCount"], &json!(3))?;
    same("spec through status", &after["spec"]["minReadySeconds"], &Value::Null)?;
    same("generation", &after["metadata"]["generation"], &json!(1))?;
    let scale = serde_json::to_value(api.get_scale("web").await?)?;
    same("scale", &scale["spec"]["replicas"].as_i64().unwrap_or(0).into(), &json!(0))?;
    let patch = Patch::Merge(json!({"spec": {"replicas": 2}}));
    let scaled = serde_json::to_value(api.patch_scale("web", &PatchParams::default(), &patch).await?)?;
    same("scaled", &scaled["spec"]["replicas"], &json!(2))?;
    let after = c.get(&made).await?;
    same("replicas after scale", &after["spec"]["replicas"], &json!(2))?;
    same("generation after scale", &after["metadata"]["generation"], &json!(2))
}

async fn metadata_only(c: Context) -> CaseResult {
    let mut map = config_map("one");
    map["metadata"]["labels"] = json!({"x": "y"});
    let made = c.create(&map).await?;
    let api = c.of(&map);
    let one = serde_json::to_value(api.get_metadata_with("one", &GetParams::default()).await?)?;
    same("kind", &one["kind"], &json!("PartialObjectMetadata"))?;
    same("labels", &one["metadata"]["labels"], &json!({"x": "y"}))?;
    same("uid", &one["metadata"]["uid"], &made["metadata"]["uid"])?;
    same("data", &one["data"], &Value::Null)?;
    let list = api.list_metadata(&ListParams::default().labels("x=y")).await?;
    ensure(list.items.len() == 1, || format!("{} items", list.items.len()))
}

async fn generated_names(c: Context) -> CaseResult {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "gen-"}});
    let (a, b) = (c.create(&map).await?, c.create(&map).await?);
    ensure(name(&a).starts_with("gen-") && name(&a).len() == 9 && name(&a) != name(&b), || {
        format!("{} and {}", name(&a), name(&b))
    })
}

async fn lease(c: Context) -> CaseResult {
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "agent"},
        "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"},
    });
    let made = c.create(&lease).await?;
    let mut mine = made.clone();
    mine["spec"]["holderIdentity"] = json!("b");
    c.try_replace(&mine).await?;
    let mut theirs = made;
    theirs["spec"]["holderIdentity"] = json!("c");
    refused("second taker", c.try_replace(&theirs).await, 409, "Conflict")?;
    same("holder", &c.get(&lease).await?["spec"]["holderIdentity"], &json!("b"))
}

async fn discovery(c: Context) -> CaseResult {
    let version = c.client.apiserver_version().await?;
    ensure(version.git_version.starts_with("v1."), || version.git_version.clone())?;
    let gvk = kube::api::GroupVersionKind::gvk("apps", "v1", "Deployment");
    let (resource, capabilities) = kube::discovery::pinned_kind(&c.client, &gvk).await?;
    ensure(resource.plural == "deployments", || resource.plural.clone())?;
    let subs: Vec<&str> = capabilities.subresources.iter().map(|(r, _)| r.plural.as_str()).collect();
    for sub in ["scale", "status"] {
        ensure(subs.iter().any(|s| s.ends_with(sub)), || format!("no subresource {sub} in {subs:?}"))?;
    }
    let all = kube::discovery::Discovery::new(c.client.clone()).run().await?;
    for (group, kind) in [("", "Service"), ("apps", "ReplicaSet"), ("discovery.k8s.io", "EndpointSlice")] {
        let found = all.resolve_gvk(&kube::api::GroupVersionKind::gvk(group, "v1", kind));
        ensure(found.is_some(), || format!("{kind} is not discovered"))?;
    }
    let unknown = kube::api::GroupVersionKind::gvk("apps", "v1", "NoSuchKind");
    ensure(kube::discovery::pinned_kind(&c.client, &unknown).await.is_err(), || {
        "NoSuchKind was found".into()
    })?;
    let lost = c.api("nowhere.example/v1", "Thing").get("x").await;
    match lost {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => Err(super::CaseError::Different(format!("unknown group: {other:?}"))),
    }
}

async fn dry_run(c: Context) -> CaseResult {
    let params = PatchParams { dry_run: true, ..PatchParams::apply("applier") };
    let map = config_map("one");
    let shown = c.of(&map).patch("one", &params, &Patch::Apply(&map)).await?;
    ensure(shown.metadata.name.as_deref() == Some("one"), || "no answer to a dry run".into())?;
    refused("get after a dry run", c.of(&map).get("one").await, 404, "NotFound")?;
    Ok(())
}

async fn secret_text(c: Context) -> CaseResult {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": "hunter2!"},
    });
    let made = c.create(&secret).await?;
    same("data", &made["data"], &json!({"password": "aHVudGVyMiE="}))?;
    same("type", &made["type"], &json!("Opaque"))?;
    same("stringData", &made["stringData"], &Value::Null)
}
