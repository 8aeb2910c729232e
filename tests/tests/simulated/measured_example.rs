//! The strategies of the chapter on analysis, each run from its example to its end [A4]. What they measure is here instead of where
//! the example says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, ensure};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use shipper_core::AppKey;
use shipper_core::status::WaitingFor;
use shipper_tests::scene::sight::look;
use shipper_tests::simulated::Simulation;

const CLUSTERS: [&str; 2] = ["eu-1", "eu-canary"];
const NAMESPACE: &str = "shop";
const APP: &str = "shop";
const FILE: &str = "applications/shop/shop.yaml";
const SOON: Duration = Duration::from_secs(120);
/// Longer than five minutes of soaking and as many samples a minute apart.
const MEASURED: Duration = Duration::from_secs(15 * 60);

/// The share of failed requests that Prometheus tells.
type Errors = Arc<Mutex<f64>>;

#[tokio::test(start_paused = true)]
async fn what_is_measured_decides() {
    let fleet = Simulation::start_with(23, CLUSTERS.map(str::to_owned).into()).await;
    let app = AppKey::new(NAMESPACE, APP);
    let errors = Errors::default();
    let measures = serve(errors.clone()).await;
    fleet.begin_example("analysis", NAMESPACE).await;
    let at = |text: String, place: &str| text.replace(place, &measures);
    fleet.people.change("strategies/error-budget.yaml", |text| at(text, "http://prometheus.monitoring:9090"));
    fleet.people.change("strategies/health.yaml", |text| at(text, "http://{{application}}.{{namespace}}"));
    fleet.pushed().await;
    for (_, client) in &fleet.clusters {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
        let secret = json!({"metadata": {"name": "prometheus-reader"}, "data": {"token": "c2VjcmV0"}});
        secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    }
    let v1 = fleet.complete(&app, "", MEASURED).await;
    fleet.reached("error-budget: the first release is complete");

    *errors.lock().unwrap() = 0.5;
    ask_for(&fleet, 1, 2, None).await;
    fleet
        .within(MEASURED, async || {
            let waiting = fleet.status_of(&app)?.waiting.clone();
            ensure!(waiting.message.contains("analysis \"errors\" failed: 0.5"), "{waiting:?}");
            Ok(())
        })
        .await;
    let sight = look(&fleet.clusters[0].1, NAMESPACE, APP).await.unwrap();
    assert_eq!(sight.releases.keys().collect::<Vec<_>>(), [&v1], "eu-1 was touched");
    fleet.reached("error-budget: what fails in the canary comes to no other cluster");

    ask_for(&fleet, 2, 3, Some(("error-budget", "health"))).await;
    let v3 = fleet
        .within(MEASURED, async || {
            let status = fleet.status_of(&app)?;
            let passed = status.waiting.state == WaitingFor::WaitingForCommand;
            let contender = status.contender.as_ref().map(ToString::to_string).unwrap_or_default();
            let half = status.releases[0].steps.first().is_some_and(|step| step == "half");
            ensure!(passed && half && contender != v1, "{:?}", status.waiting);
            Ok(contender)
        })
        .await;
    fleet.people.order(FILE, &v3, "full on");
    fleet.pushed().await;
    assert_eq!(fleet.complete(&app, &v1, SOON).await, v3);
    fleet.reached("health: measured well, and a person has said when");

    ask_for(&fleet, 3, 4, Some(("health", "smoke-test"))).await;
    for (name, client) in &fleet.clusters {
        fleet.within(SOON, async || succeed(client).await).await;
        fleet.reached(&format!("smoke-test: the Job of {name} has succeeded"));
    }
    fleet.complete(&app, &v3, SOON).await;
    fleet.reached("the end");
}

/// Asks for another version, with another strategy.
async fn ask_for(fleet: &Simulation, old: u32, new: u32, strategies: Option<(&str, &str)>) {
    let image = |version: u32| format!("registry.example/shop:{version}\n");
    fleet.people.change("apps/shop/shop.yaml", |text| text.replace(&image(old), &image(new)));
    if let Some((from, to)) = strategies {
        fleet.people.change(FILE, |text| text.replace(from, to));
    }
    fleet.pushed().await;
}

/// What the Job controller does when the pods of a Job have ended well.
async fn succeed(client: &kube::Client) -> Result<()> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), NAMESPACE);
    let found = jobs.list(&ListParams::default()).await?;
    ensure!(found.items.len() == 1, "{} Jobs", found.items.len());
    let status = json!({"status": {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}});
    jobs.patch_status(&found.items[0].name_any(), &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(())
}

/// A Prometheus that knows one number, and the pages of the application; returns the address.
async fn serve(errors: Errors) -> String {
    let routes = Router::new()
        .route("/api/v1/query", get(query))
        .route("/healthz", get(|| async { StatusCode::NO_CONTENT }))
        .route("/status.json", get(|| async { Json(json!({"queue": {"length": 3}, "errors": []})) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, routes.with_state(errors)).into_future());
    address
}

async fn query(State(errors): State<Errors>) -> Json<Value> {
    let value = errors.lock().unwrap().to_string();
    let result = json!([{"metric": {}, "value": [0, value]}]);
    Json(json!({"status": "success", "data": {"resultType": "vector", "result": result}}))
}
