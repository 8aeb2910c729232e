//! An agent that may not see every kind of its applications' objects.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use http::{Request, Response};
use kube::client::Body;
use serde_json::json;
use shipper_core::catalogue::Trouble;
use shipper_sim::{Shared, client};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::{RELEASE, World, app_key, manifests};

/// Reads of a resource are refused as RBAC refuses them, as long as `refused` says so.
fn without_right_to(cluster: &Shared, plural: &'static str, refused: &Arc<AtomicBool>) -> kube::Client {
    let (inner, refused) = (client(cluster), Arc::clone(refused));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (inner, refused) = (inner.clone(), Arc::clone(&refused));
        async move {
            let read = request.method() == "GET" && request.uri().path().contains(plural);
            if !read || !refused.load(Ordering::SeqCst) {
                return Ok::<_, tower::BoxError>(inner.send(request).await?);
            }
            let answer = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403, "reason": "Forbidden",
                "message": format!("{plural} is forbidden: User \"agent\" cannot list resource \"{plural}\""),
            });
            let body = Body::from(answer.to_string().into_bytes());
            Ok(Response::builder().status(403).body(body)?)
        }
    });
    kube::Client::new(service, "default")
}

#[tokio::test(start_paused = true)]
async fn c7_a_kind_that_may_not_be_listed_is_a_problem_and_the_rest_goes_on() {
    let world = World::new();
    let budget = format!("budget-{RELEASE}");
    let object = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {
            "name": budget, "namespace": "shop",
            "labels": {"shipper.dev/application": "web", "shipper.dev/release": RELEASE},
        },
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    });
    world.repo.target(1, 100, &format!("{}---\n{object}\n", manifests(3, "hello")));
    let refused = Arc::new(AtomicBool::new(true));
    let agent =
        world.agent_through(without_right_to(&world.cluster, "poddisruptionbudgets", &refused), "a", 1);

    let report = || world.hub.inner.lock().unwrap().applications.get(&app_key()).cloned();
    let serves = || report().is_some_and(|app| app.releases[0].capacity.achieved);
    world.until("the rest is there", serves).await;
    let told = report().unwrap();
    let problem = told.problems.first().unwrap();
    assert_eq!((problem.reason, problem.heals), (Trouble::Forbidden, false), "{problem:?}");
    assert!(problem.object.contains(&budget) && problem.message.contains("ClusterRole"), "{problem:?}");
    assert!(!told.releases[0].installed);

    let settings = format!("settings-{RELEASE}");
    world.patch("v1", "ConfigMap", &settings, json!({"data": {"greeting": "drifted"}}));
    let greeting = || world.get("v1", "ConfigMap", &settings).map(|map| map["data"]["greeting"].clone());
    let changed = world.until("put back", || greeting() == Some(json!("hello"))).await;
    assert!(changed < Duration::from_secs(1), "{changed:?}");
    let there = || world.get("policy/v1", "PodDisruptionBudget", &budget).is_some();
    assert!(!there(), "what cannot be seen is not written");

    refused.store(false, Ordering::SeqCst);
    world.until("achieved", || world.hub.achieved(1) && there()).await;
    agent.stop().await;
}
