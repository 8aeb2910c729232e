//! Two hubs on one repository that share a database, each stopped between its read and its push, so that both win and lose races [A6, A1].
//!
//! The agents report to the first alone: the second knows what they say from the database, and undoes nothing while that is late.

use std::time::Duration;

use anyhow::{Result, ensure};
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::postgres::possible;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Hub, Options, STATE_BRANCH, Scene};

use super::chaos::ensure_in_order;
use super::story::{APP, Floor, SOON, first_release};

/// The one that a hub waits before it looks at a repository of which nobody tells it.
const POLL: Duration = Duration::from_secs(30);

const TWO: Options = Options { hubs: 2, postgres: true, ..Options::named("hubs") };

#[tokio::test]
async fn two_hubs_on_one_repository_make_one_history() {
    races("two_hubs_on_one_repository_make_one_history", TWO, "fleet.git").await;
}

#[tokio::test]
async fn two_hubs_make_one_history_in_a_repository_of_its_own() {
    let options = Options { name: "hubs-state", state_repository: true, ..TWO };
    races("two_hubs_make_one_history_in_a_repository_of_its_own", options, "state.git").await;
}

async fn races(test: &str, options: Options, state: &str) {
    if !possible(test) {
        return;
    }
    let scene = Scene::start(options).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    let [one, two] = &scene.hubs[..] else { panic!("there are two hubs") };

    race(&scene, (one, two), state, || scene.edit(APP, "tag: v1", "tag: v2")).await;
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    race(&scene, (two, one), state, || scene.promote(APP, &v2, "50/50")).await;
    let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
    scene.wait_for(APP, &half, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    race(&scene, (one, two), state, || scene.promote(APP, &v2, "full on")).await;
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    scene.wait_for(APP, &full, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 2, WaitingFor::None, SOON).await.unwrap();

    floor.assert_held(&scene, 4);
    let followed = two.counter("shipper_hub_clusters_followed_total").await.unwrap();
    scene.reached(&format!("{} read {followed} times what agents told the other", two.process.name()));
    assert!(followed > 0, "[A6] it knows what agents say from the database");
    for hub in [one, two] {
        let won = hub.counter("shipper_hub_pushes_total").await.unwrap();
        let lost = hub.counter("shipper_hub_lost_races_total").await.unwrap();
        scene.reached(&format!("{} won {won} races and lost {lost}", hub.process.name()));
        assert!(won > 0 && lost > 0, "{} won {won} races and lost {lost}", hub.process.name());
    }
    let stages = scene.stages(APP, &v2).unwrap();
    assert_eq!(scene.steps(APP, &v2).unwrap(), [0, 1, 2], "{stages:?}");
    stages.windows(2).for_each(|pair| ensure_in_order(&pair[0], &pair[1]).unwrap());
    assert!(stages.last().is_some_and(|stage| stage.complete), "{stages:?}");
    for cluster in scene.fleet.clusters() {
        let share = |name: &String, capacity, traffic| (name.clone(), capacity, traffic);
        let expected = [
            vec![share(&v1, 1, 0)],
            vec![share(&v1, 100, 100)],
            vec![share(&v1, 100, 100), share(&v2, 1, 0)],
            vec![share(&v1, 50, 50), share(&v2, 50, 50)],
            vec![share(&v1, 0, 0), share(&v2, 100, 100)],
        ];
        assert_eq!(scene.targets(cluster.name(), APP).unwrap(), expected, "{}", cluster.name());
    }
    scene.ensure_one_line().unwrap();
}

/// Both read the same commit of `main` and want to push; `loser` is stopped before its push, and goes on after `winner` has pushed.
async fn race(
    scene: &Scene,
    (loser, winner): (&Hub, &Hub),
    state: &str,
    commit: impl FnOnce() -> Result<String>,
) {
    let before = scene.state.head(STATE_BRANCH).unwrap();
    winner.process.pause().unwrap();
    let push = format!("/{}/{state}/info/refs?service=git-receive-pack", loser.process.name());
    let mut held = scene.git.hold(&push);
    commit().unwrap();
    tokio::time::timeout(POLL, held.arrived()).await.expect("it wants to push").unwrap();
    loser.process.pause().unwrap();
    winner.process.resume().unwrap();
    eventually(POLL, async || {
        ensure!(scene.state.head(STATE_BRANCH)? != before, "the other has not pushed");
        anyhow::Ok(())
    })
    .await;
    drop(held);
    loser.process.resume().unwrap();
    let lost = format!("{} lost against {}", loser.process.name(), winner.process.name());
    scene.reached(&lost);
}
