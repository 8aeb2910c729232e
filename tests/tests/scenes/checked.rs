//! Analyses by an HTTP check decide, in each cluster by itself, whether a rollout goes on: by an expected status, and by conditions on what
//! the page says [A4].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::ensure;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use shipper_core::ClusterName;
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_tests::eventually::eventually;
use shipper_tests::http_service::HttpService;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON, first_release, measure_again, release_with, staging_stands, told};

const STRATEGY: &str = include_str!("files/checked.yaml");

/// What a cluster's application says of itself.
#[derive(Debug, Clone)]
struct Page {
    health: StatusCode,
    status: Value,
}

/// The pages, by cluster and, where they are of a release, by its name; all others are well.
type Pages = Arc<Mutex<BTreeMap<(String, String), Page>>>;

#[tokio::test]
async fn an_http_check_is_judged_by_its_status_and_by_what_it_says() {
    let pages = Pages::default();
    let served = serve(pages.clone());
    let scene = Scene::start(Options::named("checked")).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    // A page that is found and is not what is expected.
    page(&pages).insert(of("cluster-2", APP), Page { health: StatusCode::OK, ..well() });
    release_with(&scene, ("tag: v1", "tag: v2"), &STRATEGY.replace("$PAGES", &served.url()));
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    alone(&scene, "cluster-2", &["is held", "analysis \"page\" failed: status 200 (wanted is status 204)"])
        .await;
    staging_stands(&scene, &v1, &v2).await;

    // The status is right, and what it says is not.
    page(&pages).clear();
    let fatal = json!({"ready": true, "queue": {"length": 3}, "errors": [{"severity": "fatal"}]});
    page(&pages).insert(of("cluster-3", &v2), Page { status: fatal, ..well() });
    measure_again(&scene, &v2, "staging", "page");
    alone(&scene, "cluster-3", &["is held", "analysis \"queue\" failed: status 200: {", "\"fatal\""]).await;
    staging_stands(&scene, &v1, &v2).await;

    // Neither good nor bad is unknown, and no pass.
    page(&pages).clear();
    let unready = json!({"ready": false, "queue": {"length": 3}, "errors": []});
    page(&pages).insert(of("cluster-1", &v2), Page { status: unready, ..well() });
    measure_again(&scene, &v2, "staging", "queue");
    let status = alone(&scene, "cluster-1", &["\"queue\" has 0 of 2 samples"]).await;
    assert_eq!(status.waiting.state, WaitingFor::WaitingForGate);
    staging_stands(&scene, &v1, &v2).await;

    page(&pages).clear();
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    scene.wait_for(APP, &full, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 1, WaitingFor::None, SOON).await.unwrap();
    assert_eq!(scene.steps(APP, &v2).unwrap(), [0, 1]);
    floor.assert_held(&scene, 4);
}

/// Waits until what the rollout waits for is told in these words, and is for one cluster alone: the others are measured well.
async fn alone(scene: &Scene, cluster: &str, words: &[&str]) -> ApplicationStatus {
    let status = eventually(SOON, async || {
        let status = told(scene, words).await;
        let clusters: Vec<&str> = status.waiting.clusters.iter().map(ClusterName::as_str).collect();
        ensure!(clusters == [cluster], "{}", status.waiting.message);
        anyhow::Ok(status)
    })
    .await;
    scene.reached(&status.waiting.message);
    status
}

fn of(cluster: &str, whose: &str) -> (String, String) {
    (cluster.to_owned(), whose.to_owned())
}

fn well() -> Page {
    Page {
        health: StatusCode::NO_CONTENT,
        status: json!({"ready": true, "queue": {"length": 3}, "errors": []}),
    }
}

fn page(pages: &Pages) -> MutexGuard<'_, BTreeMap<(String, String), Page>> {
    pages.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(pages: Pages) -> HttpService {
    let asked = |pages: &Pages, key| page(pages).get(&key).cloned().unwrap_or_else(well);
    let health = move |State(pages): State<Pages>, Path(key)| async move { asked(&pages, key).health };
    let status = move |State(pages): State<Pages>, Path(key)| async move { Json(asked(&pages, key).status) };
    let routes = Router::new()
        .route("/{cluster}/{whose}/healthz", get(health))
        .route("/{cluster}/{whose}/status.json", get(status));
    HttpService::start(routes.with_state(pages)).unwrap()
}
