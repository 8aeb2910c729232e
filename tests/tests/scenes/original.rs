//! End-to-end scenes of the original that no other scene here contains; `docs/original-scenes.md` has them all.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, DeleteParams};
use shipper_core::condition::{Condition, ConditionType, Reason, Status};
use shipper_core::status::{BlockStatus, WaitingFor};
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::SOON;

const STEPS: [&str; 3] = ["staging", "50/50", "full on"];

/// TestNewAppAllInWithRolloutBlockOverride, TestRolloutAllInWithRolloutBlockOverride,
/// TestNewApplicationVanguardMultipleReplicas, TestNewApplicationVanguardOneReplica and both with RBOverride,
/// TestRolloutVanguardOneReplica, TestNewApplicationMovingStrategyBackwards, TestRolloutMovingStrategyBackwards,
/// TestNewApplicationBlockStrategyBackwards, TestRolloutBlockMovingStrategyBackwards, TestNewRolloutBlockAddOverrides,
/// TestNewGlobalRolloutBlockAddOverrides, TestNewRolloutBlockRemoveRelease, TestNewGlobalRolloutBlockRemoveRelease
/// [B1, B2, B4, M1, M2, C3].
#[tokio::test]
async fn releases_go_forward_and_back_under_blocks_that_they_override() {
    let scene = Scene::start(Options::named("override")).await.unwrap();
    let blocks = [block(Some(&scene.namespace), "freeze"), block(None, "everywhere")];
    let files = [
        blocks[0].clone(),
        blocks[1].clone(),
        (scene.file("one"), application(&scene, "one", 1, Some("freeze, everywhere"))),
        (scene.file("three"), application(&scene, "three", 3, Some("freeze, everywhere"))),
    ];
    scene.commit(&borrowed(&files), "Add two applications and two blocks").unwrap();
    tokio::join!(one(&scene), three(&scene));
    scene.ensure_one_line().unwrap();
}

/// One replica, two releases: every step has at least one pod of each release that it gives a share.
async fn one(scene: &Scene) {
    let v1 = scene.contender_after("one", "", SOON).await.unwrap();
    at(scene, "one", &v1, 0, &Sight::of(&[(&v1, seen(1, 0))], None)).await;
    for step in [1, 2] {
        promote(scene, "one", &v1, step, &Sight::of(&[(&v1, seen(1, 1))], Some(&v1))).await;
    }
    scene.edit("one", "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after("one", &v1, SOON).await.unwrap();
    at(scene, "one", &v2, 0, &Sight::of(&[(&v1, seen(1, 1)), (&v2, seen(1, 0))], Some(&v1))).await;
    promote(scene, "one", &v2, 1, &Sight::of(&[(&v1, seen(1, 1)), (&v2, seen(1, 1))], None)).await;
    promote(scene, "one", &v2, 2, &Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(1, 1))], Some(&v2))).await;
}

/// Three replicas, there and back and on, with and without an incumbent; and stopped where the override is taken away.
async fn three(scene: &Scene) {
    let v1 = scene.contender_after("three", "", SOON).await.unwrap();
    let staging = Sight::of(&[(&v1, seen(1, 0))], None);
    let half = Sight::of(&[(&v1, seen(2, 2))], Some(&v1));
    at(scene, "three", &v1, 0, &staging).await;
    promote(scene, "three", &v1, 1, &half).await;
    blocked(scene, &v1, 1, "staging", &half).await;
    at(scene, "three", &v1, 0, &staging).await;
    promote(scene, "three", &v1, 1, &half).await;
    promote(scene, "three", &v1, 2, &Sight::of(&[(&v1, seen(3, 3))], Some(&v1))).await;

    scene.edit("three", "tag: v1", "tag: v2").unwrap();
    let v2 = scene.contender_after("three", &v1, SOON).await.unwrap();
    let staging = Sight::of(&[(&v1, seen(3, 3)), (&v2, seen(1, 0))], Some(&v1));
    let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
    at(scene, "three", &v2, 0, &staging).await;
    blocked(scene, &v2, 0, "50/50", &staging).await;
    at(scene, "three", &v2, 1, &half).await;
    promote(scene, "three", &v2, 0, &staging).await;
}

