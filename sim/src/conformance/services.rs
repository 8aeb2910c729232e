//! Services and EndpointSlices.

use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::context::{Context, deployment, ensure, refused, same, service};
use super::{Case, CaseResult, Needs, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("service_addresses", Needs::Server, service_addresses),
        case("node_ports", Needs::Server, node_ports),
        case("empty_slices", Needs::Controllers, empty_slices),
        case("slices_follow_pods", Needs::Pods, slices_follow_pods),
        case("slices_follow_labels", Needs::Pods, slices_follow_labels),
    ]
}

async fn service_addresses(c: Context) -> CaseResult {
    let made = c.create(&service("web")).await?;
    let ip = made["spec"]["clusterIP"].clone();
    ensure(ip.as_str().is_some_and(|i| i.contains('.')), || made.to_string())?;
    same("clusterIPs", &made["spec"]["clusterIPs"], &json!([ip]))?;
    same("type", &made["spec"]["type"], &json!("ClusterIP"))?;
    let port = json!([{"name": "web", "port": 80, "protocol": "TCP", "targetPort": "http"}]);
    same("ports", &made["spec"]["ports"], &port)?;
    let mut same_ip = service("other");
    same_ip["spec"]["clusterIP"] = ip.clone();
    refused("taken address", c.try_create(&same_ip).await, 422, "Invalid")?;
    let mut moved = made.clone();
    moved["spec"]["clusterIP"] = json!("None");
    moved["spec"]["clusterIPs"] = json!(["None"]);
    refused("changed address", c.try_replace(&moved).await, 422, "Invalid")?;
    let mut bare = service("web");
    bare["spec"]["selector"] = json!({"app": "other"});
    let replaced = c.try_replace(&bare).await?;
    same("address after a replace without one", &replaced["spec"]["clusterIP"], &ip)?;
    c.of(&made).delete("web", &DeleteParams::default()).await?;
    let mut again = service("web");
    again["spec"]["clusterIP"] = ip.clone();
    same("former address", &c.create(&again).await?["spec"]["clusterIP"], &ip)?;
    let mut headless = service("headless");
    headless["spec"]["clusterIP"] = json!("None");
    same("headless", &c.create(&headless).await?["spec"]["clusterIPs"], &json!(["None"]))
}

async fn node_ports(c: Context) -> CaseResult {
    let mut wanted = service("web");
    wanted["spec"]["type"] = json!("NodePort");
    let made = c.create(&wanted).await?;
    let port = made["spec"]["ports"][0]["nodePort"].clone();
    ensure(port.as_i64().is_some_and(|p| (30_000..32_768).contains(&p)), || made.to_string())?;
    let mut other = wanted.clone();
    other["metadata"]["name"] = json!("other");
    other["spec"]["ports"][0]["nodePort"] = port.clone();
    refused("taken port", c.try_create(&other).await, 422, "Invalid")?;
    c.of(&made).delete("web", &DeleteParams::default()).await?;
    same("former port", &c.create(&other).await?["spec"]["ports"][0]["nodePort"], &port)
}

const SLICES: (&str, &str) = ("discovery.k8s.io/v1", "EndpointSlice");

async fn slices(
    c: &Context,
    service: &str,
    wanted: impl Fn(&[Value]) -> bool,
) -> Result<Vec<Value>, super::CaseError> {
    c.until(SLICES.0, SLICES.1, &format!("kubernetes.io/service-name={service}"), wanted).await
}

