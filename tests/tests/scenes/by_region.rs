//! Clusters chosen by label and by region, by the strategy of the book: the vanguard, half of a region, the region, all; and back [M2, M3, M4].

use std::collections::BTreeSet;

use anyhow::ensure;
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, STATE_BRANCH, Scene};

use super::story::{APP, Floor, SOON};

const STRATEGY: &str = include_str!("../../../examples/strategies/strategies/vanguard.yaml");
/// Labels and regions as in the example: two clusters in one region, of which one is the vanguard, and one elsewhere.
const CLUSTERS: [(&str, &str, &str); 3] =
    [("cluster-1", "canary", "eu"), ("cluster-2", "production", "eu"), ("cluster-3", "production", "us")];

#[tokio::test]
async fn a_rollout_goes_by_regions_and_comes_back() {
    let scene = Scene::start(Options::named("region")).await.unwrap();
    let v1 = complete(&scene).await;
    let floor = Floor::watch(&scene).await;
    let start = scene.state.head(STATE_BRANCH).unwrap().unwrap();
    let elsewhere = scene.tree_of("cluster-3").unwrap();

    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    let (before, after) = (all_of(&v1), Sight::of(&[(&v2, seen(4, 4))], Some(&v2)));
    let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
    // The vanguard goes on by itself, to half of its region.
    scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    stand(&scene, [&after, &half, &before]).await;
    assert_eq!(scene.steps(APP, &v2).unwrap(), [0, 1]);
    let touched = in_order(&scene, &start);
    assert_eq!(touched, ["cluster-1", "cluster-2"], "a step touches the clusters that it chooses");
    scene.reached("half of a region");

    scene.promote(APP, &v2, "europe").unwrap();
    scene.wait_until(APP, &v2, 2, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    stand(&scene, [&after, &after, &before]).await;
    assert_eq!(scene.tree_of("cluster-3").unwrap(), elsewhere, "another region was touched");
    scene.promote(APP, &v2, "everywhere").unwrap();
    scene.wait_until(APP, &v2, 3, WaitingFor::None, SOON).await.unwrap();
    stand(&scene, [&after, &after, &after]).await;
    scene.reached("everywhere");

    // Back to where no other cluster is chosen: they have the old release alone again.
    scene.promote(APP, &v2, "vanguard").unwrap();
    stand(&scene, [&after, &before, &before]).await;
    let status = scene.status(APP).await.unwrap();
    assert!(status.releases.iter().all(|release| release.name.as_str() != v2 || release.complete.is_none()));
    scene.reached("back in the vanguard");
    floor.assert_held(&scene, 4);
}

/// The shop with the strategy of the book, everywhere.
async fn complete(scene: &Scene) -> String {
    let file = scene.file(APP);
    let text = scene.application(APP);
    let (text, _) = text.split_once("    strategy:\n").unwrap();
    let clusters = CLUSTERS.map(|(name, tier, region)| {
        let text = format!(
            "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}, labels: {{tier: {tier}}}}}\nspec: {{region: {region}}}\n"
        );
        (format!("clusters/{name}.yaml"), text)
    });
    let mut files: Vec<(&str, String)> =
        clusters.iter().map(|(file, text)| (file.as_str(), text.clone())).collect();
    files.push(("strategies/vanguard.yaml", quick(STRATEGY)));
    files.push((&file, format!("{text}    strategyRef: vanguard\n")));
    let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (*file, text.as_str())).collect();
    scene.commit(&files, "Add the shop").unwrap();
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    scene.promote(APP, &v1, "everywhere").unwrap();
    scene.wait_until(APP, &v1, 3, WaitingFor::None, SOON).await.unwrap();
    let whole = all_of(&v1);
    stand(scene, [&whole, &whole, &whole]).await;
    v1
}

/// As it is in the book, but for the times and the surge that would make the scene long.
fn quick(strategy: &str) -> String {
    strategy.replace("soak: 20s", "soak: 1s").replace("surge: 1\n", "settle: 1s\n")
}

fn all_of(release: &str) -> Sight {
    Sight::of(&[(release, seen(4, 4))], Some(release))
}

/// Waits until every cluster has what it is to have, empty releases aside.
async fn stand(scene: &Scene, expected: [&Sight; 3]) {
    for ((client, cluster), expected) in
        scene.clients().await.unwrap().iter().zip(scene.fleet.clusters()).zip(expected)
    {
        eventually(SOON, async || {
            let sight = look(client, &scene.namespace, APP).await?.live();
            ensure!(sight == *expected, "{} has {sight}; expected is {expected}", cluster.name());
            anyhow::Ok(())
        })
        .await;
    }
}

/// The clusters whose directories changed, in the order of the first change; no commit changed two of them.
fn in_order(scene: &Scene, since: &str) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    for clusters in scene.touched_since(since).unwrap() {
        let new: BTreeSet<_> = clusters.into_iter().filter(|cluster| !order.contains(cluster)).collect();
        assert!(new.len() <= 1, "one commit touched {new:?} for the first time");
        order.extend(new);
    }
    order
}
