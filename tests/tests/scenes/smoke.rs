//! A Kubernetes Job whose result counts decides whether a rollout goes on [A4].

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::recorder::Recorder;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON, first_release, release_with, staging_stands, told};

const STRATEGY: &str = include_str!("files/smoke.yaml");

/// A Job that fails keeps the release where it is; that of the next release succeeds, and it goes on. There is one Job in each cluster for
/// each of them, made once, beside what is counted as capacity, and gone in the end.
#[tokio::test]
async fn the_result_of_a_job_decides() {
    let scene = Scene::start(Options::named("smoke")).await.unwrap();
    let v1 = first_release(&scene).await;
    let floor = Floor::watch(&scene).await;
    let mut jobs = Vec::new();
    for client in scene.clients().await.unwrap() {
        let api: Api<Job> = Api::namespaced(client, &scene.namespace);
        jobs.push((api.clone(), Recorder::start(api, "").await.unwrap()));
    }

    release_with(&scene, ("tag: v1", "tag: v2"), &STRATEGY.replace("$BEHAVIOUR", "fails"));
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    let failed = |number| format!("cluster-{number}: analysis \"smoke\" failed: Job");
    let failed = [1, 2, 3].map(failed);
    let words = ["is held", "BackoffLimitExceeded", &failed[0], &failed[1], &failed[2]];
    let status = told(&scene, &words).await;
    scene.reached(&status.waiting.message);
    staging_stands(&scene, &v1, &v2).await;

    release_with(&scene, ("tag: v2", "tag: v3"), &STRATEGY.replace("$BEHAVIOUR", "ready"));
    let v3 = scene.contender_after(APP, &v2, SOON).await.unwrap();
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v3, seen(4, 4))], Some(&v3));
    scene.wait_for_live(APP, &full.clone().live(), SOON).await.unwrap();
    scene.wait_until(APP, &v3, 1, WaitingFor::None, SOON).await.unwrap();
    assert_eq!(scene.steps(APP, &v2).unwrap(), [0]);
    assert_eq!(scene.steps(APP, &v3).unwrap(), [0, 1]);

    for ((api, recorder), cluster) in jobs.iter().zip(scene.fleet.clusters()) {
        let made: BTreeSet<_> = recorder.events().iter().map(|event| made(&event.object)).collect();
        let tested: Vec<&str> = made.iter().map(|(_, release)| release.as_str()).collect();
        assert_eq!(made.len(), 2, "{}: {made:?}", cluster.name());
        assert!([&v2, &v3].iter().all(|release| tested.contains(&release.as_str())), "{made:?}");
        eventually(SOON, || gone(api)).await;
    }
    floor.assert_held(&scene, 4);
}

/// Its name and the release that it tests.
fn made(job: &Job) -> (String, String) {
    let pod = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).unwrap();
    let release = pod.containers[0].args.iter().flatten().find_map(|arg| arg.split_once("release="));
    (job.name_any(), release.unwrap().1.to_owned())
}

async fn gone(jobs: &Api<Job>) -> Result<()> {
    let left: Vec<_> = jobs.list(&ListParams::default()).await?.iter().map(ResourceExt::name_any).collect();
    ensure!(left.is_empty(), "Jobs are left: {left:?}");
    Ok(())
}
