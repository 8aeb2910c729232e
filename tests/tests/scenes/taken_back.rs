//! `git revert` in the middle of a rollout [M8, C1, C2, C11].

use std::time::Instant;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::endpoints::EndpointWatch;
use shipper_tests::scene::recorder::Recorder;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON, first_release, half, staging};

const TAG: &str = "example.com/tag";

/// TestRolloutAbort.
#[tokio::test]
async fn a_revert_at_half_brings_the_incumbent_back_first() {
    let scene = Scene::start(Options::named("revert")).await.unwrap();
    let clients = scene.clients().await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    let asked = scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    staging(&scene, &v1, &v2).await;
    half(&scene, &v1, &v2).await;
    for client in &clients {
        // The newest release with capacity decides on what is shared, the lead on the Service.
        eventually(SOON, || ensure_tags(client, &scene.namespace, "v2", "v1")).await;
    }

    let mut deployments: Vec<Recorder<Deployment>> = Vec::new();
    for client in &clients {
        let api = Api::namespaced(client.clone(), &scene.namespace);
        deployments.push(Recorder::start(api, "").await.unwrap());
    }
    let reverted = Instant::now();
    scene.revert(&asked).unwrap();
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(4, 4))], Some(&v1)), SOON).await.unwrap();
    let status = scene.wait_until(APP, &v1, 2, WaitingFor::None, SOON).await.unwrap();
    assert_eq!(status.releases.len(), 2, "a return makes no release: {:?}", status.releases);

    floor.assert_held(&scene, 4);
    for ((endpoints, deployments), cluster) in
        floor.watches().iter().zip(&deployments).zip(scene.fleet.clusters())
    {
        let back = full_again(endpoints, &v1, reverted);
        let shrunk = shrunk(deployments, &v2);
        assert!(back < shrunk, "{}: {v2} shrank {:?} before {v1} was back", cluster.name(), back - shrunk);
        scene.reached(&format!(
            "{}: {v1} had all traffic after {:?}, {v2} shrank after {:?}",
            cluster.name(),
            back - reverted,
            shrunk - reverted
        ));
    }
    for client in &clients {
        eventually(SOON, || ensure_tags(client, &scene.namespace, "v1", "v1")).await;
        eventually(SOON, || ensure_nothing_of(client, &scene.namespace, &v2)).await;
    }
    let withdrawn = scene.stages(APP, &v2).unwrap();
    assert!(withdrawn.last().is_some_and(|stage| stage.withdrawn && stage.step == 1), "{withdrawn:?}");
    assert_eq!(scene.steps(APP, &v1).unwrap(), [0, 2], "the incumbent takes no steps on its way back");
}

/// When the release had all four addresses.
fn full_again(endpoints: &EndpointWatch, release: &str, since: Instant) -> Instant {
    let moments = endpoints.moments_since(since);
    moments.iter().find(|moment| moment.of(release) == 4).expect("it has them by now").at
}

/// When its Deployment was first asked to have fewer than two pods.
fn shrunk(deployments: &Recorder<Deployment>, release: &str) -> Instant {
    let fewer = |deployment: &Deployment| deployment.spec.as_ref().and_then(|spec| spec.replicas) < Some(2);
    let events = deployments.events();
    let of_release = events
        .iter()
        .filter(|event| event.object.labels().get("shipper.dev/release").is_some_and(|name| name == release));
    let mut shrunk = of_release.filter(|event| event.gone || fewer(&event.object));
    shrunk.next().expect("it is gone by now").at
}

async fn ensure_tags(client: &Client, namespace: &str, shared: &str, lead: &str) -> Result<()> {
    let account: ServiceAccount = Api::namespaced(client.clone(), namespace).get(APP).await?;
    let service: Service = Api::namespaced(client.clone(), namespace).get(APP).await?;
    let tags = (account.annotations().get(TAG).cloned(), service.annotations().get(TAG).cloned());
    ensure!(tags == (Some(shared.into()), Some(lead.into())), "account and Service are of {tags:?}");
    Ok(())
}

async fn ensure_nothing_of(client: &Client, namespace: &str, release: &str) -> Result<()> {
    let labels = ListParams::default().labels(&format!("shipper.dev/release={release}"));
    let deployments = Api::<Deployment>::namespaced(client.clone(), namespace).list(&labels).await?;
    let configs = Api::<ConfigMap>::namespaced(client.clone(), namespace).list(&labels).await?;
    let left: Vec<String> = deployments
        .iter()
        .map(ResourceExt::name_any)
        .chain(configs.iter().map(ResourceExt::name_any))
        .collect();
    ensure!(left.is_empty(), "left of {release}: {left:?}");
    Ok(())
}
