//! An agent that lives on, but reaches neither hub nor Git, in the middle of a rollout [A1, C7, C9].

use std::time::Duration;

use anyhow::{Result, ensure};
use shipper_core::status::{Liveness, WaitingFor};
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, Scene};

use super::drift::{IN_TIME, scale, unlabel};
use super::failing::{self, LAST};
use super::story::{APP, Floor, SOON, first_release};

/// Longer than the heartbeats after which a cluster is offline, and than anything that it has read before takes.
const LONGER: Duration = Duration::from_secs(12);

/// Scene 7: a cluster is off the network for two steps. Its agent keeps the old target meanwhile: what somebody changes is put back, and
/// nothing of the new release comes. Then it comes to the present step.
#[tokio::test]
async fn an_agent_that_is_cut_off_keeps_what_it_had_and_catches_up() {
    let scene = Scene::start(Options { cable: Some(LAST), ..Options::named("cut-off") }).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    let cable = scene.cable.as_ref().unwrap();
    let client = scene.fleet.clusters()[LAST].client().await.unwrap();
    let whole = Sight::of(&[(&v1, seen(4, 4))], Some(&v1));
    cable.cut();
    failing::release(&scene, "v2", None, "      maxFailedClusters: 34%\n      onFailure: rollback\n");
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    repairs(&scene, &client, &v1).await;
    failing::stands(&scene, LAST, &whole).await;

    scene.promote(APP, &v2, "50/50").unwrap();
    let status = scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    assert_eq!(status.clusters[LAST].liveness, Liveness::Offline);
    let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
    for cluster in 0..LAST {
        failing::stands(&scene, cluster, &half).await;
    }
    tokio::time::sleep(LONGER).await;
    repairs(&scene, &client, &v1).await;
    failing::stands(&scene, LAST, &whole).await;
    scene.agents[LAST].ensure_running().unwrap();
    ensure_knows_nothing_of(&scene, &client, &v2).await.unwrap();

    cable.mend();
    failing::catches_up(&scene, (&v1, &v2), &half).await;
    floor.assert_held(&scene, 4);
    scene.ensure_one_line().unwrap();
}

/// Somebody scales the release and takes traffic from a pod: both are put back as promptly as ever.
async fn repairs(scene: &Scene, client: &kube::Client, release: &str) {
    let scaled = scale(client, &scene.namespace, release, 7).await;
    failing::stands(scene, LAST, &Sight::of(&[(release, seen(4, 4))], Some(release))).await;
    let took = [("scaled", scaled), ("label removed", unlabel(client, &scene.namespace).await)];
    scene.reached(&format!("cut off, and put back after {took:?}"));
    for (what, time) in took {
        assert!(time < IN_TIME, "{what}, and put back after {time:?}");
    }
}

async fn ensure_knows_nothing_of(scene: &Scene, client: &kube::Client, release: &str) -> Result<()> {
    let sight = look(client, &scene.namespace, APP).await?;
    ensure!(!sight.releases.contains_key(release), "{release} came through: {sight}");
    Ok(())
}
