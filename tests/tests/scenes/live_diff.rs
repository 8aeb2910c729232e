//! `shipperctl diff --live`: what a real cluster has against what Git asks for.

use anyhow::ensure;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use shipper_tests::cluster::Cluster;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, SOON, first_release_of, full_on, half, staging};

const SECRET: &str = include_str!("files/secret.yaml");
/// As [`shipperctl`'s exit codes](../../../docs/shipperctl.md) have it.
const DIFFERENT: i32 = 8;

/// What `shipperctl diff --live` says of a cluster: how it ends, and what it prints.
async fn diff(scene: &Scene, cluster: &Cluster, more: &[&str]) -> (Option<i32>, String) {
    let app = format!("{}/{APP}", scene.namespace);
    let mut arguments = vec!["diff", &app, "--live", "--cluster", cluster.name(), "--exit-code"];
    arguments.extend(more);
    let kubeconfig = cluster.kubeconfig_path();
    let output = scene.shipperctl_with(&arguments, &[("KUBECONFIG", kubeconfig.as_os_str())]).await.unwrap();
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code(), printed.concat())
}

/// In every cluster is what Git asks for, however far the rollout is.
async fn nothing_differs(scene: &Scene, when: &str) {
    for cluster in scene.fleet.clusters() {
        let (code, printed) = diff(scene, cluster, &[]).await;
        assert!(printed.contains("No object differs."), "{when}, {}: {printed}", cluster.name());
        assert_eq!(code, Some(0), "{when}, {}: {printed}", cluster.name());
    }
    scene.reached(&format!("nothing differs {when}"));
}

/// Merges a change into an object, as `kubectl edit` does.
async fn edit<K>(client: &Client, namespace: &str, name: &str, change: Value)
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let by = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
    Api::<K>::namespaced(client.clone(), namespace).patch(name, &by, &Patch::Merge(change)).await.unwrap();
}

/// [C11] At every step of a rollout nothing differs, though its releases share objects; what a person changes in one cluster shows there and in
/// no other, without a word of what is in a Secret; and what others add, or the agent decides, is no difference.
#[tokio::test]
async fn what_a_cluster_has_is_compared_with_what_git_asks_for() {
    let scene = Scene::start(Options::named("live")).await.unwrap();
    scene.commit(&[("charts/shop/templates/secret.yaml", SECRET)], "Give the shop a secret").unwrap();
    let application = scene.application(APP).replace("spec:\n", "spec:\n  allowSecrets: true\n");
    let v1 = first_release_of(&scene, &application).await;
    nothing_differs(&scene, "at rest").await;

    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    staging(&scene, &v1, &v2).await;
    nothing_differs(&scene, "at staging").await;
    half(&scene, &v1, &v2).await;
    nothing_differs(&scene, "at 50/50").await;

    // An agent puts back what people change; while it is away that stays.
    let cluster = &scene.fleet.clusters()[1];
    let agent = &scene.agents[1];
    agent.pause().unwrap();
    let (client, namespace) = (cluster.client().await.unwrap(), scene.namespace.as_str());
    edit::<Deployment>(&client, namespace, &v1, json!({"spec": {"replicas": 3}})).await;
    edit::<Service>(&client, namespace, APP, json!({"metadata": {"labels": {"example.com/by": "hand"}}}))
        .await;
    let (code, printed) = diff(&scene, cluster, &[]).await;
    assert_eq!(
        code,
        Some(0),
        "how many there are is the agent's, and a label beside is its owner's: {printed}"
    );

    edit::<Deployment>(
        &client,
        namespace,
        &v2,
        json!({"spec": {"template": {"metadata": {"annotations": {"example.com/by": "hand"}}, "spec": {"serviceAccountName": "default"}}}}),
    )
    .await;
    edit::<Service>(&client, namespace, APP, json!({"metadata": {"annotations": {"example.com/tag": "v7"}}}))
        .await;
    let words = |data: Value| json!({"data": data});
    edit::<ConfigMap>(&client, namespace, &v1, words(json!({"tag": "v8"}))).await;
    edit::<Secret>(&client, namespace, &v2, words(json!({"password": "c3VyZWx5IG5vdA=="}))).await;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    accounts.delete(APP, &DeleteParams::default()).await.unwrap();

    let (code, printed) = diff(&scene, cluster, &["-o", "json"]).await;
    assert_eq!(code, Some(DIFFERENT), "{printed}");
    let told: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&told["from"], &told["to"]), (&json!("live"), &json!("Git")));
    let objects = told["objects"].as_array().unwrap();
    let differ = |kind: &str, name: &str| {
        let found = objects.iter().find(|object| object["object"] == format!("{kind} {name}"));
        let object = found.unwrap_or_else(|| panic!("{kind} {name} does not differ: {printed}"));
        let lines = object["diff"].as_str().unwrap().lines().filter(|line| line.starts_with(['+', '-']));
        let lines = lines.map(|line| line.replacen("  ", "", 1).replace("  ", "")).collect::<Vec<_>>();
        (object["change"].as_str().unwrap(), lines)
    };
    let line = |mark: char, text: &str| format!("{mark}{text}");
    let pair = |from: &str, to: &str| ("changed", vec![line('-', from), line('+', to)]);
    assert_eq!(differ("ServiceAccount", APP).0, "added", "it is to be there");
    assert_eq!(differ("Service", APP), pair("example.com/tag: v7", "example.com/tag: v1"), "the lead's");
    assert_eq!(differ("ConfigMap", &v1), pair("tag: v8", "tag: v1"));
    assert_eq!(differ("Deployment", &v2), pair("serviceAccountName: default", "serviceAccountName: shop"));
    assert_eq!(differ("Secret", &v2), pair("password: (hidden, before)", "password: (hidden, after)"));
    assert_eq!(objects.len(), 5, "{printed}");
    let (_, text) = diff(&scene, cluster, &[]).await;
    for secret in ["c3VyZWx5IG5vdA", "surely not", "aHVudGVyMg", "hunter2"] {
        assert!(!printed.contains(secret) && !text.contains(secret), "{secret} is told: {text}");
    }
    for other in [0, 2] {
        let (code, printed) = diff(&scene, &scene.fleet.clusters()[other], &[]).await;
        assert_eq!(code, Some(0), "{printed}");
    }
    scene.reached("what was changed by hand differs");

    agent.resume().unwrap();
    eventually(SOON, async || {
        let (code, printed) = diff(&scene, cluster, &[]).await;
        ensure!(code == Some(0), "it is not put back: {printed}");
        anyhow::Ok(())
    })
    .await;
    full_on(&scene, &v1, &v2).await;
    nothing_differs(&scene, "at the end").await;
}
