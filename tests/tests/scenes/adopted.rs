//! What was there before is taken over where the chart says so, and nothing else is [C8].

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::Client;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, from_value, json};
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::endpoints::EndpointWatch;
use shipper_tests::scene::recorder::Recorder;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::neighbours::NOTES;
use super::story::SOON;

const NAME: &str = "notes";
const OLD: usize = 2;
const STRATEGY: &str = "    strategy:
      steps:
      - name: half
        capacity: {contender: 50, incumbent: 100}
        traffic: {contender: 50, incumbent: 50}
      - name: full
        capacity: {contender: 100, incumbent: 0}
        traffic: {contender: 100, incumbent: 0}
";

#[tokio::test]
async fn a_service_is_taken_over_with_its_pods_and_corked_at_the_end() {
    let scene = Scene::start(Options::named("adopted")).await.unwrap();
    let clients = scene.clients().await.unwrap();
    let (mut endpoints, mut services) = (Vec::new(), Vec::new());
    for client in &clients {
        for name in [NAME, "other"] {
            install(client, &scene.namespace, name).await.unwrap();
        }
        let watch = EndpointWatch::start(client, &scene.namespace, NAME).await.unwrap();
        eventually(SOON, async || {
            let ready = watch.moments().last().map_or(0, shipper_tests::scene::endpoints::Moment::total);
            ensure!(ready == OLD, "{ready} old pods serve");
            anyhow::Ok(())
        })
        .await;
        endpoints.push(watch);
        services.push(
            Recorder::<Service>::start(Api::namespaced(client.clone(), &scene.namespace), "").await.unwrap(),
        );
    }
    let since = Instant::now();

    let adopted = NOTES.replace(
        "kind: Service\nmetadata:\n",
        "kind: Service\nmetadata:\n  annotations: {shipper.dev/adopt: \"true\"}\n",
    );
    assert_ne!(adopted, NOTES);
    let files = [
        ("apps/notes/all.yaml".to_owned(), adopted),
        ("apps/other/all.yaml".to_owned(), NOTES.replace("notes", "other")),
        (scene.file(NAME), application(&scene, NAME)),
        (scene.file("other"), application(&scene, "other")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    scene.commit(&files, "Let Shipper roll out what Helm installed").unwrap();
    let release = scene.contender_after(NAME, "", SOON).await.unwrap();
    scene.wait_until(NAME, &release, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.reached("half of the first release is there, and the old pods serve");
    for client in &clients {
        let selector = selector(client, &scene.namespace, NAME).await.unwrap();
        assert_eq!(selector, json!({"app": "old-notes"}));
    }
    // Nobody has asked for the other one.
    eventually(SOON, || told(&scene, "other", "Service", "OwnershipConflict", "legacy")).await;
    for client in &clients {
        assert_eq!(selector(client, &scene.namespace, "other").await.unwrap(), json!({"app": "old-other"}));
    }

    scene.promote(NAME, &release, "full").unwrap();
    scene.wait_for(NAME, &Sight::of(&[(&release, seen(2, 2))], Some(&release)), SOON).await.unwrap();
    scene.wait_until(NAME, &release, 1, WaitingFor::None, SOON).await.unwrap();
    scene.reached("the release has the traffic");
    for (number, (endpoints, services)) in endpoints.iter().zip(&services).enumerate() {
        let fewest = endpoints.fewest_since(since);
        assert!(
            fewest >= OLD,
            "cluster {number} had {fewest} ready addresses: {:?}",
            endpoints.moments_since(since)
        );
        let mut selectors = selectors(services);
        selectors.dedup();
        assert_eq!(
            selectors.len(),
            2,
            "cluster {number}: from the old selector to the release at once: {selectors:?}"
        );
        assert_eq!(selectors[1]["shipper.dev/release"], release.as_str());
    }

    eventually(SOON, || told(&scene, NAME, "Deployment", "LeftBehind", "kubectl")).await;
    for client in &clients {
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), &scene.namespace);
        deployments.delete(NAME, &DeleteParams::default()).await.unwrap();
    }
    eventually(SOON, async || {
        let status = scene.status(NAME).await?;
        let left: Vec<_> = status.clusters.iter().flat_map(|cluster| &cluster.problems).collect();
        ensure!(left.is_empty(), "{left:?}");
        anyhow::Ok(())
    })
    .await;
}

/// A Service and the Deployment behind it, as another tool made them.
async fn install(client: &Client, namespace: &str, name: &str) -> Result<()> {
    let labels = json!({"app": format!("old-{name}")});
    let by = PostParams { field_manager: Some("legacy".to_owned()), ..PostParams::default() };
    let service = json!({"metadata": {"name": name}, "spec": {"selector": labels, "ports": [{"name": "http", "port": 80}]}});
    let deployment = json!({"metadata": {"name": name}, "spec": {"replicas": OLD, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "old", "image": "registry.example/old:v0"}]}}}});
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    services.create(&by, &from_value(service)?).await?;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    deployments.create(&by, &from_value(deployment)?).await?;
    Ok(())
}

fn application(scene: &Scene, app: &str) -> String {
    format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata:\n  name: {app}\n  namespace: {}\nspec:\n  template:\n    manifests:\n      path: apps/{app}\n{STRATEGY}",
        scene.namespace
    )
}

async fn selector(client: &Client, namespace: &str, name: &str) -> Result<Value> {
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    Ok(json!(services.get(name).await?.spec.context("no spec")?.selector))
}

/// Every selector that the Service has had, in order.
fn selectors(services: &Recorder<Service>) -> Vec<Value> {
    let events = services.events();
    let own = events.iter().filter(|event| event.object.metadata.name.as_deref() == Some(NAME));
    own.map(|event| json!(event.object.spec.as_ref().and_then(|spec| spec.selector.as_ref()))).collect()
}

/// Every cluster says so of the application's object of this kind.
async fn told(scene: &Scene, app: &str, kind: &str, reason: &str, words: &str) -> Result<()> {
    let status = scene.status(app).await?;
    ensure!(!status.clusters.is_empty(), "it runs nowhere yet");
    let object = format!("{kind} {}/{app}", scene.namespace);
    for cluster in &status.clusters {
        let mut problems = cluster.problems.iter();
        let found = problems
            .any(|p| p.object == object && p.reason.to_string() == reason && p.message.contains(words));
        ensure!(found, "{}: {:?}", cluster.cluster, cluster.problems);
    }
    Ok(())
}
