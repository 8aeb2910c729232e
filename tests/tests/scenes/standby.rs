//! Two hubs with databases of their own: one acts, and the other stands by until the agents have been without a hub for a while [A6].

use anyhow::{Result, ensure};
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Hub, Options, Scene};

use super::chaos::ensure_in_order;
use super::story::{APP, Floor, SOON, first_release, staging, under_way};

#[tokio::test]
async fn a_hub_on_another_database_stands_by_and_takes_over_in_the_middle_of_a_step() {
    let mut scene = Scene::start(Options { hubs: 2, ..Options::named("standby") }).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    staging(&scene, &v1, &v2).await;
    stands_by(&scene.hubs[1]).await;
    assert_eq!(epoch(&scene.hubs[0]).await.unwrap(), 1);

    // It stands still, as a machine does that is paused: nobody closes a connection.
    scene.promote(APP, &v2, "50/50").unwrap();
    under_way(&scene, &v2).await;
    scene.hub().process.pause().unwrap();
    scene.reached("hub-1 stands still in the middle of the step");
    scene.send_agents_to(&scene.hubs[1]).unwrap();
    let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
    scene.wait_for(APP, &half, SOON).await.unwrap();
    // Whom the scene asks from now on.
    scene.hubs.swap(0, 1);
    scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    assert_eq!(epoch(scene.hub()).await.unwrap(), 2);
    scene.reached("hub-2 has taken over");

    // The first wakes, and believes for a moment that it acts.
    scene.hubs[1].process.resume().unwrap();
    scene.promote(APP, &v2, "full on").unwrap();
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    scene.wait_for(APP, &full, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 2, WaitingFor::None, SOON).await.unwrap();
    stands_by(&scene.hubs[1]).await;
    scene.reached("hub-1 stands by");
    assert_eq!(epoch(scene.hub()).await.unwrap(), 2);

    floor.assert_held(&scene, 4);
    let stages = scene.stages(APP, &v2).unwrap();
    assert_eq!(scene.steps(APP, &v2).unwrap(), [0, 1, 2], "{stages:?}");
    stages.windows(2).for_each(|pair| ensure_in_order(&pair[0], &pair[1]).unwrap());
    scene.ensure_one_line().unwrap();
}

async fn epoch(hub: &Hub) -> Result<u64> {
    Ok(hub.status().await?.epoch)
}

/// It is ready for agents that find no other hub, and sends everybody else on.
async fn stands_by(hub: &Hub) {
    let name = hub.process.name();
    eventually(SOON, async || {
        for (path, expected) in [("/readyz", 200), ("/actz", 503), ("/api/v1/applications", 503)] {
            let answer = reqwest::get(format!("{}{path}", hub.url)).await?;
            let (status, text) = (answer.status().as_u16(), answer.text().await?);
            ensure!(status == expected, "{name}: {path} answers {status}: {text}");
            ensure!(status == 200 || text.contains("\"reason\":\"StandsBy\""), "{name}: {path}: {text}");
        }
        Ok::<_, anyhow::Error>(())
    })
    .await;
}
