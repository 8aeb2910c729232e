//! A chart application through three releases, moved by commits alone [C1, C2, C5, C6, M1, M7, R7].

use std::time::{Duration, Instant};

use shipper_core::status::WaitingFor;
use shipper_tests::scene::endpoints::EndpointWatch;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

const SOON: Duration = Duration::from_secs(40);
const APP: &str = "shop";

#[tokio::test]
async fn three_releases_step_by_step() {
    let scene = Scene::start(Options::named("rollout")).await.unwrap();
    let v1 = first_release(&scene).await;
    let mut watches = Vec::new();
    for client in scene.clients().await.unwrap() {
        watches.push(EndpointWatch::start(&client, &scene.namespace, APP).await.unwrap());
    }
    let began = Instant::now();

    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    walk(&scene, &v1, &v2).await;

    scene.edit(APP, "tag: v2", "tag: v3").unwrap();
    let v3 = scene.contender_after(APP, &v2, SOON).await.unwrap();
    walk(&scene, &v2, &v3).await;
    // The first is gone by now: `walk` expects no release but its two.

    for (cluster, watch) in scene.fleet.clusters().iter().zip(&watches) {
        let fewest = watch.fewest_since(began);
        let moments = watch.moments().len();
        scene.reached(&format!("{}: at least {fewest} ready addresses at {moments} moments", cluster.name()));
        assert!(fewest >= 4, "{} had {fewest} ready addresses: {:?}", cluster.name(), watch.moments());
    }
    for release in [&v2, &v3] {
        assert_eq!(scene.steps(APP, release).unwrap(), [0, 1, 2]);
    }
    scene.ensure_one_line().unwrap();
}

/// The first release, full on everywhere.
async fn first_release(scene: &Scene) -> String {
    scene.commit(&[(&scene.file(APP), &scene.application(APP))], "Add the shop").unwrap();
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    // There is no incumbent: staging is one pod without traffic.
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(1, 0))], None), SOON).await.unwrap();
    scene.wait_until(APP, &v1, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.promote(APP, &v1, "full on").unwrap();
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(4, 4))], Some(&v1)), SOON).await.unwrap();
    scene.wait_until(APP, &v1, 2, WaitingFor::None, SOON).await.unwrap();
    v1
}

/// From staging over half to full on; what is seen at each step is what the strategy says.
async fn walk(scene: &Scene, old: &str, new: &str) {
    let staging = Sight::of(&[(old, seen(4, 4)), (new, seen(1, 0))], Some(old));
    scene.wait_for(APP, &staging, SOON).await.unwrap();
    scene.wait_until(APP, new, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();

    scene.promote(APP, new, "50/50").unwrap();
    let half = Sight::of(&[(old, seen(2, 2)), (new, seen(2, 2))], None);
    scene.wait_for(APP, &half, SOON).await.unwrap();
    scene.wait_until(APP, new, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();

    scene.promote(APP, new, "full on").unwrap();
    let full = Sight::of(&[(old, seen(0, 0)), (new, seen(4, 4))], Some(new));
    scene.wait_for(APP, &full, SOON).await.unwrap();
    let status = scene.wait_until(APP, new, 2, WaitingFor::None, SOON).await.unwrap();
    let release = status.releases.iter().find(|release| release.name.as_str() == new).unwrap();
    assert!(release.complete.is_some(), "{release:?}");
}
