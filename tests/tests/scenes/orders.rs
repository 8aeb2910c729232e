//! What people say to a rollout beside *go on*: pause, go on without the gate, go on with another strategy, an older version again
//! [M11, M13, M14, R4].

use anyhow::{Context, Result, ensure};
use shipper_core::condition::{ConditionType, Reason};
use shipper_core::status::{ApplicationStatus, WaitingFor};
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON, first_release, staging};

/// A step between half and all.
const LATE: &str = "      - name: 75/25
        capacity: {contender: 75, incumbent: 25}
        traffic: {contender: 75, incumbent: 25}
      - name: full on
";
/// Longer than the scene.
const SOAK: &str = "      - name: 50/50
        gate: {soak: 30m}
";

#[tokio::test]
async fn a_rollout_is_paused_given_another_strategy_and_sent_on_without_its_gate() {
    let scene = Scene::start(Options::named("orders")).await.unwrap();
    let app = format!("{}/{APP}", scene.namespace);
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    staging(&scene, &v1, &v2).await;

    // An order that is given while the rollout is paused waits, and is obeyed when it goes on [M13].
    scene.shipperctl(&["pause", &app]).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::Paused, SOON).await.unwrap();
    scene.shipperctl(&["promote", &app, "--step", "50/50"]).await.unwrap();
    told(&scene, ConditionType::OrderObeyed, Reason::RolloutPaused).await;
    let still = Sight::of(&[(&v1, seen(4, 4)), (&v2, seen(1, 0))], Some(&v1));
    scene.wait_for(APP, &still, SOON).await.unwrap();
    scene.shipperctl(&["resume", &app]).await.unwrap();
    let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
    scene.wait_for(APP, &half, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.reached("an order waited for the pause");

    // A strategy that changes meanwhile is for the next release, until somebody names its version [R4].
    scene.edit(APP, "      - name: full on\n", LATE).unwrap();
    let message = told(&scene, ConditionType::StrategyCurrent, Reason::StrategyChanged).await;
    let version = message.split("adoptStrategy: ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let version = version.unwrap().trim_end_matches([',', '.', ';', ')', '`']);
    let order =
        format!("  rollout:\n    release: {v2}\n    targetStep: 75/25\n    adoptStrategy: {version}\n");
    say(&scene, &order, "Go on with the new strategy");
    let late = Sight::of(&[(&v1, seen(1, 1)), (&v2, seen(3, 3))], None);
    scene.wait_for(APP, &late, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 2, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.reached("the release went on with another strategy");
    scene.shipperctl(&["promote", &app]).await.unwrap();
    scene.wait_until(APP, &v2, 3, WaitingFor::None, SOON).await.unwrap();

    // A forward order waits for the soak of the step it leaves, or skips it [M14]; the order after it does not.
    scene.edit(APP, "      - name: 50/50\n", SOAK).unwrap();
    scene.edit(APP, "tag: v2", "tag: v3").unwrap();
    let v3 = scene.contender_after(APP, &v2, SOON).await.unwrap();
    scene.wait_until(APP, &v3, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.shipperctl(&["promote", &app]).await.unwrap();
    scene.wait_until(APP, &v3, 1, WaitingFor::WaitingForGate, SOON).await.unwrap();
    scene.shipperctl(&["promote", &app, "--step", "75/25"]).await.unwrap();
    let message = told(&scene, ConditionType::OrderObeyed, Reason::OrderWaits).await;
    assert!(message.contains("soak"), "{message}");
    scene.shipperctl(&["promote", &app, "--step", "75/25", "--skip-gates"]).await.unwrap();
    let late = Sight::of(&[(&v2, seen(1, 1)), (&v3, seen(3, 3))], None);
    scene.wait_for_live(APP, &late, SOON).await.unwrap();
    scene.wait_until(APP, &v3, 2, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.shipperctl(&["promote", &app]).await.unwrap();
    scene.wait_until(APP, &v3, 3, WaitingFor::None, SOON).await.unwrap();
    scene.reached("a soak was skipped");

    // An older version is a new iteration, and goes where the same commit sends it [M11].
    let again = format!("{}-1", v1.strip_suffix("-0").unwrap());
    let file = scene.file(APP);
    scene.desk.pull().unwrap();
    let text = scene.desk.read(&file).unwrap().replace("tag: v3", "tag: v1");
    let text = text.split("  rollout:\n").next().unwrap().to_owned();
    let order = format!("  rollout:\n    release: {again}\n    targetStep: full on\n");
    scene.commit(&[(&file, &format!("{text}{order}"))], "Back to v1, at once").unwrap();
    scene.wait_until(APP, &again, 3, WaitingFor::None, SOON).await.unwrap();
    let full = Sight::of(&[(&again, seen(4, 4))], Some(&again));
    scene.wait_for_live(APP, &full, SOON).await.unwrap();
    floor.assert_held(&scene, 4);
    scene.ensure_one_line().unwrap();
}

/// Commits an order by hand.
fn say(scene: &Scene, order: &str, message: &str) {
    let file = scene.file(APP);
    scene.desk.pull().unwrap();
    let text = scene.desk.read(&file).unwrap();
    let rest = text.split("  rollout:\n").next().unwrap();
    scene.commit(&[(&file, &format!("{rest}{order}"))], message).unwrap();
}

/// Waits for a condition with this reason, and returns its message.
async fn told(scene: &Scene, kind: ConditionType, reason: Reason) -> String {
    eventually(SOON, async || {
        let status: ApplicationStatus = scene.status(APP).await?;
        let condition = status.conditions.iter().find(|condition| condition.kind == kind);
        let condition = condition.with_context(|| format!("{:?}", status.conditions))?;
        ensure!(condition.reason == reason, "{condition:?}");
        Result::<_>::Ok(condition.message.clone())
    })
    .await
}
