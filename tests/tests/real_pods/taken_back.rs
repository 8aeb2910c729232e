//! Aborted and superseded in the middle of a shift, rolled back, while agents and hub are killed, under load
//! [C1, C2, C5, C6, C9, M8, M10].

use shipper_tests::scene::sight::{Sight, seen};

use super::shop::{APP, SOON, Shop};
use super::{blows, skip};

#[tokio::test]
async fn no_request_is_lost_by_taking_back_while_agents_and_hub_are_killed() {
    let Some(fleet) = skip::fleet("no_request_is_lost_by_taking_back_while_agents_and_hub_are_killed").await
    else {
        return;
    };
    let shop = Shop::open(&fleet, "back").await;
    blows::beside(&shop.scene, rollouts(&shop)).await;
    shop.ensure_none_lost();
}

async fn rollouts(shop: &Shop) {
    let v1 = shop.v1.as_str();
    let (v2, asked) = shop.ask_for(v1, ("v1", "v2")).await;
    shop.begin_half(&v2).await;
    shop.scene.revert(&asked).unwrap();
    shop.full(v1).await;
    shop.ensure_shares(&[("v1", 8)]).await;

    let v3 = shop.ask_for(v1, ("v1", "v3")).await.0;
    shop.begin_half(&v3).await;
    shop.scene.edit(APP, "tag: v3", "tag: v4").unwrap();
    let v4 = shop.scene.contender_after(APP, &v3, SOON).await.unwrap();
    let staging = Sight::of(&[(v1, seen(8, 8)), (&v4, seen(1, 0))], Some(v1));
    shop.scene.wait_for_live(APP, &staging, SOON).await.unwrap();
    shop.scene.reached(&format!("{v4} has superseded {v3}"));
    shop.ensure_shares(&[("v1", 8)]).await;
    shop.step(&v4, "full on", &Sight::of(&[(&v4, seen(8, 8))], Some(&v4))).await;
    shop.ensure_shares(&[("v4", 8)]).await;

    // To the one before, which is the first: at once, without steps.
    shop.scene.edit(APP, "tag: v4", "tag: v1").unwrap();
    shop.full(v1).await;
    shop.ensure_shares(&[("v1", 8)]).await;
}
