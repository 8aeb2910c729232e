//! Several applications side by side: a chart with values per cluster, plain manifests, a custom resource whose definition comes
//! in the same release [C3, C10, R2, M5].

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, SOON, room_is_known};

/// A Deployment and its Service.
pub const NOTES: &str = include_str!("files/notes.yaml");
const DEFINITION: &str = include_str!("files/definition.yaml");
const TICKER: &str = include_str!("files/ticker.yaml");
/// Fewer pods where the tier is `vanguard`, which is `cluster-1`.
const OVERRIDES: &str =
    "    overrides:\n    - clusters: {matchLabels: {tier: vanguard}}\n      values: {replicas: 2}\n";

/// TestNewAppAllIn, TestRolloutAllIn, TestMultipleAppsInNamespace.
#[tokio::test]
async fn applications_do_not_disturb_each_other() {
    let scene = Scene::start(Options::named("neighbours")).await.unwrap();
    let clients = scene.clients().await.unwrap();
    // So that what a cluster would have to hold is rendered before it is chosen.
    room_is_known(&scene).await;
    let files = [
        (scene.file(APP), without_strategy(&scene)),
        (scene.file("notes"), plain(&scene, "notes", "")),
        (scene.file("ticker"), plain(&scene, "ticker", "  allowClusterScope: true\n  traffic: none\n")),
        ("apps/notes/all.yaml".into(), NOTES.into()),
        ("apps/ticker/definition.yaml".into(), DEFINITION.into()),
        ("apps/ticker/ticker.yaml".into(), TICKER.into()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    scene.commit(&files, "Add everything at once").unwrap();
    let mut releases = Vec::new();
    for app in [APP, "notes", "ticker"] {
        let release = scene.contender_after(app, "", SOON).await.unwrap();
        scene.wait_until(app, &release, 0, WaitingFor::None, SOON).await.unwrap();
        releases.push(release);
    }
    let [shop, notes, ticker] = &releases[..] else { unreachable!() };
    scene.reached("three applications are complete");
    scene.wait_for("notes", &Sight::of(&[(notes, seen(2, 2))], Some(notes)), SOON).await.unwrap();
    ensure_replicas(&scene, &clients, shop, [2, 4, 4]).await;
    for client in &clients {
        assert_eq!(every(client, &scene.namespace).await.unwrap(), 5);
    }

    scene.edit(APP, "values: {replicas: 2}", "values: {replicas: 3}").unwrap();
    let more = scene.contender_after(APP, shop, SOON).await.unwrap();
    scene.wait_until(APP, &more, 0, WaitingFor::None, SOON).await.unwrap();
    ensure_replicas(&scene, &clients, &more, [3, 4, 4]).await;
    scene
        .commit(&[("apps/ticker/ticker.yaml", &TICKER.replace("every: 5", "every: 7"))], "Tick less")
        .unwrap();
    let slower = scene.contender_after("ticker", ticker, SOON).await.unwrap();
    scene.wait_until("ticker", &slower, 0, WaitingFor::None, SOON).await.unwrap();
    for client in &clients {
        eventually(SOON, async || {
            let every = every(client, &scene.namespace).await?;
            ensure!(every == 7, "the ticker ticks every {every}");
            anyhow::Ok(())
        })
        .await;
    }
    scene.reached("two of them were changed");

    // The third has not moved: the same release, one generation of its one object in the cluster.
    assert_eq!(scene.status("notes").await.unwrap().releases.len(), 1);
    for client in &clients {
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), &scene.namespace);
        let deployment = deployments.get(notes).await.unwrap();
        assert_eq!(deployment.metadata.generation, Some(1), "{:?}", deployment.metadata);
    }
    scene.ensure_one_line().unwrap();
}

/// The shop at once full on, with other values in one cluster.
pub fn without_strategy(scene: &Scene) -> String {
    let text = scene.application(APP);
    format!("{}{OVERRIDES}", text.split("    strategy:\n").next().unwrap())
}

fn plain(scene: &Scene, app: &str, more: &str) -> String {
    format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata:\n  name: {app}\n  namespace: {}\nspec:\n{more}  template:\n    manifests:\n      path: apps/{app}\n",
        scene.namespace
    )
}

async fn ensure_replicas(scene: &Scene, clients: &[Client], release: &str, replicas: [u32; 3]) {
    for (client, replicas) in clients.iter().zip(replicas) {
        eventually(SOON, async || {
            let sight = look(client, &scene.namespace, APP).await?;
            let found = sight.releases.get(release).context("the release is not there")?;
            ensure!(*found == seen(replicas, replicas), "{sight}");
            anyhow::Ok(())
        })
        .await;
    }
}

async fn every(client: &Client, namespace: &str) -> Result<i64> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("scenes.example.com", "v1", "Ticker"));
    let ticker: DynamicObject = Api::namespaced_with(client.clone(), namespace, &kind).get("ticker").await?;
    ticker.data["spec"]["every"].as_i64().context("no spec.every")
}
