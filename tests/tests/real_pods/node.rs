//! The real nodes themselves.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::json;
use shipper_tests::eventually::eventually;
use shipper_tests::load::Load;
use shipper_tests::load::shares::Shares;

use super::skip;

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn pods_run_and_answer_at_the_address_of_their_service() {
    let Some(fleet) = skip::fleet("pods_run_and_answer_at_the_address_of_their_service").await else {
        return;
    };
    let namespace = fleet.namespace("answer").await.unwrap();
    for cluster in fleet.clusters() {
        let client = cluster.client().await.unwrap();
        create(&client, &namespace).await.unwrap();
        eventually(SOON, || ensure_ready(&client, &namespace)).await;
        let load = Load::start(cluster, &namespace, "web").await.unwrap();
        let since = Instant::now();
        eventually(SOON, async || {
            let shares = Shares::since(&load.answers(), since);
            ensure!(shares.total() >= 200, "{} answers, lost: {:?}", shares.total(), load.lost());
            shares.ensure_follow(&[("v1", 3)])
        })
        .await;
        let answers = load.answers();
        assert!(answers.iter().any(|answer| answer.kept), "no connection was kept");
        assert_eq!(load.lost(), []);
    }
}

async fn create(client: &Client, namespace: &str) -> Result<()> {
    let service = json!({
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    services.create(&PostParams::default(), &serde_json::from_value(service)?).await?;
    let deployment = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{
                    "name": "web",
                    "image": "registry.example/shop:v1",
                    "env": [{"name": "tag", "value": "v1"}],
                    "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1},
                }]},
            },
        },
    });
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    deployments.create(&PostParams::default(), &serde_json::from_value(deployment)?).await?;
    Ok(())
}

async fn ensure_ready(client: &Client, namespace: &str) -> Result<()> {
    let deployment: Deployment = Api::namespaced(client.clone(), namespace).get("web").await?;
    let ready = deployment.status.and_then(|status| status.ready_replicas).unwrap_or(0);
    ensure!(ready == 3, "{ready} of 3 replicas are ready");
    Ok(())
}