/// Without its override the application stays at `step`, wherever it is ordered to, until the override is back.
async fn blocked(scene: &Scene, release: &str, step: usize, order: &str, expected: &Sight) {
    let file = scene.file("three");
    let text = scene.desk.read(&file).unwrap();
    let rest = text.split("  rollout:\n").next().unwrap();
    let ordered = format!("{rest}  rollout:\n    release: {release}\n    targetStep: {order}\n");
    let bare: String = ordered.split_inclusive('\n').filter(|line| !line.contains("override")).collect();
    scene.commit(&[(&file, &bare)], "Order without the override").unwrap();
    scene.wait_until("three", release, step, WaitingFor::Blocked, SOON).await.unwrap();
    eventually(SOON, async || {
        let text = scene.shipperctl(&["blocks", "list", "-o", "json"]).await?;
        let blocks: Vec<BlockStatus> = serde_json::from_str(&text)?;
        let names = |keys: &[shipper_core::AppKey]| keys.iter().map(|k| k.name.clone()).collect::<Vec<_>>();
        for block in &blocks {
            let told = (names(&block.applications), names(&block.overridden_by));
            ensure!(told == (vec!["three".to_owned()], vec!["one".to_owned()]), "{}: {told:?}", block.name);
        }
        ensure!(blocks.len() == 2, "{blocks:?}");
        anyhow::Ok(())
    })
    .await;
    scene.wait_for("three", expected, SOON).await.unwrap();
    scene.commit(&[(&file, &ordered)], "Override the blocks again").unwrap();
}

/// TestBlockNewAppWithRolloutBlock, TestBlockNewAppProgressWithRolloutBlock, TestNewAppAllInWithRolloutBlockNonExisting,
/// TestRejectDeleteApplicationRolloutBlock, TestRejectDeleteReleaseRolloutBlock, TestNewApplicationAbort,
/// TestDeletedDeploymentsAreReinstalled, TestConsistentTrafficBalanceOnStraightFullOn [B1, B2, C3, C7, M2, X1].
#[tokio::test]
async fn a_block_stops_new_applications_and_nothing_goes_because_it_is_gone() {
    let scene = Scene::start(Options::named("stopped")).await.unwrap();
    let files = [
        block(Some(&scene.namespace), "freeze"),
        (scene.file("late"), application(&scene, "late", 2, None)),
        (scene.file("zero"), application(&scene, "zero", 0, Some("freeze, nowhere"))),
    ];
    scene.commit(&borrowed(&files), "Add applications and a block").unwrap();
    tokio::join!(late(&scene, &files[0].0), zero(&scene));
    scene.ensure_one_line().unwrap();
}

/// Blocked from its first commit on, then rolled out; its Deployments are deleted, then its file.
async fn late(scene: &Scene, block: &str) {
    told(scene, "late", |condition| {
        condition.kind == ConditionType::ReleaseSynced && condition.reason == Reason::RolloutsBlocked
    })
    .await;
    assert!(scene.status("late").await.unwrap().releases.is_empty());
    scene.wait_for("late", &Sight::of(&[], None), SOON).await.unwrap();
    scene.desk.pull().unwrap();
    let text = scene.desk.read(block).unwrap();
    let remove = |file: &str| {
        scene.desk.pull()?;
        scene.desk.remove(file)?;
        let commit = scene.desk.commit(&format!("Remove {file}"))?;
        scene.desk.push()?;
        Result::<String>::Ok(commit)
    };
    remove(block).unwrap();
    let v1 = scene.contender_after("late", "", SOON).await.unwrap();
    promote(scene, "late", &v1, 2, &Sight::of(&[(&v1, seen(2, 2))], Some(&v1))).await;

    for client in scene.clients().await.unwrap() {
        let before = uid(&client, &scene.namespace, &v1).await.unwrap();
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), &scene.namespace);
        deployments.delete(&v1, &DeleteParams::default()).await.unwrap();
        eventually(SOON, async || {
            ensure!(uid(&client, &scene.namespace, &v1).await? != before, "it is still the old one");
            anyhow::Ok(())
        })
        .await;
    }
    at(scene, "late", &v1, 2, &Sight::of(&[(&v1, seen(2, 2))], Some(&v1))).await;

    // In the commit that blocks again.
    scene.desk.pull().unwrap();
    scene.desk.write(block, &text).unwrap();
    let removed = remove(&scene.file("late")).unwrap();
    told(scene, "late", |condition| {
        condition.kind == ConditionType::Present && condition.status == Status::False
    })
    .await;
    scene.wait_for("late", &Sight::of(&[(&v1, seen(2, 2))], Some(&v1)), SOON).await.unwrap();
    scene.revert(&removed).unwrap();
    let status = scene.wait_until("late", &v1, 2, WaitingFor::None, SOON).await.unwrap();
    assert_eq!(status.releases.len(), 1, "the same release as before: {:?}", status.releases);
}

