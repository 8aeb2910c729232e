//! Defaults, and what is refused as invalid.

use serde_json::{Value, json};

use super::context::{Context, deployment, ensure, refused, same, service};
use super::{Case, CaseResult, Needs, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("deployment_defaults", Needs::Server, deployment_defaults),
        case("deployment_refusals", Needs::Server, deployment_refusals),
        case("service_refusals", Needs::Server, service_refusals),
        case("bad_types", Needs::Server, bad_types),
        case("bad_names", Needs::Server, bad_names),
    ]
}

async fn deployment_defaults(c: Context) -> CaseResult {
    let mut wanted = deployment("web", 0);
    wanted["spec"]["paused"] = json!(true);
    if let Some(spec) = wanted["spec"].as_object_mut() {
        spec.remove("replicas");
    }
    let made = c.create(&wanted).await?;
    let spec = &made["spec"];
    same("replicas", &spec["replicas"], &json!(1))?;
    let rolling =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
    same("strategy", &spec["strategy"], &rolling)?;
    same("revisionHistoryLimit", &spec["revisionHistoryLimit"], &json!(10))?;
    same("progressDeadlineSeconds", &spec["progressDeadlineSeconds"], &json!(600))?;
    let pod = json!({
        "containers": [{
            "name": "main", "image": "registry.example/app:1", "imagePullPolicy": "IfNotPresent", "resources": {},
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        }],
        "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
        "securityContext": {}, "terminationGracePeriodSeconds": 30,
    });
    same("pod", &spec["template"]["spec"], &pod)
}

async fn deployment_refusals(c: Context) -> CaseResult {
    let refuse = async |what: &str, pointer: &str, value: Value, field: &str| -> CaseResult {
        let mut wrong = deployment("web", 1);
        if let Some(slot) = wrong.pointer_mut(pointer) {
            *slot = value;
        }
        let why = refused(what, c.try_create(&wrong).await, 422, "Invalid")?;
        let causes = why["details"]["causes"].as_array().cloned().unwrap_or_default();
        ensure(causes.iter().any(|cause| cause["field"] == *field), || format!("{what}: {why}"))
    };
    refuse(
        "other labels",
        "/spec/template/metadata/labels",
        json!({"app": "other"}),
        "spec.template.metadata.labels",
    )
    .await?;
    refuse("no containers", "/spec/template/spec/containers", json!([]), "spec.template.spec.containers")
        .await?;
    let nameless = json!([{"image": "x"}]);
    refuse("no name", "/spec/template/spec/containers", nameless, "spec.template.spec.containers[0].name")
        .await?;
    refuse("negative", "/spec/replicas", json!(-1), "spec.replicas").await?;
    refuse("no selector", "/spec/selector", Value::Null, "spec.selector").await?;

    let mut paused = deployment("web", 0);
    paused["spec"]["paused"] = json!(true);
    let mut made = c.create(&paused).await?;
    // Controllers write to it meanwhile.
    made["metadata"]["resourceVersion"] = Value::Null;
    made["spec"]["selector"]["matchLabels"]["more"] = json!("x");
    made["spec"]["template"]["metadata"]["labels"]["more"] = json!("x");
    let why = refused("changed selector", c.try_replace(&made).await, 422, "Invalid")?;
    ensure(why["message"].as_str().is_some_and(|m| m.contains("field is immutable")), || why.to_string())?;
    let mut applied = paused;
    applied["spec"]["selector"]["matchLabels"]["more"] = json!("x");
    applied["spec"]["template"]["metadata"]["labels"]["more"] = json!("x");
    refused("applied selector", c.try_apply(&applied, "applier", true).await, 422, "Invalid")?;
    Ok(())
}

async fn service_refusals(c: Context) -> CaseResult {
    let mut portless = service("web");
    portless["spec"]["ports"] = json!([]);
    let why = refused("no ports", c.try_create(&portless).await, 422, "Invalid")?;
    same("field", &why["details"]["causes"][0]["field"], &json!("spec.ports"))?;
    let mut nameless = service("web");
    nameless["spec"]["ports"] = json!([{"port": 80}, {"port": 81, "name": "b"}]);
    let why = refused("two ports, one name", c.try_create(&nameless).await, 422, "Invalid")?;
    same("field", &why["details"]["causes"][0]["field"], &json!("spec.ports[0].name"))?;
    let mut range = service("web");
    range["spec"]["ports"] = json!([{"port": 70000}]);
    refused("port out of range", c.try_create(&range).await, 422, "Invalid")?;
    Ok(())
}

async fn bad_types(c: Context) -> CaseResult {
    let mut wrong = deployment("web", 1);
    wrong["spec"]["replicas"] = json!("3");
    refused("text for a number", c.try_create(&wrong).await, 400, "BadRequest")?;
    let why = refused("apply text for a number", c.try_apply(&wrong, "a", false).await, 500, "")?;
    ensure(why["message"].as_str().is_some_and(|m| m.contains(".spec.replicas: expected numeric")), || {
        why.to_string()
    })?;
    let mut unknown = deployment("web", 0);
    unknown["spec"]["paused"] = json!(true);
    unknown["spec"]["bogus"] = json!(1);
    let why = refused("apply an unknown field", c.try_apply(&unknown, "a", false).await, 500, "")?;
    ensure(
        why["message"].as_str().is_some_and(|m| m.contains(".spec.bogus: field not declared in schema")),
        || why.to_string(),
    )?;
    let made = c.create(&unknown).await?;
    same("unknown field of a create", &made["spec"]["bogus"], &Value::Null)
}

async fn bad_names(c: Context) -> CaseResult {
    for name in ["Upper", "under_score", "-dash", "a..b"] {
        let mut map = super::context::config_map(name);
        map["metadata"]["name"] = json!(name);
        let why = refused(name, c.try_create(&map).await, 422, "Invalid")?;
        same("field", &why["details"]["causes"][0]["field"], &json!("metadata.name"))?;
    }
    let mut number = service("web");
    number["metadata"]["name"] = json!("1web");
    refused("service name with a digit first", c.try_create(&number).await, 422, "Invalid")?;
    let mut label = super::context::config_map("x");
    label["metadata"]["labels"] = json!({"a": "no spaces"});
    refused("label with a space", c.try_create(&label).await, 422, "Invalid")?;
    Ok(())
}
