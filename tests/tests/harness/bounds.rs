//! The test of the test: a pod too few and a pod too many are seen.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;
use shipper_tests::eventually::eventually;
use shipper_tests::fleet;
use shipper_tests::scene::bounds::BoundsWatch;

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_pod_too_few_and_a_pod_too_many_are_seen() {
    let fleet = fleet::shared().await.unwrap();
    let namespace = fleet.namespace("bounds").await.unwrap();
    let client = fleet.clusters()[0].client().await.unwrap();
    create(&client, &namespace).await.unwrap();
    serving(&client, &namespace, 4).await;

    let watch = BoundsWatch::start(&client, &namespace, "web").await.unwrap();
    scale(&client, &namespace, 5).await.unwrap();
    serving(&client, &namespace, 5).await;
    watch.ensure_within(4, 5).unwrap();
    assert!(watch.ensure_within(4, 4).is_err(), "five pods are more than four");

    scale(&client, &namespace, 3).await.unwrap();
    serving(&client, &namespace, 3).await;
    scale(&client, &namespace, 4).await.unwrap();
    serving(&client, &namespace, 4).await;
    watch.ensure_within(3, 5).unwrap();
    let error = watch.ensure_within(4, 5).unwrap_err().to_string();
    assert!(error.contains("3 serving"), "{error}");
}

async fn create(client: &Client, namespace: &str) -> Result<()> {
    let service = json!({
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    });
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    services.create(&PostParams::default(), &serde_json::from_value(service)?).await?;
    let labels = json!({"app": "web", "shipper.dev/application": "web"});
    let deployment = json!({
        "metadata": {"name": "web", "labels": labels},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "nginx"}]},
            },
        },
    });
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    deployments.create(&PostParams::default(), &serde_json::from_value(deployment)?).await?;
    Ok(())
}

async fn scale(client: &Client, namespace: &str, replicas: i32) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    deployments.patch("web", &PatchParams::default(), &patch).await?;
    Ok(())
}

/// So many are in the EndpointSlices, as a watch that begins now sees it.
async fn serving(client: &Client, namespace: &str, pods: usize) {
    eventually(SOON, async || {
        let watch = BoundsWatch::start(client, namespace, "web").await?;
        let now = watch.now()?;
        ensure!((now.serving, now.pods) == (pods, pods), "{now}");
        anyhow::Ok(())
    })
    .await;
}
