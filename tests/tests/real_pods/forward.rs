//! Step by step, by a skip, and back, under load, with proxies that lag and with agents and hub that are killed [C1, C2, C5, C6, C9, M2].

use std::time::Duration;

use anyhow::ensure;
use shipper_tests::eventually::eventually;
use shipper_tests::fleet::Fleet;
use shipper_tests::scene::sight::{Sight, seen};

use super::shop::{SOON, Shop};
use super::{blows, skip};

/// How long a proxy stands still, and how long it then runs at least. It has heard of everything once it has caught up after that,
/// which is to be less than the strategy's `settle`: that is there for it.
const LAG: Duration = Duration::from_millis(1_000);

#[tokio::test]
async fn no_request_is_lost_on_the_way_forward_by_a_skip_and_back() {
    let Some(fleet) = skip::fleet("no_request_is_lost_on_the_way_forward_by_a_skip_and_back").await else {
        return;
    };
    let shop = Shop::open(&fleet, "forward").await;
    let v1 = shop.v1.as_str();
    shop.ensure_shares(&[("v1", 8)]).await;

    let v2 = shop.ask_for(v1, ("v1", "v2")).await.0;
    shop.ensure_shares(&[("v1", 8)]).await;
    shop.step(&v2, "quarter", &Sight::of(&[(v1, seen(6, 6)), (&v2, seen(2, 2))], None)).await;
    shop.ensure_shares(&[("v1", 6), ("v2", 2)]).await;
    tokio::select! {
        () = lagging_proxies(&fleet) => {}
        () = async {
            shop.step(&v2, "half", &Sight::of(&[(v1, seen(4, 4)), (&v2, seen(4, 4))], None)).await;
            shop.step(&v2, "full on", &Sight::of(&[(&v2, seen(8, 8))], Some(&v2))).await;
            shop.step(&v2, "half", &Sight::of(&[(v1, seen(4, 4)), (&v2, seen(4, 4))], None)).await;
        } => {}
    }
    resume_proxies(&fleet);
    shop.ensure_shares(&[("v1", 4), ("v2", 4)]).await;
    shop.step(&v2, "full on", &Sight::of(&[(&v2, seen(8, 8))], Some(&v2))).await;
    shop.ensure_shares(&[("v2", 8)]).await;

    blows::beside(&shop.scene, killed(&shop, &v2)).await;
    shop.ensure_none_lost();
}

/// By a skip to the end, back, and forward step by step, to be done while agents and hub are killed.
async fn killed(shop: &Shop, v2: &str) {
    let v3 = shop.ask_for(v2, ("v2", "v3")).await.0;
    shop.step(&v3, "full on", &Sight::of(&[(&v3, seen(8, 8))], Some(&v3))).await;
    shop.ensure_shares(&[("v3", 8)]).await;
    shop.step(&v3, "quarter", &Sight::of(&[(v2, seen(6, 6)), (&v3, seen(2, 2))], None)).await;
    shop.ensure_shares(&[("v2", 6), ("v3", 2)]).await;
    shop.step(&v3, "half", &Sight::of(&[(v2, seen(4, 4)), (&v3, seen(4, 4))], None)).await;
    shop.ensure_shares(&[("v2", 4), ("v3", 4)]).await;
}

/// Every proxy stands still for a while, again and again, but never before it has caught up: on a slow machine two pauses would be one.
async fn lagging_proxies(fleet: &Fleet) {
    loop {
        for cluster in fleet.clusters() {
            cluster.real_node().unwrap().kube_proxy.pause().unwrap();
        }
        tokio::time::sleep(LAG).await;
        resume_proxies(fleet);
        tokio::time::sleep(LAG).await;
        for cluster in fleet.clusters() {
            eventually(SOON, async || {
                let proxy = cluster.real_node()?.proxy().await?;
                ensure!(!proxy.is_behind(), "the proxy of {} is behind", cluster.name());
                anyhow::Ok(())
            })
            .await;
        }
    }
}

fn resume_proxies(fleet: &Fleet) {
    for cluster in fleet.clusters() {
        cluster.real_node().unwrap().kube_proxy.resume().unwrap();
    }
}
