//! Parts that several scenes share: the shop's first release, the way through the steps, the floor under its traffic.

use std::time::{Duration, Instant};

use anyhow::ensure;
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_tests::eventually::eventually;
use shipper_tests::scene::Scene;
use shipper_tests::scene::endpoints::EndpointWatch;
use shipper_tests::scene::sight::{Sight, look, seen};

/// How long anything may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(60);
/// The application of these scenes.
pub const APP: &str = "shop";

/// The first release, full on everywhere.
pub async fn first_release(scene: &Scene) -> String {
    first_release_of(scene, &scene.application(APP)).await
}

/// As [`first_release`], of a file with the same steps.
pub async fn first_release_of(scene: &Scene, text: &str) -> String {
    scene.commit(&[(&scene.file(APP), text)], "Add the shop").unwrap();
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    // There is no incumbent: staging is one pod without traffic.
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(1, 0))], None), SOON).await.unwrap();
    scene.wait_until(APP, &v1, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.promote(APP, &v1, "full on").unwrap();
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(4, 4))], Some(&v1)), SOON).await.unwrap();
    scene.wait_until(APP, &v1, 2, WaitingFor::None, SOON).await.unwrap();
    scene.reached(&format!("{v1} is complete"));
    v1
}

/// The new release beside the whole old one, without traffic.
pub async fn staging(scene: &Scene, old: &str, new: &str) {
    let staging = Sight::of(&[(old, seen(4, 4)), (new, seen(1, 0))], Some(old));
    scene.wait_for(APP, &staging, SOON).await.unwrap();
    scene.wait_until(APP, new, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
}

/// At this moment the new release has one pod without traffic in every cluster, and the old one all of it.
pub async fn staging_stands(scene: &Scene, old: &str, new: &str) {
    for (client, cluster) in scene.clients().await.unwrap().iter().zip(scene.fleet.clusters()) {
        let sight = look(client, &scene.namespace, APP).await.unwrap();
        let of = |release: &str| sight.releases.get(release).copied();
        let stands = of(old) == Some(seen(4, 4)) && of(new) == Some(seen(1, 0));
        assert!(stands && sight.corked.as_deref() == Some(old), "{} has {sight}", cluster.name());
    }
}

/// The new release with a strategy of its own, in one commit.
pub fn release_with(scene: &Scene, (from, to): (&str, &str), strategy: &str) {
    let file = scene.file(APP);
    scene.desk.pull().unwrap();
    let text = scene.desk.read(&file).unwrap();
    let (before, _) = text.split_once("    strategy:\n").unwrap();
    let text = format!("{}{strategy}", before.replace(from, to));
    scene.commit(&[(&file, &text)], &format!("{APP}: {to}, with its own strategy")).unwrap();
}

/// Waits until what the rollout waits for is told in these words.
pub async fn told(scene: &Scene, words: &[&str]) -> ApplicationStatus {
    eventually(SOON, || async {
        let status = scene.status(APP).await?;
        let message = &status.waiting.message;
        ensure!(words.iter().all(|word| message.contains(word)), "{words:?} is not all in: {message}");
        anyhow::Ok(status)
    })
    .await
}

/// Orders a step of the release once more, once what failed at it is mended.
pub fn measure_again(scene: &Scene, release: &str, step: &str, request: &str) {
    let file = scene.file(APP);
    scene.desk.pull().unwrap();
    let text = scene.desk.read(&file).unwrap();
    let rest = text.split("  rollout:").next().unwrap();
    let order = format!("  rollout: {{release: {release}, targetStep: {step}, request: {request}}}\n");
    scene.commit(&[(&file, &format!("{rest}{order}"))], "Measure again").unwrap();
}

/// Waits until a cluster has begun to raise the new release.
pub async fn under_way(scene: &Scene, new: &str) {
    let client = scene.fleet.clusters()[0].client().await.unwrap();
    eventually(SOON, async || {
        let sight = look(&client, &scene.namespace, APP).await?;
        let replicas = sight.releases.get(new).map_or(0, |release| release.replicas);
        ensure!(replicas > 1, "{new} has {replicas} replicas");
        Ok::<_, anyhow::Error>(())
    })
    .await;
}

/// On to half and half.
pub async fn half(scene: &Scene, old: &str, new: &str) {
    scene.promote(APP, new, "50/50").unwrap();
    let half = Sight::of(&[(old, seen(2, 2)), (new, seen(2, 2))], None);
    scene.wait_for(APP, &half, SOON).await.unwrap();
    scene.wait_until(APP, new, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.reached(&format!("{new} is at 50/50"));
}

/// On to the end: the old release is empty, the new one complete.
pub async fn full_on(scene: &Scene, old: &str, new: &str) {
    scene.promote(APP, new, "full on").unwrap();
    let full = Sight::of(&[(old, seen(0, 0)), (new, seen(4, 4))], Some(new));
    scene.wait_for(APP, &full, SOON).await.unwrap();
    let status = scene.wait_until(APP, new, 2, WaitingFor::None, SOON).await.unwrap();
    let release = status.releases.iter().find(|release| release.name.as_str() == new).unwrap();
    assert!(release.complete.is_some(), "{release:?}");
    scene.reached(&format!("{new} is complete"));
}

/// A watch on who has traffic, in every cluster.
pub struct Floor {
    since: Instant,
    watches: Vec<EndpointWatch>,
}

impl Floor {
    /// Watches from now on.
    pub async fn watch(scene: &Scene) -> Self {
        let since = Instant::now();
        let mut watches = Vec::new();
        for client in scene.clients().await.unwrap() {
            watches.push(EndpointWatch::start(&client, &scene.namespace, APP).await.unwrap());
        }
        Self { since, watches }
    }

    /// The watch of each cluster.
    pub fn watches(&self) -> &[EndpointWatch] {
        &self.watches
    }

    /// Never were fewer addresses ready than `floor`, in no cluster [C2].
    pub fn assert_held(&self, scene: &Scene, floor: usize) {
        for (cluster, watch) in scene.fleet.clusters().iter().zip(&self.watches) {
            let moments = watch.moments_since(self.since);
            let fewest = watch.fewest_since(self.since);
            scene.reached(&format!(
                "{}: at least {fewest} ready addresses at {} moments",
                cluster.name(),
                moments.len()
            ));
            assert!(fewest >= floor, "{} had {fewest} ready addresses: {moments:?}", cluster.name());
        }
    }
}

/// Waits until every cluster has said what it has free [S1].
pub async fn room_is_known(scene: &Scene) {
    eventually(SOON, async || {
        let clusters = scene.hub().status().await?.clusters;
        let all = scene.fleet.clusters().len();
        // Before the hub has read the repository, it names none.
        ensure!(clusters.len() == all, "the hub knows {} of {all} clusters", clusters.len());
        for cluster in clusters {
            ensure!(cluster.free.is_some(), "{} has not said what is free", cluster.name);
        }
        anyhow::Ok(())
    })
    .await;
}
