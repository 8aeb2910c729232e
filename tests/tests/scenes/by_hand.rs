//! Somebody writes to the state branch, which is the hub's alone: what runs stays as it is, and what `main` asks for comes of it
//! [R1, R2, X5].

use anyhow::ensure;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::Api;
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::recorder::Recorder;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, STATE_BRANCH, Scene};

use super::neighbours::NOTES;
use super::story::{APP, Floor, SOON, first_release, full_on, staging_stands};

/// What an agent says of a commit that raises no generation.
const NOT_ABOVE: &str = "which is not above";

/// An environment that is not that of its name is not the one that is asked for: another release is made for that, beside it, and goes its
/// way. What runs is never touched, also not once the record is what it was.
#[tokio::test]
async fn r2_an_edited_environment_changes_nothing_that_runs() {
    let scene = Scene::start(Options::named("by-hand")).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    let before = rendered(&scene, &v1).await;
    let record = record(&scene, &v1);
    scene.edit_state(&record, |text| replaced(&text, "tag: v1", "tag: v6")).unwrap();
    let again = scene.contender_after(APP, &v1, SOON).await.unwrap();
    assert_eq!(again, v1.replace("-0", "-1"), "what main asks for is another iteration of it");
    scene.wait_until(APP, &again, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    staging_stands(&scene, &v1, &again).await;
    assert_eq!(rendered(&scene, &v1).await, before, "it runs as it was rendered");
    scene.reached(&format!("{again} is beside {v1}"));

    scene.edit_state(&record, |text| replaced(&text, "tag: v6", "tag: v1")).unwrap();
    full_on(&scene, &v1, &again).await;
    assert_eq!(rendered(&scene, &v1).await, before);
    floor.assert_held(&scene, 4);
}

/// Nothing is decided on a record that cannot be read, and nobody else is held up. A target is obeyed once the hub has raised the generation:
/// what somebody else writes there is refused, and written over.
#[tokio::test]
async fn half_a_record_decides_nothing_and_a_foreign_target_is_not_obeyed() {
    let scene = Scene::start(Options::named("half-read")).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    let target = format!("clusters/cluster-1/{}/{APP}/target.yaml", scene.namespace);
    let damaged = record(&scene, &v1);
    scene.edit_state(&damaged, |text| replaced(&text, "kind: Release\n", "kind: [Release\n")).unwrap();
    eventually(SOON, async || {
        let problems = scene.hub().status().await?.problems;
        ensure!(problems.iter().any(|problem| problem.file == damaged), "{problems:?}");
        anyhow::Ok(())
    })
    .await;
    let asked = scene.state.head(STATE_BRANCH).unwrap();
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let notes = without_steps(&scene);
    scene.commit(&[(&scene.file("notes"), &notes), ("apps/notes/all.yaml", NOTES)], "Add notes").unwrap();
    let other = scene.contender_after("notes", "", SOON).await.unwrap();
    scene.wait_until("notes", &other, 0, WaitingFor::None, SOON).await.unwrap();
    assert_ne!(scene.state.head(STATE_BRANCH).unwrap(), asked);
    assert_eq!(scene.status(APP).await.unwrap().contender.map(|name| name.to_string()), Some(v1.clone()));
    scene.reached("another application went on beside half a record");
    scene.edit_state(&damaged, |text| replaced(&text, "kind: [Release\n", "kind: Release\n")).unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    staging_stands(&scene, &v1, &v2).await;

    let client = scene.fleet.clusters()[0].client().await.unwrap();
    let deployments = Recorder::start(Api::namespaced(client, &scene.namespace), "").await.unwrap();
    // No hub is there to write it over before an agent that begins anew looks.
    scene.hub().process.kill().unwrap();
    scene.edit_state(&target, |text| replaced(&text, "capacity: 1\n", "capacity: 100\n")).unwrap();
    scene.agents[0].restart().unwrap();
    eventually(SOON, async || {
        let log = scene.agents[0].log();
        ensure!(log.contains(NOT_ABOVE), "it has not looked:\n{}", scene.agents[0].log_tail());
        anyhow::Ok(())
    })
    .await;
    scene.reached("an agent refuses a foreign target");
    scene.hub().process.start().unwrap();
    eventually(SOON, async || {
        let written = scene.state.show(STATE_BRANCH, &target)?;
        ensure!(written.contains("capacity: 1\n"), "it is not written over: {written}");
        anyhow::Ok(())
    })
    .await;
    scene.reached("a foreign target was written over");
    // The agents obey what the hub wrote next.
    scene.promote(APP, &v2, "50/50").unwrap();
    let half = Sight::of(&[(&v1, seen(2, 2)), (&v2, seen(2, 2))], None);
    scene.wait_for(APP, &half, SOON).await.unwrap();
    let most = deployments.events().iter().filter_map(|event| replicas(&event.object, &v2)).max();
    assert_eq!(most, Some(2), "the foreign target was obeyed");
    floor.assert_held(&scene, 4);
}

fn replicas(deployment: &Deployment, release: &str) -> Option<i32> {
    let ours = deployment.labels().get("shipper.dev/release").is_some_and(|name| name == release);
    deployment.spec.as_ref().filter(|_| ours)?.replicas
}

fn record(scene: &Scene, release: &str) -> String {
    format!("releases/{}/{APP}/{release}/release.yaml", scene.namespace)
}

/// The only place of it.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} in:\n{text}");
    text.replace(from, to)
}

fn without_steps(scene: &Scene) -> String {
    format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {{name: notes, namespace: {}}}\nspec:\n  template:\n    manifests: {{path: apps/notes}}\n",
        scene.namespace
    )
}

/// What of a release tells its version, in every cluster.
async fn rendered(scene: &Scene, release: &str) -> Vec<(Option<String>, Option<String>)> {
    let mut found = Vec::new();
    for client in scene.clients().await.unwrap() {
        let maps: Api<ConfigMap> = Api::namespaced(client, &scene.namespace);
        let map = maps.get(release).await.unwrap();
        found.push((map.metadata.uid, map.data.and_then(|data| data.get("tag").cloned())));
    }
    found
}
