//! What an agent measures for gates [A4], against a real HTTP server; real time, for sockets know no other.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};
use shipper_core::report::{AnalysisReport, MeasureReport, Outcome};
use shipper_core::state::{StateObject, Target};
use shipper_sim::{Patch, Subresource, WriteOptions, lock};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use support::{RELEASE, World, app_key, manifests, target};
use tokio::net::TcpListener;

/// A server that answers as a Prometheus does, and whatever else a measure may meet.
#[derive(Clone, Default)]
struct Server {
    /// What queries are answered with; the last one for good.
    values: Arc<Mutex<Vec<&'static str>>>,
    /// Queries that were asked, each with its credentials.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Server {
    /// Starts it; returns its address.
    async fn start(&self) -> String {
        let huge = || async { "x".repeat(2 << 20) };
        let moved = || async { (StatusCode::FOUND, [(header::LOCATION, "/well")]) };
        let app = Router::new()
            .route("/api/v1/query", get(query))
            .route("/well", get(|| async { r#"{"ready": true, "errors": 3}"# }))
            .route("/moved", get(moved))
            .route("/broken", get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "out of order") }))
            .route("/huge", get(huge))
            .route("/silent", get(std::future::pending::<()>))
            .with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }
}

async fn query(
    State(server): State<Server>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let credentials = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    server.asked.lock().unwrap().push((query["query"].clone(), credentials.unwrap_or_default()));
    let mut values = server.values.lock().unwrap();
    let value = if values.len() > 1 { values.remove(0) } else { values.first().copied().unwrap_or("0") };
    match value {
        "error" => (
            StatusCode::BAD_REQUEST,
            r#"{"status":"error","errorType":"bad_data","error":"no such"}"#.to_owned(),
        ),
        "none" => (StatusCode::OK, vector(&[])),
        number => (StatusCode::OK, vector(&[number])),
    }
}

fn vector(values: &[&str]) -> String {
    let result: Vec<Value> = values.iter().map(|v| json!({"metric": {}, "value": [1.5, v]})).collect();
    json!({"status": "success", "data": {"resultType": "vector", "result": result}}).to_string()
}

fn with(mut target: Target, run: &str, measures: &Value) -> Target {
    let analysis = json!({"release": RELEASE, "run": run, "deadlineSeconds": 1, "measures": measures});
    target.analysis = Some(serde_json::from_value(analysis).unwrap());
    target
}

const RUN: &str = "2026-01-01T00:00:00Z";

/// Asks the agent to measure; the rest of the target stays.
fn ask(world: &World, generation: u64, run: &str, measures: &Value) {
    let target = with(target(generation, 100), run, measures).to_yaml().unwrap();
    world.repo.commit(&[("clusters/c1/shop/web/target.yaml", Some(&target))]);
}

fn seen(world: &World) -> Option<AnalysisReport> {
    world.hub.inner.lock().unwrap().applications.get(&app_key())?.analysis.clone()
}

fn measure(world: &World, name: &str) -> MeasureReport {
    let measures = seen(world).map(|seen| seen.measures).unwrap_or_default();
    measures.into_iter().find(|measure| measure.name == name).unwrap_or_default()
}

/// An agent whose target is achieved, and which was asked to measure after that.
async fn measuring(measures: &Value) -> (World, support::Agent) {
    let world = World::new();
    world.repo.target(1, 100, &manifests(1, "hello"));
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    ask(&world, 2, RUN, measures);
    (world, agent)
}

fn create(world: &World, api_version: &str, kind: &str, object: Value) {
    let mut cluster = lock(&world.cluster);
    let id = cluster.resource(api_version, kind).unwrap();
    cluster.create(id, "shop", object, &WriteOptions::by("someone")).unwrap();
}

