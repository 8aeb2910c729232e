//! Floor and ceiling at every event, in every direction, also while the controllers stand still [C1, C2, C5, C6, C9, M2, M8, M10].
//!
//! 20 replicas and a surge of 10 %: whatever the step, 20 pods are to have traffic, and there may be 22. The controller
//! manager of the second cluster is stopped whenever something has just begun that needs it to end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use shipper_core::ReleaseName;
use shipper_core::converge::traffic_goals;
use shipper_core::status::WaitingFor;
use shipper_tests::cluster;
use shipper_tests::eventually::eventually;
use shipper_tests::fleet::Fleet;
use shipper_tests::scene::bounds::BoundsWatch;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, Scene};

use super::stops::{Moment, Stops};
use super::story::APP;

const APPLICATION: &str = include_str!("files/twenty.yaml");
const REPLICAS: u32 = 20;
const FLOOR: usize = 20;
const CEILING: usize = 22;
/// A step in slices of two pods, on a busy machine, with the controllers stopped now and then.
const AT_LENGTH: Duration = Duration::from_secs(120);

#[tokio::test]
async fn floor_and_ceiling_hold_at_every_event_in_every_direction() {
    let options = ["steady", "stopped"].map(cluster::Options::named).to_vec();
    let fleet = Arc::new(Fleet::start(options).await.unwrap());
    let scene = Scene::start_on(fleet.clone(), Options::named("bounds")).await.unwrap();
    let text = APPLICATION.replace("$APP", APP).replace("$NAMESPACE", &scene.namespace);
    scene.commit(&[(&scene.file(APP), &text)], "Add the shop").unwrap();
    let v1 = scene.contender_after(APP, "", AT_LENGTH).await.unwrap();
    scene.wait_until(APP, &v1, 0, WaitingFor::WaitingForCommand, AT_LENGTH).await.unwrap();
    step(&scene, &v1, "full on", &[(&v1, 20)]).await;

    let mut watches = Vec::new();
    for client in scene.clients().await.unwrap() {
        watches.push(BoundsWatch::start(&client, &scene.namespace, APP).await.unwrap());
    }
    let stops = Stops::begin(&fleet.clusters()[1], &scene.namespace, APP).await.unwrap();

    stops.arm();
    let v2 = next(&scene, &v1, ("tag: v1", "tag: v2")).await.0;
    step(&scene, &v2, "half", &[(&v1, 10), (&v2, 10)]).await;
    stops.arm();
    step(&scene, &v2, "full on", &[(&v2, 20)]).await;
    check(&scene, &watches, "forward");

    stops.arm();
    let (v3, asked) = next(&scene, &v2, ("tag: v2", "tag: v3")).await;
    step(&scene, &v3, "full on", &[(&v3, 20)]).await;
    check(&scene, &watches, "skip");

    stops.arm();
    step(&scene, &v3, "tenth", &[(&v2, 18), (&v3, 2)]).await;
    check(&scene, &watches, "back, from complete");

    stops.arm();
    scene.promote(APP, &v3, "half").unwrap();
    under_way(&scene, &v3).await;
    scene.revert(&asked).unwrap();
    settled(&scene, &[(&v2, 20)]).await;
    check(&scene, &watches, "abort in the middle of a shift");

    stops.arm();
    let v4 = next(&scene, &v2, ("tag: v2", "tag: v4")).await.0;
    scene.promote(APP, &v4, "half").unwrap();
    under_way(&scene, &v4).await;
    scene.edit(APP, "tag: v4", "tag: v5").unwrap();
    let v5 = scene.contender_after(APP, &v4, AT_LENGTH).await.unwrap();
    settled(&scene, &[(&v2, 18), (&v5, 2)]).await;
    check(&scene, &watches, "supersede in the middle of a shift");

    let stopped = stops.end();
    for moment in Moment::ALL {
        let count = stopped.iter().filter(|stopped| **stopped == moment).count();
        scene.reached(&format!("the controllers were stopped {count} times after {moment:?}"));
        assert!(count >= 3, "{stopped:?}");
    }
    ensure_promised(&scene).unwrap();
}

/// A new release, at its first step; and the commit that asked for it.
async fn next(scene: &Scene, old: &str, (from, to): (&str, &str)) -> (String, String) {
    let asked = scene.edit(APP, from, to).unwrap();
    let new = scene.contender_after(APP, old, AT_LENGTH).await.unwrap();
    settled(scene, &[(old, 18), (&new, 2)]).await;
    scene.wait_until(APP, &new, 0, WaitingFor::WaitingForCommand, AT_LENGTH).await.unwrap();
    (new, asked)
}

async fn step(scene: &Scene, release: &str, step: &str, pods: &[(&str, u32)]) {
    scene.promote(APP, release, step).unwrap();
    settled(scene, pods).await;
    let (number, waiting) = match step {
        "tenth" => (0, WaitingFor::WaitingForCommand),
        "half" => (1, WaitingFor::WaitingForCommand),
        _ => (2, WaitingFor::None),
    };
    scene.wait_until(APP, release, number, waiting, AT_LENGTH).await.unwrap();
}

/// Exactly these pods, all with traffic, in both clusters.
async fn settled(scene: &Scene, pods: &[(&str, u32)]) {
    let releases: Vec<_> = pods.iter().map(|(release, count)| (*release, seen(*count, *count))).collect();
    let corked = if let [(only, _)] = pods { Some(*only) } else { None };
    scene.wait_for_live(APP, &Sight::of(&releases, corked), AT_LENGTH).await.unwrap();
}

/// The release has some of the traffic that it was promised in each cluster, and in none has it all.
async fn under_way(scene: &Scene, release: &str) {
    for client in scene.clients().await.unwrap() {
        eventually(AT_LENGTH, async || {
            let sight = look(&client, &scene.namespace, APP).await?;
            let pods = sight.releases.get(release).context("not there yet")?.endpoints;
            ensure!(pods > 3, "{sight}");
            anyhow::Ok(())
        })
        .await;
    }
}

fn check(scene: &Scene, watches: &[BoundsWatch], phase: &str) {
    for (cluster, watch) in scene.fleet.clusters().iter().zip(watches) {
        let pictures = watch.ensure_within(FLOOR, CEILING);
        let pictures = pictures.with_context(|| format!("{}: {phase}", cluster.name())).unwrap();
        scene.reached(&format!("{}: held at {pictures} events until {phase}", cluster.name()));
    }
}

/// The bounds are what the targets promise: every one of them wants 20 pods, all of them with traffic.
fn ensure_promised(scene: &Scene) -> Result<()> {
    let targets = scene.targets(scene.fleet.clusters()[0].name(), APP)?;
    // The first is that of the first release alone.
    for target in targets.iter().skip(1) {
        let releases: Vec<(ReleaseName, u32, u32)> = target
            .iter()
            .map(|(name, capacity, weight)| {
                (name.as_str().into(), (REPLICAS * u32::from(*capacity)).div_ceil(100), *weight)
            })
            .collect();
        let goals = traffic_goals(releases.iter().map(|(name, desired, weight)| (name, *desired, *weight)));
        let desired: u32 = releases.iter().map(|(_, desired, _)| desired).sum();
        ensure!((goals.total, desired) == (REPLICAS, REPLICAS), "{target:?} wants other numbers");
    }
    Ok(())
}
