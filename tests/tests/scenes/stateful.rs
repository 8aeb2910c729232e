//! An application with a StatefulSet beside its Deployment: it follows the lead, and the step waits for it [C11].

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::look;
use shipper_tests::scene::{Options, Scene};
use shipper_tests::stages::BEHAVIOUR;

use super::story::{APP, Floor, SOON, told};

const STORE: &str = include_str!("files/store.yaml");
const PODS: i32 = 2;
/// The cluster whose store does not become ready by itself.
const LATE: usize = 1;

#[tokio::test]
async fn c11_a_step_waits_for_the_stateful_set_of_the_lead() {
    let scene = Scene::start(Options::named("stateful")).await.unwrap();
    scene.commit(&[("charts/shop/templates/store.yaml", STORE)], "Give the shop a store").unwrap();
    scene.commit(&[(&scene.file(APP), &scene.application(APP))], "Add the shop").unwrap();
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    scene.promote(APP, &v1, "full on").unwrap();
    scene.wait_until(APP, &v1, 2, WaitingFor::None, SOON).await.unwrap();
    ensure_stores(&scene, "v1").await.unwrap();
    scene.reached("the store of the first release is there");
    let floor = Floor::watch(&scene).await;

    // In one cluster the next store never becomes ready.
    let late = &scene.fleet.clusters()[LATE];
    let values = format!(
        "    overrides:\n    - {{clusters: {{names: [{}]}}, values: {{store: never-ready}}}}\n    strategy:\n",
        late.name()
    );
    let file = scene.file(APP);
    let text = scene.desk.read(&file).unwrap();
    let text = text.replace("tag: v1", "tag: v2").replace("    strategy:\n", &values);
    scene.commit(&[(&file, &text)], "Release v2").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.promote(APP, &v2, "50/50").unwrap();
    scene.wait_until(APP, &v2, 1, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    // As much weight as the other, and younger: it does not lead.
    ensure_stores(&scene, "v1").await.unwrap();

    scene.promote(APP, &v2, "full on").unwrap();
    let status = told(&scene, &[late.name(), "StatefulSet", "shop-store", "of 2 pods are"]).await;
    scene.reached(&status.waiting.message);
    let client = late.client().await.unwrap();
    let serving = eventually(SOON, async || {
        let sight = look(&client, &scene.namespace, APP).await?;
        let new = sight.releases.get(&v2).copied().context("it is not there")?;
        ensure!(new.endpoints == 4, "{sight}");
        anyhow::Ok(sight)
    })
    .await;
    let status = scene.status(APP).await.unwrap();
    let release = status.releases.iter().find(|release| release.name.as_str() == v2).unwrap();
    assert!(release.complete.is_none(), "it has all the traffic, and no store: {serving}");

    // Its pods come one by one, and become ready once somebody has seen to each.
    let pods: Api<Pod> = Api::namespaced(client, &scene.namespace);
    eventually(SOON, async || {
        mend(&pods).await?;
        let status = scene.status(APP).await?;
        ensure!(status.waiting.state == WaitingFor::None, "{}", status.waiting.message);
        anyhow::Ok(())
    })
    .await;
    scene.wait_until(APP, &v2, 2, WaitingFor::None, SOON).await.unwrap();
    ensure_stores(&scene, "v2").await.unwrap();
    floor.assert_held(&scene, 4);
}

/// In every cluster it has the image of this version, and all its pods are of it and ready.
async fn ensure_stores(scene: &Scene, tag: &str) -> Result<()> {
    for (client, cluster) in scene.clients().await?.into_iter().zip(scene.fleet.clusters()) {
        let store = Api::<StatefulSet>::namespaced(client, &scene.namespace).get("shop-store").await?;
        let pod = store.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).context("no pods")?;
        let image = pod.containers[0].image.clone().unwrap_or_default();
        let status = store.status.clone().unwrap_or_default();
        let pods = (status.updated_replicas.unwrap_or(0), status.ready_replicas.unwrap_or(0));
        let all = image == format!("registry.example/store:{tag}") && pods == (PODS, PODS);
        ensure!(all, "{} has {image}, and {pods:?} pods updated and ready", cluster.name());
    }
    Ok(())
}

/// Lets every pod of a store that is stuck become ready.
async fn mend(pods: &Api<Pod>) -> Result<()> {
    let stuck = ListParams::default().labels(&format!("{BEHAVIOUR}=never-ready"));
    for pod in pods.list(&stuck).await? {
        let ready = json!({"metadata": {"labels": {BEHAVIOUR: "ready"}}});
        pods.patch(&pod.name_any(), &PatchParams::default(), &Patch::Merge(ready)).await?;
    }
    Ok(())
}
