//! Reports that are doubled, slow, unanswered and overtaken by newer ones [A1, X5].

use std::time::Duration;

use anyhow::ensure;
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::report_way::Fates;
use shipper_tests::scene::hub::ensure_at;
use shipper_tests::scene::sight::{Sight, look, seen};
use shipper_tests::scene::{Options, STATE_BRANCH, Scene};

use super::story::{APP, Floor, SOON, first_release};

/// Longer than the latest report of the rollout is under way.
const REST: Duration = Duration::from_secs(5);

/// Scene 7: whenever the hub says that a step is achieved, it is, in every cluster, whatever old reports come and go; and when nothing
/// happens any more, nothing is written either.
#[tokio::test]
async fn doubled_late_and_overtaken_reports_achieve_and_undo_nothing() {
    let scene =
        Scene::start(Options { reports: Some(Fates::Unruly), ..Options::named("reports") }).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    let staging = Sight::of(&[(&v1, seen(4, 4)), (&v2, seen(1, 0))], Some(&v1));
    let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    achieved(&scene, &v2, 0, &staging).await;
    // Back and forth, so that there are old reports of every step.
    for (step, name, sight) in
        [(1, "50/50", &half), (0, "staging", &staging), (1, "50/50", &half), (2, "full on", &full)]
    {
        scene.promote(APP, &v2, name).unwrap();
        achieved(&scene, &v2, step, sight).await;
    }
    floor.assert_held(&scene, 4);

    let way = scene.way.as_ref().unwrap();
    eventually(SOON, async || {
        let tally = way.tally();
        let all = tally.doubled.min(tally.slow).min(tally.unanswered).min(tally.outdated);
        ensure!(all >= 3, "{tally:?}");
        anyhow::Ok(())
    })
    .await;
    scene.reached(&format!("{:?}", way.tally()));
    assert_eq!(scene.steps(APP, &v2).unwrap(), [0, 1, 0, 1, 2]);
    let head = scene.state.head(STATE_BRANCH).unwrap();
    tokio::time::sleep(REST).await;
    assert_eq!(scene.state.head(STATE_BRANCH).unwrap(), head, "something was written at rest");
    let status = scene.status(APP).await.unwrap();
    ensure_at(&status, &v2, 2, WaitingFor::None).unwrap();
    scene.ensure_one_line().unwrap();
}

/// The hub says that the step is achieved, and at that moment it is.
async fn achieved(scene: &Scene, release: &str, step: usize, expected: &Sight) {
    let state = if step == 2 { WaitingFor::None } else { WaitingFor::WaitingForCommand };
    scene.wait_until(APP, release, step, state, SOON).await.unwrap();
    for (client, cluster) in scene.clients().await.unwrap().iter().zip(scene.fleet.clusters()) {
        let sight = look(client, &scene.namespace, APP).await.unwrap();
        assert_eq!(
            sight,
            *expected,
            "{} has {sight}, and step {step} is said to be achieved",
            cluster.name()
        );
    }
    scene.reached(&format!("step {step} is achieved"));
}
