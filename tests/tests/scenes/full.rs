//! A cluster that is too full is not chosen; one that fills up later keeps what it has, and the pods that find no room are named [S1].

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod, ResourceQuota};
use kube::api::{Api, DeleteParams, PostParams};
use serde::de::DeserializeOwned;
use serde_json::json;
use shipper_core::condition::{Reason, Status};
use shipper_core::report::PodGroup;
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::report_way::{Fates, Heard};
use shipper_tests::scene::recorder::Recorder;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, Scene};

use super::drain::{scheduled, small};
use super::neighbours::NOTES;
use super::story::{SOON, room_is_known};

/// How long a controller takes to try again what was refused.
const LONG: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_cluster_that_is_too_full_is_not_chosen() {
    let scene =
        Scene::start(Options { reports: Some(Fates::Heard), ..Options::named("full") }).await.unwrap();
    let whole = "  template:\n    clusterRequirements: {regions: [{name: eu}]}\n";
    let asks = "        resources: {requests: {cpu: 2k}}\n        ports:";
    let tolerates = "      tolerations: [{key: scene, operator: Exists}]\n      containers:";
    let manifests = NOTES.replace("notes", "hungry").replace("        ports:", asks);
    let manifests = manifests.replace("      containers:", tolerates);
    let files = [
        (scene.file("hungry"), small(&scene, "hungry", whole)),
        ("apps/hungry/all.yaml".to_owned(), manifests.clone()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    // Who has not said what is free yet is taken to have room.
    room_is_known(&scene).await;
    scene.commit(&files, "Ask for 4000 CPUs").unwrap();
    let status = eventually(SOON, async || {
        let status = scene.status("hungry").await?;
        ensure!(scheduled(&status)?.1 == Reason::NotEnoughClusters, "{:?}", status.conditions);
        anyhow::Ok(status)
    })
    .await;
    assert_eq!(status.refused.len(), scene.fleet.clusters().len());
    let (_, _, message) = scheduled(&status).unwrap();
    assert!(message.contains("no capacity: needs 8000 cpu"), "two pods and as many of surge: {message}");

    // One cluster grows: it is chosen without another commit.
    let grown = &scene.fleet.clusters()[1];
    let nodes: Api<Node> = Api::all(grown.client().await.unwrap());
    nodes.create(&PostParams::default(), &giant()).await.unwrap();
    let status = eventually(SOON, async || {
        let status = scene.status("hungry").await?;
        ensure!(scheduled(&status)?.0 == Status::True, "{:?}", status.conditions);
        anyhow::Ok(status)
    })
    .await;
    assert_eq!(status.clusters.iter().map(|c| c.cluster.as_str()).collect::<Vec<_>>(), [grown.name()]);
    let v1 = status.contender.as_ref().unwrap().to_string();
    scene.wait_until("hungry", &v1, 0, WaitingFor::None, SOON).await.unwrap();

    // Somebody else fills it: it stays chosen, and what is to come there is named with the pods that find no node.
    let client = grown.client().await.unwrap();
    let strangers: Api<Pod> = Api::namespaced(client.clone(), "default");
    strangers.create(&PostParams::default(), &stranger()).await.unwrap();
    ensure_runs(&strangers, "stranger").await;
    let pods = Recorder::start(Api::<Pod>::namespaced(client, &scene.namespace), "").await.unwrap();
    scene.commit(&[("apps/hungry/all.yaml", &manifests.replace(":v1", ":v2"))], "Hungry again").unwrap();
    let v2 = scene.contender_after("hungry", &v1, SOON).await.unwrap();
    let since = first(&pods, finds_no_node).await;
    let group = named(&scene, grown.name(), "hungry", "Unschedulable", since).await;
    assert!(group.example.starts_with(&v2) && group.message.contains("Insufficient cpu"), "{group:?}");
    shown(&scene, grown.name(), "hungry", "Unschedulable", &group).await;
    let status = scene.status("hungry").await.unwrap();
    assert_eq!(status.clusters.len(), 1, "chosen clusters stay: {:?}", status.clusters);
    let sight = look(&grown.client().await.unwrap(), &scene.namespace, "hungry").await.unwrap();
    assert_eq!(sight.releases[&v1], seen(2, 2), "what serves goes on serving: {sight}");

    strangers.delete("stranger", &DeleteParams::default()).await.unwrap();
    scene.wait_until("hungry", &v2, 0, WaitingFor::None, LONG).await.unwrap();
    nodes.delete("giant", &DeleteParams::default()).await.unwrap();
}

/// [S1] What a quota of the namespace refuses is named with the first report after it was refused, by its own words.
#[tokio::test]
async fn s1_what_a_quota_refuses_is_named_within_one_report() {
    let options = Options { reports: Some(Fates::Heard), ..Options::named("quota") };
    let scene = Scene::start(options).await.unwrap();
    let files = [
        (scene.file("notes"), small(&scene, "notes", "  template:\n")),
        ("apps/notes/all.yaml".to_owned(), NOTES.to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    scene.commit(&files, "Add notes").unwrap();
    let v1 = scene.contender_after("notes", "", SOON).await.unwrap();
    scene.wait_until("notes", &v1, 0, WaitingFor::None, SOON).await.unwrap();

    let strict = &scene.fleet.clusters()[0];
    let client = strict.client().await.unwrap();
    let quotas: Api<ResourceQuota> = Api::namespaced(client.clone(), &scene.namespace);
    quotas.create(&PostParams::default(), &quota()).await.unwrap();
    eventually(SOON, async || {
        let used = quotas.get("strict").await?.status.and_then(|status| status.used).unwrap_or_default();
        ensure!(used.get("pods").is_some_and(|pods| pods.0 == "2"), "{used:?}");
        anyhow::Ok(())
    })
    .await;
    let deployments = Recorder::start(Api::namespaced(client.clone(), &scene.namespace), "").await.unwrap();
    scene.commit(&[("apps/notes/all.yaml", &NOTES.replace(":v1", ":v2"))], "More notes").unwrap();
    let v2 = scene.contender_after("notes", &v1, SOON).await.unwrap();
    let since = first(&deployments, makes_no_pods).await;
    let group = named(&scene, strict.name(), "notes", "FailedCreate", since).await;
    assert_eq!((group.count, &group.example), (2, &v2), "{group:?}");
    assert!(group.message.contains(&format!("pods \"{v2}-")), "the pod is named: {group:?}");
    assert!(group.message.contains("exceeded quota: strict"), "{group:?}");
    shown(&scene, strict.name(), "notes", "FailedCreate", &group).await;
    let sight = look(&client, &scene.namespace, "notes").await.unwrap();
    assert_eq!(sight.releases[&v1], seen(2, 2), "what serves goes on serving: {sight}");

    quotas.delete("strict", &DeleteParams::default()).await.unwrap();
    scene.wait_until("notes", &v2, 0, WaitingFor::None, LONG).await.unwrap();
    scene.wait_for_live("notes", &Sight::of(&[(&v2, seen(2, 2))], Some(&v2)), SOON).await.unwrap();
}

/// When the cluster first said that it is so.
async fn first<K>(watch: &Recorder<K>, is_so: impl Fn(&K) -> bool) -> Instant
where
    K: kube::Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    eventually(SOON, async || {
        let event = watch.events().into_iter().find(|event| !event.gone && is_so(&event.object));
        anyhow::Ok(event.context("it is not so yet")?.at)
    })
    .await
}

fn finds_no_node(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|one| one.type_ == "PodScheduled" && one.reason.as_deref() == Some("Unschedulable"))
}

fn makes_no_pods(deployment: &Deployment) -> bool {
    let conditions = deployment.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|one| one.type_ == "ReplicaFailure" && one.status == "True")
}

/// What is said of these pods by the first report of a cluster since then; but for one that may have been under way.
async fn named(scene: &Scene, cluster: &str, app: &str, reason: &str, since: Instant) -> PodGroup {
    let groups = |heard: &Heard| {
        let apps = heard.report.applications.iter().filter(|one| one.application.name.as_str() == app);
        let pods = apps.flat_map(|one| &one.releases).flat_map(|release| &release.pods);
        pods.filter(|group| group.reason == reason).cloned().collect::<Vec<_>>()
    };
    let (number, heard, group) = eventually(SOON, async || {
        let reports = scene.way.as_ref().context("nobody listens")?.heard();
        let mut of_cluster = reports.into_iter().filter(|heard| heard.report.cluster.as_str() == cluster);
        // Said of another pod before.
        let mut after = of_cluster.by_ref().filter(|heard| heard.at >= since).enumerate();
        let found = after.find_map(|(number, heard)| Some((number, heard.clone(), groups(&heard).pop()?)));
        found.with_context(|| format!("no report names {reason}"))
    })
    .await;
    scene.reached(&format!("{reason} is named {:?} after, with report {}", heard.at - since, number + 1));
    assert!(number <= 1, "{number} reports came by that did not name it");
    group
}

/// The API and `shipperctl` say the same of the cluster.
async fn shown(scene: &Scene, cluster: &str, app: &str, reason: &str, group: &PodGroup) {
    eventually(SOON, async || {
        let status = scene.status(app).await?;
        let here = status.clusters.iter().find(|one| one.cluster.as_str() == cluster).context("not there")?;
        let pods: Vec<_> = here.releases.iter().flat_map(|release| &release.pods).collect();
        ensure!(pods.iter().any(|one| one.reason == reason && one.message == group.message), "{pods:?}");
        let text = scene.shipperctl(&["status", app]).await?;
        ensure!(text.contains(reason), "{text}");
        anyhow::Ok(())
    })
    .await;
}

async fn ensure_runs(pods: &Api<Pod>, name: &str) {
    eventually(SOON, async || {
        let phase = pods.get(name).await?.status.and_then(|status| status.phase);
        ensure!(phase.as_deref() == Some("Running"), "{name} is {phase:?}");
        anyhow::Ok(())
    })
    .await;
}

fn quota() -> ResourceQuota {
    serde_json::from_value(json!({"metadata": {"name": "strict"}, "spec": {"hard": {"pods": "2"}}})).unwrap()
}

/// A pod of nobody's, which leaves no room on the giant.
fn stranger() -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": "stranger"},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": "giant"},
            "tolerations": [{"key": "scene", "operator": "Exists"}],
            "containers": [{
                "name": "stranger",
                "image": "registry.example/stranger",
                "resources": {"requests": {"cpu": "4900"}},
            }],
        },
    }))
    .unwrap()
}

/// A node with more CPUs than all others, for the pods of this scene alone.
fn giant() -> Node {
    let room = json!({"cpu": "9k", "memory": "256Gi", "pods": "256"});
    serde_json::from_value(json!({
        "metadata": {
            "name": "giant",
            "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
            "labels": {"kubernetes.io/hostname": "giant"},
        },
        "spec": {"taints": [{"key": "scene", "effect": "NoSchedule"}]},
        "status": {"allocatable": room, "capacity": room},
    }))
    .unwrap()
}