/// Pods in the slices whose endpoint is ready.
fn ready(slices: &[Value]) -> Vec<String> {
    let endpoints = slices.iter().flat_map(|s| s["endpoints"].as_array().into_iter().flatten());
    let mut names: Vec<String> = endpoints
        .filter(|e| e["conditions"]["ready"] == true)
        .filter_map(|e| e["targetRef"]["name"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    names
}

async fn empty_slices(c: Context) -> CaseResult {
    let made = c.create(&service("web")).await?;
    let found = slices(&c, "web", |s| !s.is_empty()).await?;
    let slice = &found[0];
    same("mirrored label", &slice["metadata"]["labels"]["team"], &json!("blue"))?;
    let owner = &slice["metadata"]["ownerReferences"][0];
    same("owner", &owner["uid"], &made["metadata"]["uid"])?;
    let by = &slice["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"];
    same("manager", by, &json!("endpointslice-controller.k8s.io"))?;
    ensure(ready(&found).is_empty(), || slice.to_string())?;
    c.of(&made).delete("web", &DeleteParams::default()).await?;
    slices(&c, "web", <[Value]>::is_empty).await.map(|_| ())
}

async fn slices_follow_pods(c: Context) -> CaseResult {
    c.until_furnished().await?;
    c.create(&service("web")).await?;
    let mut headless = service("headless");
    headless["spec"]["selector"] = json!({"app": "web"});
    headless["spec"]["clusterIP"] = json!("None");
    c.create(&headless).await?;
    let web = c.create(&deployment("web", 3)).await?;
    let found = slices(&c, "web", |s| ready(s).len() == 3).await?;
    let pods = c.list("v1", "Pod", "app=web").await?;
    let mut names: Vec<String> = pods.iter().map(|p| super::context::name(p).to_owned()).collect();
    names.sort();
    same("endpoints", &json!(ready(&found)), &json!(names))?;
    let with = found.iter().find(|s| s["endpoints"].as_array().is_some_and(|e| !e.is_empty()));
    let slice = with.cloned().unwrap_or_default();
    same("ports", &slice["ports"], &json!([{"name": "web", "port": 8080, "protocol": "TCP"}]))?;
    same("addressType", &slice["addressType"], &json!("IPv4"))?;
    let endpoint = &slice["endpoints"][0];
    same("kind", &endpoint["targetRef"]["kind"], &json!("Pod"))?;
    same("serving", &endpoint["conditions"]["serving"], &json!(true))?;
    same("terminating", &endpoint["conditions"]["terminating"], &json!(false))?;
    let bare = slices(&c, "headless", |s| ready(s).len() == 3).await?;
    let mark = bare[0]["metadata"]["labels"].get("service.kubernetes.io/headless");
    ensure(mark.is_some(), || bare[0].to_string())?;
    c.merge(&web, &json!({"spec": {"replicas": 1}})).await?;
    slices(&c, "web", |s| ready(s).len() == 1).await?;
    c.merge(&web, &json!({"spec": {"replicas": 0}})).await?;
    slices(&c, "web", |s| ready(s).is_empty()).await.map(|_| ())
}

async fn slices_follow_labels(c: Context) -> CaseResult {
    c.until_furnished().await?;
    c.create(&deployment("web", 2)).await?;
    let mut traffic = service("web");
    traffic["spec"]["selector"] = json!({"app": "web", "traffic": "true"});
    let traffic = c.create(&traffic).await?;
    let is_ready = |p: &Value| {
        let conditions = p["status"]["conditions"].as_array();
        conditions.is_some_and(|l| l.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
    };
    let pods = c.until("v1", "Pod", "app=web", |l| l.len() == 2 && l.iter().all(is_ready)).await?;
    let first = super::context::name(&pods[0]).to_owned();
    let mark = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": first, "labels": {"traffic": "true"}}});
    c.apply(&mark, "agent").await?;
    slices(&c, "web", |s| ready(s) == [first.clone()]).await?;
    let bare = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": first}});
    let after = c.apply(&bare, "agent").await?;
    same("the pod's own label stays", &after["metadata"]["labels"]["app"], &json!("web"))?;
    same("the mark is gone", &after["metadata"]["labels"]["traffic"], &Value::Null)?;
    slices(&c, "web", |s| ready(s).is_empty()).await?;
    c.merge(&traffic, &json!({"spec": {"selector": {"traffic": null}}})).await?;
    slices(&c, "web", |s| ready(s).len() == 2).await.map(|_| ())
}