/// [A4] Each sample is judged and reported; nothing is measured when enough have passed.
#[tokio::test]
async fn a4_a_query_is_asked_with_the_clusters_own_credentials_until_enough_passed() {
    let server = Server::default();
    let address = server.start().await;
    let (world, agent) = measuring(&json!([{
        "name": "errors", "failIf": "> 0.01", "interval": "500ms", "count": 2,
        "prometheus": {
            "address": address, "query": "rate(errors[1m])", "auth": {"secretRef": {"name": "reader"}},
        },
    }]))
    .await;
    // Without its Secret nothing is known, and nothing is asked.
    world.until("unknown", || measure(&world, "errors").unknown > 0).await;
    let first = measure(&world, "errors").samples.remove(0);
    assert!(first.measured.contains("Secret shop/reader: is not there"), "{first:?}");
    assert!(server.asked().is_empty());
    create(
        &world,
        "v1",
        "Secret",
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "reader"}, "data": {"token": "c2VjcmV0"}}),
    );
    world.until("passed", || measure(&world, "errors").passed == 2).await;
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    assert_eq!(server.asked(), vec![("rate(errors[1m])".to_owned(), "Bearer secret".to_owned()); 2]);
    let report = seen(&world).unwrap();
    assert_eq!((report.run.to_string().as_str(), report.release.as_str()), (RUN, RELEASE));
    let last = report.measures[0].samples.last().unwrap();
    assert_eq!((last.outcome, last.measured.as_str()), (Outcome::Passed, "0"));
    let metrics = agent.status.metrics();
    assert!(metrics.contains("outcome=\"passed\"} 2"), "{metrics}");
    agent.stop().await;
}

/// [A4] The first failure ends it; another run begins from nothing.
#[tokio::test]
async fn a4_a_failure_ends_the_run_and_another_run_begins_anew() {
    let server = Server::default();
    *server.values.lock().unwrap() = vec!["0", "0.5", "0"];
    let measures = json!([{
        "name": "errors", "failIf": "> 0.01", "interval": "100ms", "count": 5,
        "prometheus": {"address": server.start().await, "query": "up"},
    }]);
    let (world, agent) = measuring(&measures).await;
    world.until("failed", || measure(&world, "errors").failed == 1).await;
    let failed = measure(&world, "errors");
    assert_eq!((failed.passed, failed.samples.last().unwrap().measured.as_str()), (1, "0.5"));
    // The same run in a later target goes on as it is.
    ask(&world, 3, RUN, &measures);
    world.until("later target", || world.hub.achieved(3)).await;
    assert_eq!(measure(&world, "errors").failed, 1);
    assert_eq!(server.asked().len(), 2);

    ask(&world, 4, "2026-01-01T01:00:00Z", &measures);
    world.until("passed", || measure(&world, "errors").passed == 5).await;
    assert_eq!(measure(&world, "errors").failed, 0);
    // Where nothing is to be measured, nothing is reported.
    let bare = target(5, 100).to_yaml().unwrap();
    world.repo.commit(&[("clusters/c1/shop/web/target.yaml", Some(&bare))]);
    world.until("nothing", || world.hub.achieved(5) && seen(&world).is_none()).await;
    agent.stop().await;
}

/// [A4] Whatever goes wrong on the way is unknown, with its reason, and after the deadline the agent says so.
#[tokio::test]
async fn a4_what_cannot_be_measured_is_unknown_and_then_overdue() {
    let server = Server::default();
    *server.values.lock().unwrap() = vec!["error"];
    let address = server.start().await;
    let prometheus = |address: &str| json!({"address": address, "query": "up"});
    let one = |name: &str, field: &str, measure: Value| {
        let mut one = json!({"name": name, "failIf": "> 1", "interval": "200ms", "timeout": "300ms"});
        one[field] = measure;
        if field == "http" {
            one["failIf"] = json!("json.errors > 1");
        }
        one
    };
    let (world, agent) = measuring(&json!([
        one("refused", "prometheus", prometheus("http://127.0.0.1:9")),
        one("error", "prometheus", prometheus(&address)),
        one("page", "prometheus", prometheus(&format!("{address}/well/"))),
        one("huge", "http", json!({"url": format!("{address}/huge")})),
        one("silent", "http", json!({"url": format!("{address}/silent")})),
        one("closed", "http", json!({"url": "http://127.0.0.1:9/"})),
    ]))
    .await;
    for (name, why) in [
        ("refused", "can the agent reach it?"),
        ("error", "status 400: no such"),
        ("page", "no answer of a Prometheus"),
        ("huge", "more than 1048576 bytes"),
        ("silent", "no answer within 300ms"),
        ("closed", "can the agent reach it?"),
    ] {
        world.until("overdue", || measure(&world, name).overdue).await;
        let measure = measure(&world, name);
        assert_eq!((measure.passed, measure.failed), (0, 0), "{measure:?}");
        assert!(measure.samples.last().unwrap().measured.contains(why), "{measure:?}");
    }
    agent.stop().await;
}

