//! A release with an autoscaler: neither it nor the rollout undoes what the other did [C3].

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::recorder::Recorder;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON};

/// From 2 to 5 replicas; there are no metrics, so that it enforces its bounds and nothing else.
const AUTOSCALER: &str = include_str!("files/autoscaler.yaml");

#[tokio::test]
async fn a_rollout_and_an_autoscaler_share_the_replicas() {
    let scene = Scene::start(Options::named("autoscaled")).await.unwrap();
    let clients = scene.clients().await.unwrap();
    let files = [
        (scene.file(APP), scene.application(APP)),
        ("charts/shop/templates/autoscaler.yaml".to_owned(), AUTOSCALER.to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    scene.commit(&files, "Add the shop with an autoscaler").unwrap();
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(1, 0))], None), SOON).await.unwrap();
    scene.wait_until(APP, &v1, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.promote(APP, &v1, "full on").unwrap();
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(2, 2))], Some(&v1)), SOON).await.unwrap();
    scene.wait_until(APP, &v1, 2, WaitingFor::None, SOON).await.unwrap();
    scene.reached(&format!("{v1} is complete at its rendered minimum"));

    for client in &clients {
        scale(client, &scene.namespace, &v1, 4).await;
    }
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(4, 4))], Some(&v1)), SOON).await.unwrap();
    let mut replicas = Vec::new();
    for client in &clients {
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), &scene.namespace);
        replicas.push(Recorder::start(deployments, "").await.unwrap());
    }
    let floor = Floor::watch(&scene).await;

    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    let staging = Sight::of(&[(&v1, seen(4, 4)), (&v2, seen(1, 0))], Some(&v1));
    scene.wait_for(APP, &staging, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    bounds(&scene, &clients, &v2, (1, 5)).await;

    scene.promote(APP, &v2, "50/50").unwrap();
    // Half of the four that the load had asked for; the old release is its autoscaler's to lower.
    let half = Sight::of(&[(&v1, seen(4, 3)), (&v2, seen(2, 2))], None);
    scene.wait_for(APP, &half, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    bounds(&scene, &clients, &v2, (2, 5)).await;

    scene.promote(APP, &v2, "full on").unwrap();
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    scene.wait_for(APP, &full, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 2, WaitingFor::None, SOON).await.unwrap();
    bounds(&scene, &clients, &v2, (2, 5)).await;
    for client in &clients {
        eventually(SOON, async || idle(client, &scene.namespace, &v1).await).await;
    }
    scene.wait_for(APP, &full, SOON).await.unwrap();
    for (recorder, cluster) in replicas.iter().zip(scene.fleet.clusters()) {
        let counts = counts(recorder, &v1);
        assert!(counts.is_sorted_by(|a, b| a >= b), "{}: {v1} went {counts:?}", cluster.name());
        let counts = self::counts(recorder, &v2);
        assert!(counts.is_sorted(), "{}: {v2} went {counts:?}", cluster.name());
    }
    floor.assert_held(&scene, 4);
    scene.ensure_one_line().unwrap();
}

/// As an autoscaler does it, with a field manager of its own.
async fn scale(client: &Client, namespace: &str, name: &str, replicas: i32) {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let params = PatchParams { field_manager: Some("autoscaler".to_owned()), ..PatchParams::default() };
    let scale = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    deployments.patch_scale(name, &params, &scale).await.unwrap();
}

/// The autoscaler of a release has these bounds in every cluster.
async fn bounds(scene: &Scene, clients: &[Client], release: &str, (minimum, maximum): (i32, i32)) {
    for client in clients {
        let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), &scene.namespace);
        eventually(SOON, async || {
            let spec = autoscalers.get(release).await?.spec;
            let has = spec.map(|spec| (spec.min_replicas, spec.max_replicas));
            ensure!(has == Some((Some(minimum), maximum)), "the autoscaler of {release} has {has:?}");
            anyhow::Ok(())
        })
        .await;
    }
}

/// The autoscaler of a release says itself that it does nothing because there are no replicas.
async fn idle(client: &Client, namespace: &str, release: &str) -> Result<()> {
    let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), namespace);
    let conditions = autoscalers.get(release).await?.status.and_then(|status| status.conditions);
    let disabled = conditions.iter().flatten().any(|c| c.reason.as_deref() == Some("ScalingDisabled"));
    ensure!(disabled, "the autoscaler of {release} is at work: {conditions:?}");
    Ok(())
}

/// Every value that `spec.replicas` of a release's Deployment had.
fn counts(recorder: &Recorder<Deployment>, release: &str) -> Vec<i32> {
    let events = recorder.events();
    let of_release = events.iter().filter(|event| event.object.metadata.name.as_deref() == Some(release));
    of_release.filter_map(|event| event.object.spec.as_ref()?.replicas).collect()
}
