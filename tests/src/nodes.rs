//! Nodes that kwok plays.

use anyhow::Result;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;

/// Creates `count` nodes with room for 256 pods each, unless they exist.
pub(crate) async fn create(client: &Client, count: usize) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    for number in 1..=count {
        let name = format!("node-{number}");
        let room = json!({"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "256"});
        let node = serde_json::from_value(json!({
            "metadata": {
                "name": name,
                "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
                "labels": {
                    "kubernetes.io/arch": "amd64",
                    "kubernetes.io/hostname": name,
                    "kubernetes.io/os": "linux",
                },
            },
            "status": {"allocatable": room, "capacity": room},
        }))?;
        nodes.create(&PostParams::default(), &node).await?;
    }
    Ok(())
}

/// Fails unless `count` nodes take pods.
pub(crate) async fn ensure_schedulable(client: &Client, count: usize) -> Result<()> {
    let nodes = Api::<Node>::all(client.clone()).list(&kube::api::ListParams::default()).await?;
    let waiting: Vec<_> =
        nodes.iter().filter(|node| !is_schedulable(node)).map(ResourceExt::name_any).collect();
    anyhow::ensure!(waiting.is_empty(), "these nodes are not ready: {waiting:?}");
    anyhow::ensure!(nodes.items.len() >= count, "{} of {count} nodes exist", nodes.items.len());
    Ok(())
}

fn is_schedulable(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.clone().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let tainted =
        node.spec.as_ref().is_some_and(|spec| spec.taints.as_ref().is_some_and(|taints| !taints.is_empty()));
    ready && !tainted
}
