//! What people change by hand is put back within a second [C7].

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use shipper_core::catalogue::Trouble;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::recorder::{Event, Recorder};
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, SOON, first_release};

const AT_ONCE: Duration = Duration::from_secs(1);
/// On a machine that has other things to do.
pub const IN_TIME: Duration = Duration::from_secs(10);
const TRAFFIC: &str = "shipper.dev/traffic";

#[tokio::test]
async fn what_a_person_changes_is_put_back_at_once() {
    let scene = Scene::start(Options::named("drift")).await.unwrap();
    let v1 = first_release(&scene).await;
    let whole = Sight::of(&[(&v1, seen(4, 4))], Some(&v1));
    let mut best: Vec<(&str, Duration)> = Vec::new();
    for (client, cluster) in scene.clients().await.unwrap().iter().zip(scene.fleet.clusters()) {
        let mut took = Vec::new();
        for replicas in [7, 1] {
            took.push(("scaled", scale(client, &scene.namespace, &v1, replicas).await));
            scene.wait_for(APP, &whole, SOON).await.unwrap();
        }
        for _ in 0..2 {
            took.push(("label removed", unlabel(client, &scene.namespace).await));
            scene.wait_for(APP, &whole, SOON).await.unwrap();
        }
        for _ in 0..2 {
            took.push(("Service deleted", delete_service(client, &scene.namespace).await));
            scene.wait_for(APP, &whole, SOON).await.unwrap();
        }
        scene.reached(&format!("{}: put back after {took:?}", cluster.name()));
        for (number, (what, time)) in took.into_iter().enumerate() {
            assert!(time < IN_TIME, "{}: {what}, and put back after {time:?}", cluster.name());
            match best.get_mut(number) {
                Some((_, best)) => *best = time.min(*best),
                None => best.push((what, time)),
            }
        }
    }
    // Of a machine that was busy for a moment in one of the clusters nothing follows.
    for (what, time) in best {
        assert!(time < AT_ONCE, "{what}, and nowhere put back before {time:?}");
    }
}

/// [C7] From the third time on it waits longer and longer, and the status names who it is.
#[tokio::test]
async fn a_fight_over_the_selector_is_named_and_not_fought_at_full_speed() {
    let scene = Scene::start(Options::named("fight")).await.unwrap();
    let v1 = first_release(&scene).await;
    let client = &scene.clients().await.unwrap()[0];
    let services: Api<Service> = Api::namespaced(client.clone(), &scene.namespace);
    let selector = |service: &Service| service.spec.as_ref().and_then(|spec| spec.selector.clone());
    let corked = selector(&services.get(APP).await.unwrap());
    let mut took = Vec::new();
    for _ in 0..4 {
        let watch = Recorder::start(services.clone(), "").await.unwrap();
        let theirs = Patch::Merge(json!({"spec": {"selector": {"app": "theirs"}}}));
        let by = PatchParams { field_manager: Some("intruder".to_owned()), ..PatchParams::default() };
        services.patch(APP, &by, &theirs).await.unwrap();
        let same = |event: &Event<Service>| event.object.name_any() == APP;
        let back = |event: &Event<Service>| same(event) && selector(&event.object) == corked;
        took.push(repaired(&watch, |event| same(event) && !back(event), back).await);
    }
    scene.reached(&format!("put back after {took:?}"));
    assert!(took[0] < AT_ONCE && took[1] < AT_ONCE, "{took:?}");
    assert!(took[3] > AT_ONCE && took[3] > took[1], "{took:?}");
    eventually(SOON, async || {
        let status = scene.status(APP).await?;
        let problems: Vec<_> = status.clusters.iter().flat_map(|cluster| &cluster.problems).collect();
        let named =
            problems.iter().any(|p| p.reason == Trouble::FieldConflict && p.message.contains("intruder"));
        ensure!(named, "{problems:?}");
        anyhow::Ok(())
    })
    .await;
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(4, 4))], Some(&v1)), SOON).await.unwrap();
}

/// As `kubectl scale` does it.
pub async fn scale(client: &Client, namespace: &str, name: &str, replicas: i32) -> Duration {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let watch = Recorder::start(deployments.clone(), "").await.unwrap();
    let scale = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    deployments.patch_scale(name, &PatchParams::default(), &scale).await.unwrap();
    let has = |event: &Event<Deployment>, wanted| {
        event.object.spec.as_ref().and_then(|spec| spec.replicas) == Some(wanted)
    };
    repaired(&watch, |event| has(event, replicas), |event| has(event, 4)).await
}

pub async fn unlabel(client: &Client, namespace: &str) -> Duration {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    loop {
        if let Some(took) = unlabel_one(&pods).await {
            return took;
        }
    }
}

/// `None` = that pod was on its way out, and is nobody's to put back: a ReplicaSet may still act on what it was asked for a moment ago.
async fn unlabel_one(pods: &Api<Pod>) -> Option<Duration> {
    let ends = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    let listed = pods.list(&ListParams::default().labels(TRAFFIC)).await.unwrap();
    let pod = listed.items.iter().find(|pod| !ends(pod))?.name_any();
    let watch = Recorder::start(pods.clone(), "").await.unwrap();
    let without = Patch::Merge(json!({"metadata": {"labels": {TRAFFIC: null}}}));
    match pods.patch(&pod, &PatchParams::default(), &without).await {
        Err(kube::Error::Api(status)) if status.code == 404 => return None,
        patched => patched.unwrap(),
    };
    let serves = |event: &Event<Pod>| event.object.labels().contains_key(TRAFFIC);
    let same = |event: &Event<Pod>| event.object.name_any() == pod;
    let over = |event: &Event<Pod>| same(event) && (event.gone || ends(&event.object));
    let undone = |event: &Event<Pod>| same(event) && serves(event);
    let took =
        repaired(&watch, |event| same(event) && !serves(event), |event| undone(event) || over(event)).await;
    let given_back = watch.events().iter().skip_while(|event| !same(event) || serves(event)).any(undone);
    given_back.then_some(took)
}

async fn delete_service(client: &Client, namespace: &str) -> Duration {
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let before = services.get(APP).await.unwrap();
    let watch = Recorder::start(services.clone(), "").await.unwrap();
    services.delete(APP, &DeleteParams::default()).await.unwrap();
    let took =
        repaired(&watch, |event| event.gone, |event| !event.gone && event.object.name_any() == APP).await;
    let after = services.get(APP).await.unwrap();
    let address = |service: &Service| service.spec.as_ref().and_then(|spec| spec.cluster_ip.clone());
    assert_eq!(address(&after), address(&before), "clients that know the address lose it");
    took
}

/// From the event that shows what was done to the first one after it that shows it undone.
async fn repaired<K>(
    watch: &Recorder<K>,
    done: impl Fn(&Event<K>) -> bool,
    undone: impl Fn(&Event<K>) -> bool,
) -> Duration
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
{
    let (from, to): (Instant, Instant) = eventually(SOON, async || {
        let events = watch.events();
        let mut after = events.iter().skip_while(|event| !done(event));
        let from = after.next().map(|event| event.at);
        let to = after.find(|event| undone(event)).map(|event| event.at);
        ensure!(from.is_some() && to.is_some(), "done: {from:?}, undone: {to:?}");
        Result::Ok(from.zip(to).unwrap())
    })
    .await;
    to - from
}
