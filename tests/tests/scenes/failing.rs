//! Clusters that fail or are away in the middle of a rollout [A1, A2, A3, M12].

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use shipper_core::ClusterName;
use shipper_core::condition::{ConditionType, Reason};
use shipper_core::state::WithdrawalReason;
use shipper_core::status::{ApplicationStatus, Liveness, WaitingFor};
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON, first_release};

/// The cluster that fails.
pub const LAST: usize = 2;
/// Longer than the progress deadline and the heartbeats after which a cluster is offline.
const LONGER: Duration = Duration::from_secs(12);

/// Asks for another tag, with an image that one cluster cannot pull, and with so many clusters that may fail.
pub fn release(scene: &Scene, tag: &str, broken: Option<&str>, strategy: &str) {
    let file = scene.file(APP);
    let text = scene.application(APP).replace("tag: v1", &format!("tag: {tag}"));
    let text =
        text.replace("      progressDeadline: 1m\n", &format!("      progressDeadline: 5s\n{strategy}"));
    let overrides = broken.map(|cluster| {
        format!(
            "    overrides:\n    - {{clusters: {{names: [{cluster}]}}, values: {{image: registry.example/broken}}}}\n"
        )
    });
    let text = text.replace("    strategy:\n", &format!("{}    strategy:\n", overrides.unwrap_or_default()));
    scene.commit(&[(&file, &text)], &format!("Release {tag}")).unwrap();
}

/// What a condition says, once it is there for this reason.
async fn told(scene: &Scene, kind: ConditionType, reason: Reason) -> (String, ApplicationStatus) {
    eventually(SOON, || async {
        let status = scene.status(APP).await?;
        let found = status.conditions.iter().find(|condition| condition.kind == kind);
        let found = found.with_context(|| format!("no {kind} in {:?}", status.conditions))?;
        ensure!(found.reason == reason, "{kind} is {}: {}", found.reason, found.message);
        anyhow::Ok((found.message.clone(), status.clone()))
    })
    .await
}

/// What stands in one cluster, in the end.
pub async fn stands(scene: &Scene, cluster: usize, expected: &Sight) {
    let client = scene.fleet.clusters()[cluster].client().await.unwrap();
    eventually(SOON, || async {
        let sight = look(&client, &scene.namespace, APP).await?;
        ensure!(sight == *expected, "cluster {cluster} has {sight}");
        anyhow::Ok(())
    })
    .await;
}

fn failing(status: &ApplicationStatus) -> Vec<String> {
    let failing = status.clusters.iter().filter(|cluster| cluster.failing.is_some());
    failing.map(|cluster| cluster.cluster.to_string()).collect()
}

fn main_is(scene: &Scene) -> Result<String> {
    scene.desk.pull()?;
    scene.desk.read(&scene.file(APP))
}

