//! A cluster is replaced by a new one with the same name [A1, X5, S5].

use anyhow::{Context, Result, ensure};
use kube::Client;
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_tests::cluster::{self, Cluster};
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, SOON, first_release, half, staging};

/// The cluster that is replaced.
const LAST: usize = 2;

/// Scene 7: what the old cluster has reported counts for nothing. The step that it had achieved is not achieved until the new one has it,
/// which comes from nothing to the present step; the old one is left as it is.
#[tokio::test]
async fn a_new_cluster_of_the_same_name_begins_with_nothing() {
    let scene = Scene::start(Options::named("replaced")).await.unwrap();
    let name = scene.fleet.clusters()[LAST].name();
    let (new, (v1, v2)) = tokio::join!(Cluster::start(cluster::Options::named(name)), at_half(&scene));
    let new = new.unwrap();
    new.create_namespace(&scene.namespace).await.unwrap();
    let at_half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);

    // Nothing gets ready there, for now.
    new.kwok().pause().unwrap();
    scene.agents[LAST].kill().unwrap();
    let agent = scene.start_agent(&format!("agent-of-the-new-{name}"), &new, 0).unwrap();
    let client = new.client().await.unwrap();
    eventually(SOON, async || {
        let status = scene.status(APP).await?;
        let pods = pods_of(&status, name)?;
        ensure!(pods == (4, 0), "{name} has {pods:?} pods and ready ones by the hub");
        ensure!(achieved(&status, &v2) != Some(1), "the step is still achieved");
        let (state, clusters) = (status.waiting.state, &status.waiting.clusters);
        ensure!(
            state == WaitingFor::WaitingForCapacity && *clusters == [name.into()],
            "{:?}",
            status.waiting
        );
        let sight = look(&client, &scene.namespace, APP).await?;
        ensure!(sight.releases.values().all(|release| release.replicas == 2), "{sight}");
        anyhow::Ok(())
    })
    .await;
    scene.reached("what the old cluster said counts for nothing");
    let said = scene.hub().process.log();
    assert!(said.contains("another cluster reports under this name"), "the hub says nothing of it");

    new.kwok().resume().unwrap();
    stands(&client, &scene.namespace, &at_half).await;
    scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.reached("the new cluster is at the present step");

    scene.promote(APP, &v2, "full on").unwrap();
    scene.wait_until(APP, &v2, 2, WaitingFor::None, SOON).await.unwrap();
    let clients = scene.clients().await.unwrap();
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    for client in clients[..LAST].iter().chain([&client]) {
        stands(client, &scene.namespace, &full).await;
    }
    stands(&clients[LAST], &scene.namespace, &at_half).await;
    agent.ensure_running().unwrap();
    scene.ensure_one_line().unwrap();
}

async fn at_half(scene: &Scene) -> (String, String) {
    let v1 = first_release(scene).await;
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    staging(scene, &v1, &v2).await;
    half(scene, &v1, &v2).await;
    (v1, v2)
}

/// The pods of a cluster and those that are ready, as the hub knows them.
fn pods_of(status: &ApplicationStatus, cluster: &str) -> Result<(u32, u32)> {
    let of = status.clusters.iter().find(|of| of.cluster.as_str() == cluster).context("not among them")?;
    let sum = |part: fn(&shipper_core::report::Capacity) -> u32| -> u32 {
        of.releases.iter().map(|release| part(&release.capacity)).sum()
    };
    Ok((sum(|capacity| capacity.pods), sum(|capacity| capacity.ready)))
}

fn achieved(status: &ApplicationStatus, release: &str) -> Option<usize> {
    let release = status.releases.iter().find(|known| known.name.as_str() == release)?;
    release.achieved.as_ref().map(|achieved| achieved.step)
}

async fn stands(client: &Client, namespace: &str, expected: &Sight) {
    eventually(SOON, async || {
        let sight = look(client, namespace, APP).await?;
        ensure!(sight == *expected, "{sight}; expected is {expected}");
        anyhow::Ok(())
    })
    .await;
}
