//! A cluster is drained: everything it has is elsewhere before it leaves [S4]. A cluster that is too full is not chosen [S1].

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::json;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::protocol::ClusterView;
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_tests::eventually::eventually;
use shipper_tests::scene::endpoints::EndpointWatch;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, Scene};

use super::neighbours::NOTES;
use super::story::{APP, SOON, room_is_known};

/// Small applications beside the one that is in the middle of a rollout.
const SMALL: usize = 29;
/// How long thirty applications take to move on a busy machine.
const MOVED: Duration = Duration::from_secs(240);
const ONE_CLUSTER: &str = "    clusterRequirements: {regions: [{name: eu}]}\n";

#[tokio::test]
async fn a_drained_cluster_is_empty_when_everything_serves_elsewhere() {
    let scene = Scene::start(Options::named("drain")).await.unwrap();
    let shop = scene.application(APP).replacen("  template:\n", &format!("  template:\n{ONE_CLUSTER}"), 1);
    let mut files = vec![(scene.file(APP), shop)];
    for number in 0..SMALL {
        let app = format!("notes-{number}");
        files.push((scene.file(&app), small(&scene, &app, ONE_CLUSTER)));
        files.push((format!("apps/{app}/all.yaml"), NOTES.replace("notes", &app)));
    }
    let all: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    scene.commit(&all, "Add thirty applications").unwrap();

    // The shop is at half between two releases.
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    scene.promote(APP, &v1, "full on").unwrap();
    scene.wait_until(APP, &v1, 2, WaitingFor::None, MOVED).await.unwrap();
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.promote(APP, &v2, "50/50").unwrap();
    let status = scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, MOVED).await.unwrap();
    for number in 0..SMALL {
        serving(&scene, &format!("notes-{number}")).await;
    }
    let home = status.clusters[0].cluster.to_string();
    assert_eq!(status.clusters.len(), 1);
    let before = view(&scene, &home).await.unwrap();
    assert!(before.applications.len() > 1, "the fleet is spread: {before:?}");
    assert!(before.cluster.free.as_ref().is_some_and(|free| free.get("cpu").to_whole() > 0), "{before:?}");
    scene.reached(&format!("{} of thirty applications are in {home}", before.applications.len()));

    let since = Instant::now();
    let mut watches = Vec::new();
    for client in scene.clients().await.unwrap() {
        watches.push(EndpointWatch::start(&client, &scene.namespace, APP).await.unwrap());
    }
    let said = scene.shipperctl(&["clusters", "drain", &home]).await.unwrap();
    assert!(said.contains(&format!("Drain {home}")), "{said}");
    eventually(MOVED, async || {
        let left = view(&scene, &home).await?.applications;
        ensure!(left.is_empty(), "{home} still has {left:?}");
        anyhow::Ok(())
    })
    .await;
    scene.reached(&format!("{home} is drained"));
    let shown = scene.shipperctl(&["clusters", "show", &home]).await.unwrap();
    assert!(shown.contains("drained") && shown.contains("no applications"), "{shown}");

    // The rollout stands where it stood, in another cluster, and over the fleet there were never fewer than four pods with traffic.
    let status = scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    let elsewhere = status.clusters[0].cluster.to_string();
    assert_ne!(elsewhere, home);
    let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
    assert_eq!(look(&client(&scene, &elsewhere).await, &scene.namespace, APP).await.unwrap().live(), half);
    let fewest = fewest_over_the_fleet(&watches, since);
    scene.reached(&format!("at least {fewest} pods with traffic over the fleet"));
    assert!(fewest >= 4, "{fewest}");
    for number in 0..SMALL {
        serving(&scene, &format!("notes-{number}")).await;
    }
    let nothing = look(&client(&scene, &home).await, &scene.namespace, APP).await.unwrap();
    assert!(nothing.releases.is_empty(), "{nothing}");

    // Back is one commit, and moves nobody.
    scene.shipperctl(&["clusters", "uncordon", &home]).await.unwrap();
    scene.promote(APP, &v2, "full on").unwrap();
    let status = scene.wait_until(APP, &v2, 2, WaitingFor::None, SOON).await.unwrap();
    assert_eq!(status.clusters.iter().map(|c| c.cluster.as_str()).collect::<Vec<_>>(), [elsewhere]);
    scene.ensure_one_line().unwrap();
}