/// One cluster may fail: the rollout goes on over the others and says so, and what serves in the failing one goes on serving.
#[tokio::test]
async fn a_rollout_goes_on_without_the_clusters_that_may_fail() {
    let scene = Scene::start(Options::named("excused")).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    let last = scene.fleet.clusters()[LAST].name();
    release(&scene, "v2", Some(last), "      maxFailedClusters: 1\n");
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();

    let (message, status) = told(&scene, ConditionType::ClustersHealthy, Reason::ClustersFailing).await;
    scene.reached(&message);
    assert_eq!(failing(&status), [last]);
    assert!(message.contains("ImagePullBackOff") && message.contains("goes on without them"), "{message}");
    scene.wait_until(APP, &v2, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    let text = scene.shipperctl(&["status", APP]).await.unwrap();
    assert!(text.contains(&format!("{last} (failing)")) && text.contains("ClustersFailing"), "{text}");
    let why = scene.shipperctl(&["why", APP]).await.unwrap();
    assert!(why.contains(&format!("{last} fails at step \"staging\"")), "{why}");
    let failing_now = "shipper_hub_failing_clusters{kind=\"noProgress\"}";
    assert_eq!(scene.hub().counter(failing_now).await.unwrap(), 1);

    scene.promote(APP, &v2, "full on").unwrap();
    let status = scene.wait_until(APP, &v2, 2, WaitingFor::None, SOON).await.unwrap();
    let done = status.releases.iter().find(|release| release.name.as_str() == v2).unwrap();
    assert!(done.complete.is_some(), "{done:?}");
    let excused = done.achieved.as_ref().unwrap().excused.iter().map(ClusterName::as_str);
    assert_eq!(excused.collect::<Vec<_>>(), [last]);
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    for cluster in 0..LAST {
        stands(&scene, cluster, &full).await;
    }
    let client = scene.fleet.clusters()[LAST].client().await.unwrap();
    let sight = look(&client, &scene.namespace, APP).await.unwrap();
    assert_eq!(
        sight.releases[&v1].endpoints, 4,
        "what serves in the failing cluster goes on serving: {sight}"
    );
    floor.assert_held(&scene, 4);
}

/// No cluster may fail: everything stays where it is. With `onFailure: rollback` the hub takes the release back by itself, does not touch
/// `main`, and does not make the release again, even if it has lost everything that it had written down.
#[tokio::test]
async fn too_many_failing_clusters_hold_a_rollout_or_take_it_back() {
    let scene = Scene::start(Options::named("failing")).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    let last = scene.fleet.clusters()[LAST].name();
    release(&scene, "v2", Some(last), "");
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    let (message, status) = told(&scene, ConditionType::ClustersHealthy, Reason::RolloutHeld).await;
    scene.reached(&message);
    assert_eq!(failing(&status), [last]);
    assert!(message.contains("onFailure is hold") && message.contains("shipperctl abort"), "{message}");
    let staging = Sight::of(&[(&v1, seen(4, 4)), (&v2, seen(1, 0))], Some(&v1));
    for cluster in 0..LAST {
        stands(&scene, cluster, &staging).await;
    }
    assert_eq!(scene.hub().counter("shipper_hub_held_applications").await.unwrap(), 1);
    assert!(scene.shipperctl(&["status", APP]).await.unwrap().contains("held"));

    release(&scene, "v3", Some(last), "      onFailure: rollback\n");
    let asked = main_is(&scene).unwrap();
    let (message, status) = told(&scene, ConditionType::ReleaseSynced, Reason::RolledBack).await;
    scene.reached(&message);
    assert!(message.contains(last) && message.contains("ImagePullBackOff"), "{message}");
    assert_eq!(status.contender.as_ref().map(ToString::to_string), Some(v1.clone()));
    let withdrawn = status.releases[0].withdrawn.clone().expect("v3 is withdrawn");
    assert_eq!((withdrawn.reason, withdrawn.commit), (WithdrawalReason::RolledBack, None));
    let everything = Sight::of(&[(&v1, seen(4, 4))], Some(&v1));
    scene.wait_for(APP, &everything, SOON).await.unwrap();
    assert_eq!(main_is(&scene).unwrap(), asked, "the hub leaves main alone");
    let text = scene.shipperctl(&["status", APP]).await.unwrap();
    assert!(text.contains("rolled back") && text.contains("spec.restart"), "{text}");

    scene.hub().restart_with_nothing().unwrap();
    scene.hub().wait_until_serving().await.unwrap();
    told(&scene, ConditionType::ReleaseSynced, Reason::RolledBack).await;
    tokio::time::sleep(LONGER).await;
    let (_, status) = told(&scene, ConditionType::ReleaseSynced, Reason::RolledBack).await;
    assert_eq!(
        status.releases.iter().map(|release| release.generation).max(),
        Some(3),
        "nothing is made again"
    );

    // `main` says what is so.
    scene.shipperctl(&["abort", APP]).await.unwrap();
    told(&scene, ConditionType::ReleaseSynced, Reason::AsExpected).await;
    assert!(main_is(&scene).unwrap().contains("tag: v1"));
    scene.wait_for(APP, &everything, SOON).await.unwrap();
    floor.assert_held(&scene, 4);
    scene.ensure_one_line().unwrap();
}

/// Scene 7: a cluster is off the network for two steps and comes back: the others went on, it comes to the present step at once, and coming
/// back is no failure.
#[tokio::test]
async fn a_cluster_that_is_away_for_two_steps_comes_to_the_present_one() {
    let scene = Scene::start(Options::named("away")).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    let agent = &scene.agents[LAST];
    agent.pause().unwrap();
    release(&scene, "v2", None, "      maxFailedClusters: 34%\n      onFailure: rollback\n");
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.promote(APP, &v2, "50/50").unwrap();
    let status = scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    assert_eq!(status.clusters[LAST].liveness, Liveness::Offline);
    let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
    for cluster in 0..LAST {
        stands(&scene, cluster, &half).await;
    }
    tokio::time::sleep(LONGER).await;
    stands(&scene, LAST, &Sight::of(&[(&v1, seen(4, 4))], Some(&v1))).await;

    agent.resume().unwrap();
    catches_up(&scene, (&v1, &v2), &half).await;
    floor.assert_held(&scene, 4);
    scene.ensure_one_line().unwrap();
}

/// The last cluster, which was away, comes to the step that the others have, is excused no more, and goes with them to the end; coming back
/// is no failure.
pub async fn catches_up(scene: &Scene, (v1, v2): (&str, &str), present: &Sight) {
    stands(scene, LAST, present).await;
    eventually(SOON, async || {
        let status = scene.status(APP).await?;
        let back = status.clusters.iter().all(|cluster| cluster.waiting == WaitingFor::None);
        ensure!(back && status.clusters[LAST].liveness == Liveness::Online, "{:?}", status.waiting);
        ensure!(failing(&status).is_empty(), "{:?}", failing(&status));
        let release = status.releases.iter().find(|release| release.name.as_str() == v2);
        let achieved = release.and_then(|release| release.achieved.as_ref()).context("not achieved")?;
        ensure!(achieved.excused.is_empty(), "{:?} are still excused", achieved.excused);
        anyhow::Ok(())
    })
    .await;
    scene.reached("the cluster is back at the present step");
    scene.promote(APP, v2, "full on").unwrap();
    scene.wait_for(APP, &Sight::of(&[(v1, seen(0, 0)), (v2, seen(4, 4))], Some(v2)), SOON).await.unwrap();
    scene.wait_until(APP, v2, 2, WaitingFor::None, SOON).await.unwrap();
    assert_eq!(scene.hub().counter("shipper_hub_rollbacks_total").await.unwrap(), 0);
}
