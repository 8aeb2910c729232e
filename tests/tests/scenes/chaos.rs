//! Everything is killed in the middle of a rollout, and the rollout goes on [C9, X5, A1].

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{Service, ServiceAccount};
use kube::Client;
use kube::api::Api;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use shipper_core::status::WaitingFor;
use shipper_tests::scene::history::Stage;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};
use tokio::sync::Mutex;

use super::story::{APP, Floor, first_release};

/// The Git server is away for 20 s of it.
const AT_LENGTH: Duration = Duration::from_secs(150);
const GIT_AWAY: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy)]
enum Blow {
    Agent(usize),
    Hub,
    HubData,
    Git,
}

#[tokio::test]
async fn nothing_is_lost_when_everything_is_killed() {
    let scene = Scene::start(Options::named("chaos")).await.unwrap();
    let clients = scene.clients().await.unwrap();
    let v1 = first_release(&scene).await;
    let before = identities(&clients, &scene.namespace).await.unwrap();
    let floor = Floor::watch(&scene).await;
    // Whoever pushes has it, and whoever switches the server off.
    let git = Mutex::new(());
    let ((), (v2, v3)) = tokio::join!(blows(&scene, &git), rollouts(&scene, &git, &v1));

    floor.assert_held(&scene, 4);
    assert_eq!(
        identities(&clients, &scene.namespace).await.unwrap(),
        before,
        "shared objects were made anew"
    );
    for release in [&v2, &v3] {
        let stages = scene.stages(APP, release).unwrap();
        assert_eq!(scene.steps(APP, release).unwrap(), [0, 1, 2], "{stages:?}");
        for pair in stages.windows(2) {
            ensure_in_order(&pair[0], &pair[1]).unwrap();
        }
    }
    for cluster in scene.fleet.clusters() {
        let targets = scene.targets(cluster.name(), APP).unwrap();
        let last = targets.last().unwrap();
        assert_eq!(*last, [(v2.clone(), 0, 0), (v3.clone(), 100, 100)]);
    }
    let commits = scene.ensure_one_line().unwrap();
    scene.reached(&format!("the state branch is one line of {commits} commits"));
}

/// Every process is killed twice, the hub's data lost once, the Git server away once, in an order and at moments that differ.
async fn blows(scene: &Scene, git: &Mutex<()>) {
    let seed = rand::random();
    scene.reached(&format!("the blows are those of seed {seed}"));
    let mut random = StdRng::seed_from_u64(seed);
    let mut blows: Vec<Blow> = [0, 1, 2].map(Blow::Agent).repeat(2);
    blows.extend([Blow::Hub, Blow::Hub, Blow::HubData, Blow::Git]);
    blows.shuffle(&mut random);
    for blow in blows {
        tokio::time::sleep(Duration::from_millis(random.random_range(100..2_500))).await;
        scene.reached(&format!("{blow:?}"));
        match blow {
            Blow::Agent(number) => scene.agents[number].restart().unwrap(),
            Blow::Hub => scene.hub().process.restart().unwrap(),
            Blow::HubData => scene.hub().restart_with_nothing().unwrap(),
            Blow::Git => {
                let _nobody_pushes = git.lock().await;
                scene.git.service().switch_off().unwrap();
                tokio::time::sleep(GIT_AWAY).await;
                scene.git.service().switch_on().unwrap();
            }
        }
    }
}

async fn rollouts(scene: &Scene, git: &Mutex<()>, v1: &str) -> (String, String) {
    let v2 = rollout(scene, git, v1, ("tag: v1", "tag: v2")).await;
    let v3 = rollout(scene, git, &v2, ("tag: v2", "tag: v3")).await;
    (v2, v3)
}

async fn rollout(scene: &Scene, git: &Mutex<()>, old: &str, (from, to): (&str, &str)) -> String {
    let pushing = git.lock().await;
    scene.edit(APP, from, to).unwrap();
    drop(pushing);
    let new = scene.contender_after(APP, old, AT_LENGTH).await.unwrap();
    let steps = [
        ("50/50", WaitingFor::WaitingForCommand, [(old, seen(2, 2)), (&new, seen(2, 2))], None),
        ("full on", WaitingFor::None, [(old, seen(0, 0)), (&new, seen(4, 4))], Some(&new)),
    ];
    scene.wait_until(APP, &new, 0, WaitingFor::WaitingForCommand, AT_LENGTH).await.unwrap();
    for (number, (step, waiting, releases, corked)) in steps.into_iter().enumerate() {
        let pushing = git.lock().await;
        scene.promote(APP, &new, step).unwrap();
        drop(pushing);
        let sight = Sight::of(&releases, corked.map(String::as_str));
        scene.wait_for(APP, &sight, AT_LENGTH).await.unwrap();
        scene.wait_until(APP, &new, number + 1, waiting, AT_LENGTH).await.unwrap();
        scene.reached(&format!("{new} is at {step}"));
    }
    new
}

/// A step is taken once the one before it is achieved, and what is achieved stays so.
pub fn ensure_in_order(before: &Stage, after: &Stage) -> Result<()> {
    let on = after.step == before.step + 1 && before.achieved == Some(before.step);
    ensure!(after.step == before.step || on, "{before:?}, then {after:?}");
    ensure!(after.achieved >= before.achieved, "{before:?}, then {after:?}");
    ensure!(after.complete || !before.complete, "{before:?}, then {after:?}");
    Ok(())
}

/// The UIDs of what must outlive every rollout.
async fn identities(clients: &[Client], namespace: &str) -> Result<Vec<(Option<String>, Option<String>)>> {
    let mut found = Vec::new();
    for client in clients {
        let service: Service = Api::namespaced(client.clone(), namespace).get(APP).await?;
        let account: ServiceAccount = Api::namespaced(client.clone(), namespace).get(APP).await?;
        found.push((service.metadata.uid, account.metadata.uid));
    }
    Ok(found)
}
