//! Taking over what was there before [C8], against a simulated cluster.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use serde_json::{Value, json};
use shipper_core::labels::SERVICE_NAME;
use shipper_core::report::AppReport;
use shipper_core::state::StateObject;
use shipper_sim::{WriteOptions, ids, lock};
use std::cell::RefCell;
use std::time::Duration;
use support::{RELEASE, World, app_key, manifests, target};
use tokio::time::sleep;

/// What Helm left: the Service `web` and the two pods of the Deployment `web` behind it.
fn installed_by_helm(world: &World) {
    let labels = json!({"app": "old"});
    let pods = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "nginx:0"}]}});
    for (version, object) in [
        ("v1", json!({"kind": "Namespace", "metadata": {"name": "shop"}})),
        (
            "v1",
            json!({"kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": labels, "ports": [{"port": 80}]}}),
        ),
        (
            "apps/v1",
            json!({"kind": "Deployment", "metadata": {"name": "web"},
                "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": pods}}),
        ),
    ] {
        let mut object = object;
        object["apiVersion"] = json!(version);
        let kind = object["kind"].as_str().unwrap().to_owned();
        let mut cluster = lock(&world.cluster);
        let id = cluster.resource(version, &kind).unwrap();
        let namespace = if kind == "Namespace" { "" } else { "shop" };
        cluster.create(id, namespace, object, &WriteOptions::by("helm")).unwrap();
    }
}

/// The manifests with a Service that may be taken over.
fn adopting() -> String {
    let mark = r#"{"shipper.dev/traffic":"true"}"#;
    let text = manifests(3, "hello");
    assert!(text.contains(mark));
    text.replace(mark, r#"{"shipper.dev/adopt":"true","shipper.dev/traffic":"true"}"#)
}

fn commit(world: &World, generation: u64, capacity: u8, arriving: bool) {
    let mut target = target(generation, capacity);
    target.arriving = arriving;
    world.repo.commit(&[
        ("clusters/c1/shop/web/target.yaml", Some(&target.to_yaml().unwrap())),
        (&format!("clusters/c1/shop/web/{RELEASE}.yaml"), Some(adopting().as_bytes())),
    ]);
}

fn report(world: &World) -> Option<AppReport> {
    world.hub.inner.lock().unwrap().applications.get(&app_key()).cloned()
}

fn problems(world: &World) -> Vec<String> {
    report(world)
        .map(|app| app.problems.into_iter().map(|p| p.reason.to_string()).collect())
        .unwrap_or_default()
}

/// Ready addresses behind the Service.
fn serving(world: &World) -> usize {
    let cluster = lock(&world.cluster);
    let slices = cluster.peek_all(ids::ENDPOINT_SLICES, Some("shop"));
    let own = slices.filter(|slice| slice["metadata"]["labels"][SERVICE_NAME] == "web");
    own.map(|slice| {
        let endpoints = slice["endpoints"].as_array().cloned().unwrap_or_default();
        endpoints.iter().filter(|endpoint| endpoint["conditions"]["ready"] == true).count()
    })
    .sum()
}

#[tokio::test(start_paused = true)]
async fn c8_an_adopted_service_never_loses_its_pods_and_is_corked_in_one_patch() {
    let world = World::new();
    let agent = world.agent("a", 1);
    installed_by_helm(&world);
    world.until("the old pods serve", || serving(&world) == 2).await;
    let address = world.get("v1", "Service", "web").unwrap()["spec"]["clusterIP"].clone();
    let selectors: RefCell<Vec<Value>> = RefCell::default();
    let fewest = RefCell::new(usize::MAX);
    let watch = || {
        let selector = world.get("v1", "Service", "web").unwrap()["spec"]["selector"].clone();
        let mut selectors = selectors.borrow_mut();
        if selectors.last() != Some(&selector) {
            selectors.push(selector);
        }
        let now = serving(&world).min(*fewest.borrow());
        fewest.replace(now);
    };

    commit(&world, 1, 50, true);
    let on_its_way = || {
        watch();
        problems(&world) == ["LeftBehind", "Adopting"]
            && report(&world).is_some_and(|app| {
                let release = &app.releases[0];
                release.installed && release.capacity.achieved && release.traffic.is_none()
            })
    };
    world.until("the first step is achieved", on_its_way).await;
    let service = world.get("v1", "Service", "web").unwrap();
    assert_eq!(service["metadata"]["labels"]["shipper.dev/application"], "web", "it is ours");

    commit(&world, 2, 100, false);
    let corked = || {
        watch();
        let traffic = |app: AppReport| app.releases[0].traffic.as_ref().is_some_and(|t| t.achieved);
        report(&world).is_some_and(|app| app.target_generation == 2 && traffic(app))
    };
    world.until("the last step is achieved", corked).await;
    let selectors = selectors.into_inner();
    assert_eq!(selectors.len(), 2, "{selectors:?}");
    assert_eq!(selectors[0], json!({"app": "old"}));
    assert_eq!(selectors[1]["shipper.dev/release"], RELEASE);
    assert!(*fewest.borrow() >= 2, "{fewest:?} ready addresses at some moment");
    assert_eq!(world.get("v1", "Service", "web").unwrap()["spec"]["clusterIP"], address);

    assert_eq!(problems(&world), ["LeftBehind"]);
    assert!(world.get("apps/v1", "Deployment", "web").is_some(), "what is not ours is not removed");
    world.delete("apps/v1", "Deployment", "web");
    world.until("nothing is left behind", || problems(&world).is_empty()).await;
    let gets = world.requests(&["get"]);
    sleep(Duration::from_secs(200)).await;
    assert_eq!(world.requests(&["get"]), gets, "what is gone is not asked for again");
    agent.stop().await;
}

/// [C8] Whatever it is, it is not touched, and the report names it and its owner.
#[tokio::test(start_paused = true)]
async fn c8_no_kind_is_taken_without_being_asked_for() {
    let world = World::new();
    installed_by_helm(&world);
    let objects = [
        (
            "v1",
            json!({"kind": "ConfigMap", "metadata": {"name": format!("settings-{RELEASE}")}, "data": {"a": "b"}}),
        ),
        ("apps/v1", {
            let mut deployment = world.get("apps/v1", "Deployment", "web").unwrap();
            deployment["metadata"] = json!({"name": RELEASE});
            deployment
        }),
    ];
    for (version, mut object) in objects {
        object["apiVersion"] = json!(version);
        let mut cluster = lock(&world.cluster);
        let id = cluster.resource(version, object["kind"].as_str().unwrap()).unwrap();
        cluster.create(id, "shop", object, &WriteOptions::by("helm")).unwrap();
    }
    world.repo.target(1, 100, &manifests(3, "hello"));
    let agent = world.agent("a", 1);
    world.until("all three are told", || problems(&world) == ["OwnershipConflict"; 3]).await;
    let told = report(&world).unwrap().problems;
    for object in [
        "Service shop/web",
        &format!("ConfigMap shop/settings-{RELEASE}"),
        &format!("Deployment shop/{RELEASE}"),
    ] {
        let problem = told.iter().find(|problem| problem.object == *object).unwrap();
        assert!(
            !problem.heals && problem.message.contains("managed by") && problem.message.contains("helm"),
            "{problem:?}"
        );
    }
    sleep(Duration::from_secs(60)).await;
    for (version, kind, name) in [("v1", "Service", "web"), ("apps/v1", "Deployment", RELEASE)] {
        let object = world.get(version, kind, name).unwrap();
        assert_eq!(object["metadata"]["labels"].get("shipper.dev/application"), None, "{object}");
    }
    agent.stop().await;
}