/// [A4] An HTTP check is judged by status and body; redirects are not followed.
#[tokio::test]
async fn a4_an_http_check_is_judged_by_status_and_body() {
    let address = Server::default().start().await;
    let http = |name: &str, path: &str, rest: Value| {
        let mut one = json!({"name": name, "interval": "100ms", "http": {"url": format!("{address}{path}")}});
        one.as_object_mut().unwrap().extend(rest.as_object().cloned().unwrap());
        one
    };
    let (world, agent) = measuring(&json!([
        http("well", "/well", json!({"passIf": "json.ready && json.errors < 5"})),
        http("ill", "/well", json!({"failIf": "json.errors > 2"})),
        http("moved", "/moved", json!({})),
        http("broken", "/broken", json!({})),
    ]))
    .await;
    world.until("well", || measure(&world, "well").passed == 1).await;
    for (name, told) in
        [("ill", "\"errors\": 3"), ("moved", "status 302"), ("broken", "status 500: out of order")]
    {
        world.until(name, || measure(&world, name).failed == 1).await;
        let measured = measure(&world, name).samples.remove(0).measured;
        assert!(measured.contains(told), "{measured}");
    }
    agent.stop().await;
}

/// The only Job of an analysis.
fn job(world: &World) -> Option<Value> {
    let cluster = lock(&world.cluster);
    let id = cluster.resource("batch/v1", "Job").unwrap();
    cluster.peek_all(id, Some("shop")).next().map(|job| (**job).clone())
}

fn finish(world: &World, condition: &Value) {
    let name = job(world).unwrap()["metadata"]["name"].as_str().unwrap().to_owned();
    let mut cluster = lock(&world.cluster);
    let id = cluster.resource("batch/v1", "Job").unwrap();
    let patch = Patch::Merge(json!({"status": {"conditions": [condition]}}));
    cluster.patch(id, ("shop", &name), &patch, Subresource::Status, &WriteOptions::by("controller")).unwrap();
}

/// [A4] A Job is made once, also by an agent that was restarted; its result counts, and it goes when its run is over.
#[tokio::test]
async fn a4_a_job_is_made_once_and_its_result_counts() {
    let spec = json!({"template": {"metadata": {"labels": {"team": "a"}}, "spec": {"containers": [{"name": "t", "image": "t"}]}}});
    let measures = json!([{"name": "smoke", "job": {"spec": spec}, "timeout": "5m"}]);
    let (world, agent) = measuring(&measures).await;
    world.until("made", || job(&world).is_some()).await;
    let made = job(&world).unwrap();
    let inventory = world.get("v1", "ConfigMap", "shipper-web").unwrap();
    assert_eq!(made["metadata"]["ownerReferences"][0]["uid"], inventory["metadata"]["uid"]);
    assert!(made["metadata"]["name"].as_str().unwrap().starts_with(&format!("{RELEASE}-smoke-")), "{made:#}");
    let spec = &made["spec"];
    assert_eq!((&spec["activeDeadlineSeconds"], &spec["backoffLimit"]), (&json!(300), &json!(0)));
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Never");
    let labels = &spec["template"]["metadata"]["labels"];
    assert_eq!((&labels["team"], &labels["shipper.dev/release"]), (&json!("a"), &Value::Null));

    agent.kill().await;
    let agent = world.agent("a", 2);
    finish(&world, &json!({"type": "Complete", "status": "True"}));
    world.until("passed", || measure(&world, "smoke").passed == 1).await;
    assert_eq!(job(&world).unwrap()["metadata"]["uid"], made["metadata"]["uid"], "made once");

    ask(&world, 3, "2026-01-01T01:00:00Z", &measures);
    let another = || job(&world).filter(|job| job["metadata"]["uid"] != made["metadata"]["uid"]);
    world.until("the first is gone", || another().is_some()).await;
    let condition = json!({
        "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "it failed once",
    });
    finish(&world, &condition);
    world.until("failed", || measure(&world, "smoke").failed == 1).await;
    let measured = measure(&world, "smoke").samples.remove(0).measured;
    assert!(measured.contains("failed: BackoffLimitExceeded: it failed once"), "{measured}");
    agent.stop().await;
}
