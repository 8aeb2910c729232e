//! A release whose pods never become ready [C1, C2, A5].

use std::time::Duration;

use serde_json::Value;
use shipper_core::status::WaitingFor;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON, first_release};

/// A little more than pods that are not ready are waited for.
const GRACE: Duration = Duration::from_secs(12);

/// TestBrokenRolloutAllIn.
#[tokio::test]
async fn a_broken_image_takes_nothing_from_the_incumbent() {
    let scene = Scene::start(Options::named("broken")).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    scene.edit(APP, "image: registry.example/shop", "image: registry.example/broken").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::WaitingForCapacity, SOON).await.unwrap();

    // Going on all the same moves no traffic.
    scene.shipperctl(&["promote", APP, "--step", "50/50"]).await.unwrap();
    scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCapacity, SOON).await.unwrap();
    tokio::time::sleep(GRACE).await;
    let status = scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCapacity, SOON).await.unwrap();
    for client in scene.clients().await.unwrap() {
        let sight = look(&client, &scene.namespace, APP).await.unwrap();
        let (old, new) = (sight.releases[&v1], sight.releases[&v2]);
        assert_eq!((old.replicas, old.ready, old.endpoints), (4, 4, 4), "{sight}");
        assert_eq!((new.replicas, new.ready, new.endpoints), (2, 0, 0), "{sight}");
    }
    assert_eq!(status.waiting.clusters.len(), 3, "{:?}", status.waiting);

    let text = scene.shipperctl(&["status", APP]).await.unwrap();
    scene.reached(&format!("shipperctl status says:\n{text}"));
    for cluster in scene.fleet.clusters() {
        let line = text.lines().find(|line| line.trim_start().starts_with(cluster.name())).unwrap();
        assert!(line.contains("capacity"), "{line}");
    }
    let pods = text.lines().find(|line| line.contains("ImagePullBackOff")).expect(&text);
    assert!(text.contains("registry.example/broken:v1"), "{pods}");
    let json: Value =
        serde_json::from_str(&scene.shipperctl(&["status", APP, "-o", "json"]).await.unwrap()).unwrap();
    assert_eq!(json["waiting"]["state"], "waitingForCapacity");
    for cluster in json["clusters"].as_array().unwrap() {
        assert_eq!(cluster["waiting"], "waitingForCapacity", "{cluster:#}");
        let releases = cluster["releases"].as_array().unwrap();
        let broken = releases.iter().find(|release| release["name"] == v2.as_str()).unwrap();
        assert_eq!(
            (&broken["pods"][0]["reason"], &broken["pods"][0]["count"]),
            (&"ImagePullBackOff".into(), &2.into())
        );
    }

    scene.shipperctl(&["abort", APP]).await.unwrap();
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(4, 4))], Some(&v1)), SOON).await.unwrap();
    scene.wait_until(APP, &v1, 2, WaitingFor::None, SOON).await.unwrap();
    floor.assert_held(&scene, 4);
}
