//! Real control planes with pods that kwok plays.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use shipper_tests::cluster::Options;
use shipper_tests::eventually::{eventually, within};
use shipper_tests::fleet::{self, Fleet};
use shipper_tests::stages::BEHAVIOUR;

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_deployment_becomes_ready_in_every_cluster_and_endpoints_follow() {
    let fleet = fleet::shared().await.unwrap();
    let namespace = fleet.namespace("ready").await.unwrap();
    assert_eq!(fleet.clusters().len(), 3);
    for cluster in fleet.clusters() {
        let client = cluster.client().await.unwrap();
        let services: Api<Service> = Api::namespaced(client.clone(), &namespace);
        let service = json!({
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
        });
        services.create(&PostParams::default(), &serde_json::from_value(service).unwrap()).await.unwrap();
        deploy(&client, &namespace, 4, "nginx:1.29", json!({})).await.unwrap();

        eventually(SOON, || ensure_ready(&client, &namespace, 4)).await;
        eventually(SOON, || ensure_endpoints(&client, &namespace, 4)).await;
    }
}

#[tokio::test]
async fn an_image_called_broken_cannot_be_pulled() {
    let fleet = fleet::shared().await.unwrap();
    let namespace = fleet.namespace("broken").await.unwrap();
    let client = fleet.clusters()[0].client().await.unwrap();
    deploy(&client, &namespace, 2, "registry.example/broken:1", json!({})).await.unwrap();

    let waiting = eventually(SOON, || waiting_reasons(&client, &namespace, 2)).await;
    for (reason, message) in waiting {
        assert_eq!(reason, "ImagePullBackOff");
        assert!(message.contains("registry.example/broken:1"), "{message}");
    }
}

#[tokio::test]
async fn pods_behave_as_their_label_says_and_change_with_it() {
    let fleet = fleet::shared().await.unwrap();
    let namespace = fleet.namespace("behaviour").await.unwrap();
    let client = fleet.clusters()[1].client().await.unwrap();
    deploy(&client, &namespace, 1, "nginx", json!({BEHAVIOUR: "crash"})).await.unwrap();
    let waiting = eventually(SOON, || waiting_reasons(&client, &namespace, 1)).await;
    assert_eq!(waiting[0].0, "CrashLoopBackOff");

    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let name = pods.list(&ListParams::default()).await.unwrap().items[0].metadata.name.clone().unwrap();
    let mend = json!({"metadata": {"labels": {BEHAVIOUR: "ready"}}});
    pods.patch(&name, &PatchParams::default(), &Patch::Merge(mend)).await.unwrap();
    eventually(SOON, || ensure_ready(&client, &namespace, 1)).await;

    let stop = json!({"metadata": {"labels": {BEHAVIOUR: "never-ready"}}});
    pods.patch(&name, &PatchParams::default(), &Patch::Merge(stop)).await.unwrap();
    eventually(SOON, || ensure_ready(&client, &namespace, 0)).await;
}

#[tokio::test]
async fn slow_pods_take_three_seconds() {
    let fleet = fleet::shared().await.unwrap();
    let namespace = fleet.namespace("slow").await.unwrap();
    let client = fleet.clusters()[2].client().await.unwrap();
    let started = Instant::now();
    deploy(&client, &namespace, 2, "nginx", json!({BEHAVIOUR: "slow"})).await.unwrap();
    eventually(SOON, || ensure_ready(&client, &namespace, 2)).await;
    assert!(started.elapsed() >= Duration::from_secs(3), "ready after {:?}", started.elapsed());
}

