//! A chart from a repository: pinned when its block is first written, rendered once, and found again by a revert [R3, M8].

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams};
use shipper_tests::chart_server::ChartServer;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON, first_release_of, full_on, half, staging};

const CONFIG: &str = include_str!("files/chart-config.yaml");

#[tokio::test]
async fn r3_a_chart_is_what_it_was_when_it_was_asked_for() {
    let (server, scene) =
        (ChartServer::start().unwrap(), Scene::start(Options::named("charts")).await.unwrap());
    // It says in a cluster which version it is.
    scene.commit(&[("charts/shop/templates/config.yaml", CONFIG)], "Say the version").unwrap();
    let chart = scene.desk.path().join("charts/shop");
    server.add_chart(&chart, Some("1.0.0")).await.unwrap();
    let block = format!("chart: {{name: shop, version: ~1.0, repoUrl: \"{}\"}}\n", server.url());
    let text = scene.application(APP).replace("chart:\n      path: charts/shop\n", &block);
    let v1 = first_release_of(&scene, &text).await;
    assert_eq!(versions(&scene, &v1).await, ["1.0.0"; 3]);
    let floor = Floor::watch(&scene).await;

    // A newer version in the range is nobody's business as long as the block is the same.
    server.add_chart(&chart, Some("1.0.1")).await.unwrap();
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    staging(&scene, &v1, &v2).await;
    assert_eq!(versions(&scene, &v2).await, ["1.0.0"; 3]);
    // It is rendered: the repository is needed no more.
    server.service().switch_off().unwrap();
    half(&scene, &v1, &v2).await;
    full_on(&scene, &v1, &v2).await;
    server.service().switch_on().unwrap();
    scene.reached("a rollout went on without the repository");

    let asked = scene.edit(APP, "version: ~1.0,", "version: ~1.0, resolve: again,").unwrap();
    let v3 = scene.contender_after(APP, &v2, SOON).await.unwrap();
    scene
        .wait_for_live(APP, &Sight::of(&[(&v2, seen(4, 4)), (&v3, seen(1, 0))], Some(&v2)), SOON)
        .await
        .unwrap();
    assert_eq!(versions(&scene, &v3).await, ["1.0.1"; 3]);
    scene.revert(&asked).unwrap();
    assert_eq!(scene.contender_after(APP, &v3, SOON).await.unwrap(), v2, "what ran is back");
    scene.wait_for_live(APP, &Sight::of(&[(&v2, seen(4, 4))], Some(&v2)), SOON).await.unwrap();
    floor.assert_held(&scene, 4);
}

/// The version of the chart that a release says it is of, in every cluster.
async fn versions(scene: &Scene, release: &str) -> Vec<String> {
    let of_release = ListParams::default().labels(&format!("shipper.dev/release={release}"));
    let mut versions = Vec::new();
    for client in scene.clients().await.unwrap() {
        let maps: Api<ConfigMap> = Api::namespaced(client, &scene.namespace);
        let found = maps.list(&of_release).await.unwrap();
        versions.extend(found.into_iter().filter_map(|map| map.data?.remove("chart")));
    }
    versions
}
