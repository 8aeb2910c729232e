//! A cluster is removed from the fleet while its agent runs [X2, X4].

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kube::Client;
use shipper_core::condition::Reason;
use shipper_core::status::WaitingFor;
use shipper_tests::cluster::Cluster;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, Scene};

use super::neighbours::NOTES;
use super::story::{APP, SOON, first_release};

const NOTES_APP: &str = "notes";
/// An agent that is refused asks again after a minute, give or take; this is longer than any other pause of it.
const A_WHILE: Duration = Duration::from_secs(5);

/// [X2] A file that is gone removes nothing. [X4] Once it is confirmed the agent is refused; nothing that the cluster has is deleted or
/// changed, whatever the others do and although its agent starts anew; what has to be elsewhere is placed there.
#[tokio::test]
async fn x4_a_removed_cluster_keeps_what_it_has_and_the_others_go_on() {
    let scene = Scene::start(Options::named("leaves")).await.unwrap();
    let notes = format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata:\n  name: {NOTES_APP}\n  namespace: {}\nspec:\n  template:\n    clusterRequirements: {{regions: [{{name: eu}}]}}\n    manifests:\n      path: apps/{NOTES_APP}\n",
        scene.namespace
    );
    let file = scene.file(NOTES_APP);
    scene
        .commit(&[(&file, &notes), ("apps/notes/all.yaml", NOTES)], "Add the notes, to one cluster")
        .unwrap();
    let v1 = first_release(&scene).await;
    let n1 = scene.contender_after(NOTES_APP, "", SOON).await.unwrap();
    let status = scene.wait_until(NOTES_APP, &n1, 0, WaitingFor::None, SOON).await.unwrap();
    assert_eq!(status.clusters.len(), 1, "{:?}", status.clusters);
    let gone = status.clusters[0].cluster.to_string();
    let number = scene.fleet.clusters().iter().position(|cluster| cluster.name() == gone).unwrap();
    let (cluster, agent) = (&scene.fleet.clusters()[number], &scene.agents[number]);
    let clients = scene.clients().await.unwrap();
    scene.reached(&format!("{gone} has the notes, and is to go"));

    // The file alone says nothing: the rollout goes there as before.
    scene.desk.pull().unwrap();
    let path = format!("clusters/{gone}.yaml");
    let text = scene.desk.read(&path).unwrap();
    scene.desk.remove(&path).unwrap();
    scene.desk.commit("Forget a cluster").unwrap();
    scene.desk.push().unwrap();
    eventually(SOON, async || {
        let conditions = scene.hub().status().await?.conditions;
        let told =
            conditions.iter().any(|it| it.reason == Reason::MissingOnMain && it.message.contains(&gone));
        ensure!(told, "{conditions:?}");
        anyhow::Ok(())
    })
    .await;
    let v2 = next(&scene, &v1, ("tag: v1", "tag: v2")).await;
    scene.wait_for(APP, &full(&v1, &v2), SOON).await.unwrap();
    scene.reached("a file that is gone removes nothing");
    scene.commit(&[(&path, &text)], "Put the cluster back").unwrap();

    let said = scene.shipperctl(&["remove", "--cluster", &gone]).await.unwrap();
    assert!(said.contains("what runs there stays as it is"), "{said}");
    refused(agent, 1).await;
    let before = writes(cluster, &scene.namespace);
    assert!(before > 0);
    let v3 = next(&scene, &v2, ("tag: v2", "tag: v3")).await;
    for (index, client) in clients.iter().enumerate().filter(|(index, _)| *index != number) {
        stands(client, &scene.namespace, APP, &full(&v2, &v3)).await;
        scene.reached(&format!("{} goes on", scene.fleet.clusters()[index].name()));
    }
    let status = eventually(SOON, async || {
        let status = scene.status(NOTES_APP).await?;
        ensure!(status.clusters.iter().all(|of| of.cluster.as_str() != gone), "{:?}", status.clusters);
        ensure!(status.clusters.len() == 1, "{:?}", status.clusters);
        anyhow::Ok(status)
    })
    .await;
    let elsewhere = status.clusters[0].cluster.as_str();
    let client = scene.fleet.cluster(elsewhere).unwrap().client().await.unwrap();
    let two = Sight::of(&[(&n1, seen(2, 2))], Some(&n1));
    stands(&client, &scene.namespace, NOTES_APP, &two).await;
    scene.reached(&format!("the notes are in {elsewhere}"));

    // It begins anew, with nothing but what it finds; there is no directory of its cluster any more.
    scene.tree_of(&gone).unwrap_err();
    agent.restart().unwrap();
    refused(agent, 2).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(writes(cluster, &scene.namespace), before, "something was written to {gone}");
    stands(&clients[number], &scene.namespace, APP, &full(&v1, &v2)).await;
    stands(&clients[number], &scene.namespace, NOTES_APP, &two).await;
    agent.ensure_running().unwrap();
    scene.ensure_one_line().unwrap();
}

/// The release after `old`, at its end by the hub.
async fn next(scene: &Scene, old: &str, (from, to): (&str, &str)) -> String {
    scene.edit(APP, from, to).unwrap();
    let new = scene.contender_after(APP, old, SOON).await.unwrap();
    scene.wait_until(APP, &new, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.promote(APP, &new, "full on").unwrap();
    scene.wait_until(APP, &new, 2, WaitingFor::None, SOON).await.unwrap();
    scene.reached(&format!("{new} is complete"));
    new
}

fn full(old: &str, new: &str) -> Sight {
    Sight::of(&[(old, seen(0, 0)), (new, seen(4, 4))], Some(new))
}

/// The agent has written so many times that its reports are refused.
async fn refused(agent: &shipper_tests::process::Process, times: usize) {
    eventually(SOON, async || {
        let log = agent.log();
        let count = log.matches("reports are refused").count();
        ensure!(count >= times, "{} was refused {count} times", agent.name());
        anyhow::Ok(())
    })
    .await;
}

/// Writes of the agent in a namespace, but for the Lease that it keeps.
fn writes(cluster: &Cluster, namespace: &str) -> usize {
    let events = cluster.audit_events(Some(namespace)).unwrap();
    let by_agents = events.iter().filter(|event| {
        let agent = event["userAgent"].as_str().is_some_and(|by| by.starts_with("shipper-agent/"));
        let write = ["create", "update", "patch", "delete", "deletecollection"]
            .contains(&event["verb"].as_str().unwrap_or_default());
        agent && write && event["objectRef"]["resource"] != "leases"
    });
    by_agents.count()
}

async fn stands(client: &Client, namespace: &str, app: &str, expected: &Sight) {
    eventually(SOON, async || -> Result<()> {
        let sight = look(client, namespace, app).await.context("cannot look")?;
        ensure!(sight == *expected, "{sight}; expected is {expected}");
        Ok(())
    })
    .await;
}