/// From an incumbent without a replica straight to the end, under an override of which one name is of no block.
async fn zero(scene: &Scene) {
    let v1 = scene.contender_after("zero", "", SOON).await.unwrap();
    told(scene, "zero", |condition| {
        condition.kind == ConditionType::Blocked && condition.message.contains("nowhere")
    })
    .await;
    promote(scene, "zero", &v1, 2, &Sight::of(&[], None)).await;
    scene.edit("zero", "replicas: 0", "replicas: 2").unwrap();
    let v2 = scene.contender_after("zero", &v1, SOON).await.unwrap();
    promote(scene, "zero", &v2, 2, &Sight::of(&[(&v2, seen(2, 2))], Some(&v2))).await;
}

/// Orders a step and waits until it is achieved.
async fn promote(scene: &Scene, app: &str, release: &str, step: usize, expected: &Sight) {
    scene.promote(app, release, STEPS[step]).unwrap();
    at(scene, app, release, step, expected).await;
}

/// Waits until a step is achieved, with these pods; whatever empty releases there are besides.
async fn at(scene: &Scene, app: &str, release: &str, step: usize, expected: &Sight) {
    let state = if step == 2 { WaitingFor::None } else { WaitingFor::WaitingForCommand };
    scene.wait_until(app, release, step, state, SOON).await.unwrap();
    scene.wait_for_live(app, &expected.clone().live(), SOON).await.unwrap();
    scene.reached(&format!("{app}: {release} is at {:?}", STEPS[step]));
}

/// Waits until the hub says so of the application.
async fn told(scene: &Scene, app: &str, is: impl Fn(&Condition) -> bool) {
    eventually(SOON, async || {
        let conditions = scene.status(app).await?.conditions;
        ensure!(conditions.iter().any(&is), "{conditions:?}");
        anyhow::Ok(())
    })
    .await;
}

async fn uid(client: &Client, namespace: &str, name: &str) -> Result<String> {
    let found = Api::<Deployment>::namespaced(client.clone(), namespace).get(name).await?;
    found.metadata.uid.context("no UID")
}

/// A block's file, of one namespace or of all.
fn block(namespace: Option<&str>, name: &str) -> (String, String) {
    let namespace = namespace.map(|namespace| format!(", namespace: {namespace}")).unwrap_or_default();
    let text = format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {{name: {name}{namespace}}}\nspec: {{author: {{type: user, name: jo}}, message: Not now}}\n"
    );
    (format!("blocks/{name}.yaml"), text)
}

fn application(scene: &Scene, app: &str, replicas: u32, overrides: Option<&str>) -> String {
    let text = scene.application(app).replace("replicas: 4", &format!("replicas: {replicas}"));
    let Some(overrides) = overrides else { return text };
    let annotation =
        format!("\n  annotations: {{shipper.dev/rollout-block.override: \"{overrides}\"}}\nspec:\n");
    text.replacen("\nspec:\n", &annotation, 1)
}

fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
    files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
}