#[tokio::test]
async fn nothing_moves_while_the_controllers_are_paused() {
    let fleet = Fleet::start(vec![Options { nodes: 1, ..Options::named("paused") }]).await.unwrap();
    let cluster = fleet.cluster("paused").unwrap();
    let namespace = fleet.namespace("paused").await.unwrap();
    let client = cluster.client().await.unwrap();
    cluster.controller_manager().pause().unwrap();
    deploy(&client, &namespace, 1, "nginx", json!({})).await.unwrap();
    let early = within(Duration::from_secs(2), || ensure_ready(&client, &namespace, 1)).await;
    assert!(early.is_err(), "a paused controller manager made a pod");

    cluster.controller_manager().resume().unwrap();
    eventually(SOON, || ensure_ready(&client, &namespace, 1)).await;

    cluster.api_server().restart().unwrap();
    cluster.wait_until_answering().await.unwrap();
    eventually(SOON, || ensure_ready(&client, &namespace, 1)).await;
}

#[tokio::test]
async fn a_deleted_deployment_takes_its_pods_along() {
    let fleet = fleet::shared().await.unwrap();
    let namespace = fleet.namespace("delete").await.unwrap();
    let client = fleet.clusters()[2].client().await.unwrap();
    deploy(&client, &namespace, 3, "nginx", json!({})).await.unwrap();
    eventually(SOON, || ensure_ready(&client, &namespace, 3)).await;

    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &namespace);
    deployments.delete("web", &kube::api::DeleteParams::default()).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    eventually(SOON, async || {
        let left = pods.list(&ListParams::default()).await?.items.len();
        ensure!(left == 0, "{left} pods are left");
        anyhow::Ok(())
    })
    .await;
}

#[tokio::test]
async fn requests_are_in_the_audit_log() {
    let fleet = fleet::shared().await.unwrap();
    let namespace = fleet.namespace("audit").await.unwrap();
    let cluster = &fleet.clusters()[0];
    let client = cluster.client().await.unwrap();
    deploy(&client, &namespace, 1, "nginx", json!({})).await.unwrap();
    eventually(SOON, async || {
        let events = cluster.audit_events(Some(&namespace))?;
        let seen = events.iter().any(|event| event["verb"] == "create");
        ensure!(seen, "no creation in {namespace} among {} events", events.len());
        anyhow::Ok(())
    })
    .await;
}

async fn deploy(client: &Client, namespace: &str, replicas: i32, image: &str, labels: Value) -> Result<()> {
    let mut labels = labels;
    labels["app"] = json!("web");
    let deployment = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    });
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    deployments.create(&PostParams::default(), &serde_json::from_value(deployment)?).await?;
    Ok(())
}

async fn ensure_ready(client: &Client, namespace: &str, replicas: i32) -> Result<()> {
    let deployment: Deployment = Api::namespaced(client.clone(), namespace).get("web").await?;
    let status = deployment.status.context("no status yet")?;
    let ready = status.ready_replicas.unwrap_or(0);
    ensure!(ready == replicas, "{ready} of {replicas} replicas are ready");
    Ok(())
}

async fn ensure_endpoints(client: &Client, namespace: &str, count: usize) -> Result<()> {
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let of_service = ListParams::default().labels("kubernetes.io/service-name=web");
    let slices = slices.list(&of_service).await?;
    let endpoints = slices.iter().flat_map(|slice| &slice.endpoints);
    let ready =
        endpoints.filter(|endpoint| endpoint.conditions.as_ref().is_some_and(|c| c.ready == Some(true)));
    let mut addresses: Vec<_> = ready.flat_map(|endpoint| &endpoint.addresses).collect();
    addresses.sort();
    addresses.dedup();
    ensure!(addresses.len() == count, "{addresses:?} are ready");
    Ok(())
}

async fn waiting_reasons(client: &Client, namespace: &str, pods: usize) -> Result<Vec<(String, String)>> {
    let list = Api::<Pod>::namespaced(client.clone(), namespace).list(&ListParams::default()).await?;
    let found: Vec<_> = list
        .iter()
        .flat_map(|pod| pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten()))
        .filter_map(|container| container.state.as_ref()?.waiting.as_ref())
        .filter_map(|waiting| Some((waiting.reason.clone()?, waiting.message.clone()?)))
        .collect();
    ensure!(found.len() == pods, "{} of {pods} pods wait: {found:?}", found.len());
    Ok(found)
}
