//! An analysis in the vanguard's cluster, by a real Prometheus, decides whether the others are touched [A4, M3].

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use serde_json::json;
use shipper_core::status::WaitingFor;
use shipper_tests::cluster::Cluster;
use shipper_tests::fleet;
use shipper_tests::prometheus::{PASSWORD, Prometheus, USER};
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, STATE_BRANCH, Scene};

use super::story::{APP, SOON, first_release, measure_again, release_with, told};

const STRATEGY: &str = include_str!("files/measured.yaml");

/// What the clusters that are no vanguard would notice by: their directories, as Git knows them, and how often anybody wrote to
/// their API servers.
fn others(scene: &Scene) -> BTreeMap<String, (String, usize)> {
    let others = scene.fleet.clusters().iter().skip(1);
    let seen = others.map(|cluster| {
        (
            cluster.name().to_owned(),
            (scene.tree_of(cluster.name()).unwrap(), writes(cluster, &scene.namespace)),
        )
    });
    seen.collect()
}

/// Writes in a namespace, but for the Lease that an agent keeps, and what controllers tell of what is over.
fn writes(cluster: &Cluster, namespace: &str) -> usize {
    let events = cluster.audit_events(Some(namespace)).unwrap();
    let writes = events.iter().filter(|event| {
        let reads = ["get", "list", "watch"].map(|verb| event["verb"] == verb).contains(&true);
        let aside = ["leases", "events"].map(|kind| event["objectRef"]["resource"] == kind).contains(&true);
        !reads && !aside
    });
    writes.count()
}

fn names(clusters: &[&str]) -> BTreeSet<String> {
    clusters.iter().map(|name| (*name).to_owned()).collect()
}

/// Scene 5: one cluster of five is the vanguard. The first step touches it and no other, in Git and at the API servers, and a failed
/// analysis there stops everything before the others notice; the next step touches these and not the first.
#[tokio::test]
async fn a_failed_analysis_in_the_vanguard_stops_the_rollout_before_others_are_touched() {
    let (prometheus, fleet) = tokio::try_join!(Prometheus::start(), fleet::of_five()).unwrap();
    let scene = Scene::start_on(fleet, Options::named("measured")).await.unwrap();
    let v1 = first_release(&scene).await;
    let (start, before) = (scene.state.head(STATE_BRANCH).unwrap().unwrap(), others(&scene));
    assert_eq!(before.len(), 4);
    assert!(before.values().all(|(_, writes)| *writes > 0), "{before:?}");
    release_with(&scene, ("tag: v1", "tag: v2"), &STRATEGY.replace("$PROMETHEUS", prometheus.url()));
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();

    // Without credentials, and then without data, nothing is known, and nothing passes.
    told(&scene, &["cluster-1", "Secret", "reader: is not there"]).await;
    let client = scene.fleet.clusters()[0].client().await.unwrap();
    let secret =
        json!({"metadata": {"name": "reader"}, "stringData": {"username": USER, "password": PASSWORD}});
    let secrets: Api<Secret> = Api::namespaced(client, &scene.namespace);
    secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    let status = told(&scene, &["0 of 3 samples", "no data"]).await;
    assert_eq!(status.waiting.state, WaitingFor::WaitingForGate);
    assert_eq!(status.waiting.clusters, ["cluster-1".into()]);

    prometheus.measures(&format!("shop_error_ratio{{release=\"{v2}\"}} 0.5"));
    let status =
        told(&scene, &["is held", "cluster-1", "analysis \"errors\" failed: 0.5 (fails if > 0.01)"]).await;
    scene.reached(&status.waiting.message);
    assert_eq!(others(&scene), before, "the others were touched");
    let touched = scene.touched_since(&start).unwrap();
    assert!(
        !touched.is_empty() && touched.iter().all(|clusters| *clusters == names(&["cluster-1"])),
        "{touched:?}"
    );
    assert_eq!(scene.steps(APP, &v2).unwrap(), [0]);
    let text = scene.shipperctl(&["status", APP]).await.unwrap();
    assert!(text.contains("analysis \"errors\" failed: 0.5"), "{text}");

    // The cause is mended, and the step ordered once more: it is measured again, and all the others follow.
    prometheus.measures(&format!("shop_error_ratio{{release=\"{v2}\"}} 0.001"));
    prometheus.wait_for(&format!("shop_error_ratio{{release=\"{v2}\"}} < 0.01")).await.unwrap();
    measure_again(&scene, &v2, "vanguard", "mended");
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    scene.wait_for(APP, &full, SOON).await.unwrap();
    let status = scene.wait_until(APP, &v2, 1, WaitingFor::None, SOON).await.unwrap();
    assert!(status.releases.iter().any(|release| release.name.as_str() == v2 && release.complete.is_some()));
    let touched = scene.touched_since(&start).unwrap();
    let rest = names(&["cluster-2", "cluster-3", "cluster-4", "cluster-5"]);
    let of_the_rest = touched.iter().map(|clusters| clusters & &rest).filter(|clusters| !clusters.is_empty());
    assert_eq!(
        of_the_rest.collect::<Vec<_>>(),
        std::slice::from_ref(&rest),
        "a step is one commit, and over whom it is for"
    );
    scene.ensure_one_line().unwrap();
}
