//! An analysis in the vanguard's cluster, by a real Prometheus, decides whether the others are touched [A4, M3].

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use serde_json::json;
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_tests::eventually::eventually;
use shipper_tests::prometheus::{PASSWORD, Prometheus, USER};
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, STATE_BRANCH, Scene};

use super::story::{APP, SOON, first_release};

const STRATEGY: &str = include_str!("files/measured.yaml");

/// The second release, with the strategy that measures, in one commit.
fn release_measured(scene: &Scene, prometheus: &Prometheus) {
    let file = scene.file(APP);
    let text = scene.desk.read(&file).unwrap();
    let (before, _) = text.split_once("    strategy:\n").unwrap();
    let strategy = STRATEGY.replace("$PROMETHEUS", prometheus.url());
    let text = format!("{}{strategy}", before.replace("tag: v1", "tag: v2"));
    scene.commit(&[(&file, &text)], "Release v2, measured").unwrap();
}

/// Waits until what the rollout waits for is told in these words.
async fn told(scene: &Scene, words: &[&str]) -> ApplicationStatus {
    eventually(SOON, || async {
        let status = scene.status(APP).await?;
        let message = &status.waiting.message;
        anyhow::ensure!(
            words.iter().all(|word| message.contains(word)),
            "{words:?} is not all in: {message}"
        );
        anyhow::Ok(status)
    })
    .await
}

/// The directories of the clusters that are no vanguard, as Git knows them.
fn others(scene: &Scene) -> BTreeMap<String, String> {
    let directory = |name: &str| format!("{STATE_BRANCH}:clusters/{name}/{}/{APP}", scene.namespace);
    let others = scene.fleet.clusters().iter().skip(1).map(|cluster| cluster.name().to_owned());
    others.map(|name| (name.clone(), scene.state.git(["rev-parse", &directory(&name)]).unwrap())).collect()
}

/// Scene 5: one cluster is the vanguard, and a failed analysis there stops everything before the others notice. (Of three
/// clusters and not of five: a control plane each is what the machine has memory for.)
#[tokio::test]
async fn a_failed_analysis_in_the_vanguard_stops_the_rollout_before_others_are_touched() {
    let prometheus = Prometheus::start().await.unwrap();
    let scene = Scene::start(Options::named("measured")).await.unwrap();
    let v1 = first_release(&scene).await;
    let before = others(&scene);
    assert_eq!(before.len(), 2);
    release_measured(&scene, &prometheus);
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();

    // Without credentials, and then without data, nothing is known, and nothing passes.
    told(&scene, &["cluster-1", "Secret", "reader: is not there"]).await;
    let client = scene.fleet.clusters()[0].client().await.unwrap();
    let secret =
        json!({"metadata": {"name": "reader"}, "stringData": {"username": USER, "password": PASSWORD}});
    let secrets: Api<Secret> = Api::namespaced(client, &scene.namespace);
    secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    let status = told(&scene, &["0 of 3 samples", "no data"]).await;
    assert_eq!(status.waiting.state, WaitingFor::WaitingForGate);
    assert_eq!(status.waiting.clusters, ["cluster-1".into()]);

    prometheus.measures(&format!("shop_error_ratio{{release=\"{v2}\"}} 0.5"));
    let status =
        told(&scene, &["is held", "cluster-1", "analysis \"errors\" failed: 0.5 (fails if > 0.01)"]).await;
    scene.reached(&status.waiting.message);
    assert_eq!(others(&scene), before, "the others were touched");
    assert_eq!(scene.steps(APP, &v2).unwrap(), [0]);
    let text = scene.shipperctl(&["status", APP]).await.unwrap();
    assert!(text.contains("analysis \"errors\" failed: 0.5"), "{text}");

    // The cause is mended, and the step ordered once more: it is measured again, and all the others follow.
    prometheus.measures(&format!("shop_error_ratio{{release=\"{v2}\"}} 0.001"));
    prometheus.wait_for(&format!("shop_error_ratio{{release=\"{v2}\"}} < 0.01")).await.unwrap();
    let file = scene.file(APP);
    let order = format!("  rollout: {{release: {v2}, targetStep: vanguard, request: mended}}\n");
    let text = scene.desk.read(&file).unwrap();
    scene.commit(&[(&file, &format!("{text}{order}"))], "Measure again").unwrap();
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    scene.wait_for(APP, &full, SOON).await.unwrap();
    let status = scene.wait_until(APP, &v2, 1, WaitingFor::None, SOON).await.unwrap();
    assert!(status.releases.iter().any(|release| release.name.as_str() == v2 && release.complete.is_some()));
    assert_ne!(others(&scene), before);
    scene.ensure_one_line().unwrap();
}
