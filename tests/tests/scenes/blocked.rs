//! Somebody stops rollouts in the middle of one, and lets them go on [B1 to B4].

use anyhow::ensure;
use shipper_core::status::{BlockStatus, WaitingFor};
use shipper_core::why::{Rule, Why};
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON, first_release, staging};

#[tokio::test]
async fn a_block_holds_a_rollout_where_it_is_and_a_return_goes_on() {
    let scene = Scene::start(Options::named("blocked")).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    let asked = scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    staging(&scene, &v1, &v2).await;

    let block = format!("{}/incident", scene.namespace);
    scene.shipperctl(&["blocks", "add", &block, "--reason", "Incident 4711"]).await.unwrap();
    let status = scene.wait_until(APP, &v2, 0, WaitingFor::Blocked, SOON).await.unwrap();
    assert!(status.waiting.message.contains("Incident 4711"), "{:?}", status.waiting);
    scene.promote(APP, &v2, "50/50").unwrap();
    // A block that nobody can read stops everything too, and the hub has read both when it says so.
    scene.commit(&[("blocks/typo.yaml", "kind: RolloutBlok\n")], "Block everything").unwrap();
    let blocks = blocks(&scene, 2).await;
    assert!(blocks[0].problem.is_some() && blocks.iter().all(|block| block.in_force), "{blocks:?}");
    let status = scene.wait_until(APP, &v2, 0, WaitingFor::Blocked, SOON).await.unwrap();
    assert_eq!(
        status.releases.iter().filter(|release| release.step == 1).count(),
        0,
        "{:?}",
        status.releases
    );

    let app = format!("{}/{APP}", scene.namespace);
    let why: Why =
        serde_json::from_str(&scene.shipperctl(&["why", &app, "-o", "json"]).await.unwrap()).unwrap();
    let blocked = why.decisions.iter().filter(|because| because.rule == Rule::B1);
    assert!(blocked.flat_map(|because| &because.objects).any(|object| *object == block), "{why:#?}");

    scene.shipperctl(&["blocks", "remove", "typo"]).await.unwrap();
    scene.shipperctl(&["blocks", "remove", &block]).await.unwrap();
    let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
    scene.wait_for(APP, &half, SOON).await.unwrap();

    // A return goes on under a block.
    scene.shipperctl(&["blocks", "add", "holidays", "--reason", "Nobody is here"]).await.unwrap();
    self::blocks(&scene, 1).await;
    scene.revert(&asked).unwrap();
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(4, 4))], Some(&v1)), SOON).await.unwrap();
    floor.assert_held(&scene, 4);
}

/// Waits until the hub tells of so many blocks.
async fn blocks(scene: &Scene, count: usize) -> Vec<BlockStatus> {
    eventually(SOON, async || {
        let text = scene.shipperctl(&["blocks", "list", "-o", "json"]).await?;
        let blocks: Vec<BlockStatus> = serde_json::from_str(&text)?;
        ensure!(blocks.len() == count, "the hub tells of {} blocks, not {count}", blocks.len());
        Ok::<_, anyhow::Error>(blocks)
    })
    .await
}