#[tokio::test]
async fn a_cluster_that_is_too_full_is_not_chosen() {
    let scene = Scene::start(Options::named("full")).await.unwrap();
    let whole = "    clusterRequirements: {regions: [{name: eu}]}\n";
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
    serving(&scene, "hungry").await;

    // It is full now: what grows there later is named with the pods that find no node.
    scene
        .commit(&[("apps/hungry/all.yaml", &manifests.replace("cpu: 2k", "cpu: 6k"))], "Ask for more")
        .unwrap();
    eventually(SOON, async || {
        let status = scene.status("hungry").await?;
        let pods =
            status.clusters.iter().flat_map(|cluster| &cluster.releases).flat_map(|release| &release.pods);
        let named: Vec<_> = pods.filter(|group| group.reason == "Unschedulable").collect();
        ensure!(named.iter().any(|group| group.example.starts_with("hungry")), "{:?}", status.waiting);
        ensure!(status.clusters.len() == 1, "chosen clusters stay: {:?}", status.clusters);
        anyhow::Ok(())
    })
    .await;
    nodes.delete("giant", &DeleteParams::default()).await.unwrap();
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

fn small(scene: &Scene, app: &str, requirements: &str) -> String {
    format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata:\n  name: {app}\n  namespace: {}\nspec:\n  template:\n{requirements}    manifests:\n      path: apps/{app}\n",
        scene.namespace
    )
}

fn scheduled(status: &ApplicationStatus) -> Result<(Status, Reason, String)> {
    let condition = status.conditions.iter().find(|condition| condition.kind == ConditionType::Scheduled);
    condition.map(|c| (c.status, c.reason, c.message.clone())).context("nothing is said of placement")
}

async fn view(scene: &Scene, cluster: &str) -> Result<ClusterView> {
    let text = scene.shipperctl(&["clusters", "show", cluster, "-o", "json"]).await?;
    Ok(serde_json::from_str(&text)?)
}

async fn client(scene: &Scene, cluster: &str) -> kube::Client {
    scene.fleet.clusters().iter().find(|known| known.name() == cluster).unwrap().client().await.unwrap()
}

/// Its release has two pods with traffic in the one cluster that it is in.
async fn serving(scene: &Scene, app: &str) {
    eventually(MOVED, async || {
        let status = scene.status(app).await?;
        let release = status.contender.as_ref().context("no release")?.to_string();
        ensure!(status.clusters.len() == 1, "{app} is in {:?}", status.clusters);
        let cluster = status.clusters[0].cluster.to_string();
        let sight = look(&client(scene, &cluster).await, &scene.namespace, app).await?;
        ensure!(sight.releases.get(&release) == Some(&seen(2, 2)), "{app} in {cluster}: {sight}");
        anyhow::Ok(())
    })
    .await;
}

/// The fewest ready addresses that all clusters together had at any moment.
fn fewest_over_the_fleet(watches: &[EndpointWatch], since: Instant) -> usize {
    let mut changes: Vec<(Instant, usize, usize)> = Vec::new();
    for (cluster, watch) in watches.iter().enumerate() {
        changes.extend(
            watch.moments_since(since).iter().map(|moment| (moment.at.max(since), cluster, moment.total())),
        );
    }
    changes.sort_by_key(|(at, ..)| *at);
    let mut present: BTreeMap<usize, usize> = BTreeMap::new();
    let mut fewest = usize::MAX;
    for (at, cluster, total) in changes {
        present.insert(cluster, total);
        if at > since {
            fewest = fewest.min(present.values().sum());
        }
    }
    fewest
}
