//! A cluster is drained in the middle of a rollout, under load, while agents and hub are killed [S4, C2, C5, C9].

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::load::Load;
use shipper_tests::load::front::Front;
use shipper_tests::scene::endpoints::{EndpointWatch, Moment};
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, Scene};

use super::shop::{self, APP, SOON};
use super::{blows, skip};

const ONE_CLUSTER: &str = "  template:\n    clusterRequirements: {regions: [{name: eu}]}\n";
/// What both releases together are to have, wherever they are.
const PODS: usize = 8;

/// Callers are before both clusters, and find those that take connections. The other one has the whole load, both releases of it, before
/// the one that is drained loses a pod, and what is open there is answered until it ends. Agents and hub are killed meanwhile.
#[tokio::test]
async fn no_request_is_lost_by_a_drain_before_the_other_cluster_has_the_load() {
    let name = "no_request_is_lost_by_a_drain_before_the_other_cluster_has_the_load";
    let Some(fleet) = skip::fleet(name).await else { return };
    let scene = Scene::start_on(fleet.clone(), Options::named("drain")).await.unwrap();
    let (v1, v2) = at_half(&scene).await;
    let places_before = places(&scene).await.unwrap();
    assert_eq!(places_before.len(), 1, "{places_before:?}");
    let home = fleet.cluster(&places_before[0]).unwrap();
    let other = fleet.clusters().iter().find(|cluster| cluster.name() != home.name()).unwrap();
    let (here, there) = (home.client().await.unwrap(), other.client().await.unwrap());
    let half = Sight::of(&[(&v1, seen(4, 4)), (&v2, seen(4, 4))], None);
    assert_eq!(look(&here, &scene.namespace, APP).await.unwrap().live(), half);
    let front = Front::start(fleet.clusters(), &scene.namespace, APP).await.unwrap();
    let load = Load::through(&front).await.unwrap();
    shop::ensure_shares(&scene, &load, home, &[("v1", 4), ("v2", 4)]).await;
    let of_home: BTreeSet<String> = load.answers().into_iter().map(|answer| answer.pod).collect();
    let leaves = EndpointWatch::start(&here, &scene.namespace, APP).await.unwrap();
    let joins = EndpointWatch::start(&there, &scene.namespace, APP).await.unwrap();

    scene.shipperctl(&["clusters", "drain", home.name()]).await.unwrap();
    let drained = async {
        eventually(SOON, async || {
            let left = look(&here, &scene.namespace, APP).await?;
            ensure!(left.releases.is_empty(), "{left}");
            ensure!(places(&scene).await? == [other.name()], "it is still to leave");
            anyhow::Ok(())
        })
        .await;
        scene.reached(&format!("{} is drained", home.name()));
        scene.wait_until(APP, &v2, 2, WaitingFor::WaitingForCommand, SOON).await.unwrap();
        shop::ensure_shares(&scene, &load, other, &[("v1", 4), ("v2", 4)]).await;
    };
    blows::beside(&scene, drained).await;
    assert_eq!(look(&there, &scene.namespace, APP).await.unwrap().live(), half);

    let ready = first(&joins, |moment| moment.of(&v1) == 4 && moment.of(&v2) == 4).unwrap();
    let loses = first(&leaves, |moment| moment.total() < PODS).unwrap();
    assert!(ready < loses, "it loses its first pod {:?} before the other is ready", ready - loses);
    let answers = load.answers();
    let of_both = answers.iter().filter(|answer| answer.at < loses && !of_home.contains(&answer.pod)).count();
    let over_open =
        answers.iter().filter(|answer| answer.kept && answer.at > loses && of_home.contains(&answer.pod));
    let over_open = over_open.count();
    scene.reached(&format!(
        "{}: the other had the load {:?} before, and answered {of_both} requests beside it; {} answered in all, {over_open} over what was \
         open there after; connections that were refused and went to the other: {:?}; lost: {}",
        home.name(),
        loses - ready,
        answers.len(),
        front.refused(),
        load.lost().len()
    ));
    assert!(over_open > 0, "nobody was answered while the pods drained");
    assert_eq!(load.lost(), []);
    scene.ensure_one_line().unwrap();
}

/// The shop in one cluster, half and half.
async fn at_half(scene: &Scene) -> (String, String) {
    shop::add(scene, |text| text.replacen("  template:\n", ONE_CLUSTER, 1));
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    scene.wait_until(APP, &v1, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.promote(APP, &v1, "full on").unwrap();
    scene.wait_until(APP, &v1, 3, WaitingFor::None, SOON).await.unwrap();
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.promote(APP, &v2, "half").unwrap();
    scene.wait_until(APP, &v2, 2, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.reached("half and half");
    (v1, v2)
}

/// The clusters it is in.
async fn places(scene: &Scene) -> Result<Vec<String>> {
    let status = scene.status(APP).await?;
    Ok(status.clusters.iter().map(|cluster| cluster.cluster.to_string()).collect())
}

/// The first moment at which it was so.
fn first(watch: &EndpointWatch, is_so: impl Fn(&Moment) -> bool) -> Result<Instant> {
    let moments = watch.moments();
    let moment = moments.iter().find(|moment| is_so(moment)).context("it never was so")?;
    Ok(moment.at)
}
