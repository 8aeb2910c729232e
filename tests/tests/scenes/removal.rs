//! What is missing on `main`, and a `main` that was rewritten [X1, X3].

use std::fmt::Debug;
use std::time::Instant;

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Service, ServiceAccount};
use kube::api::{Api, ListParams};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use shipper_core::condition::Reason;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::recorder::Recorder;
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, SOON, first_release};

/// [X1, C10] A commit with the trailer removes the application everywhere, in the reverse of the order of installing, but for what
/// is kept; the file put back makes it anew, under another name.
#[tokio::test]
async fn x1_a_confirmed_removal_takes_all_but_what_is_kept() {
    let scene = Scene::start(Options::named("removal")).await.unwrap();
    let kept = ("charts/shop/templates/kept.yaml", include_str!("files/kept.yaml"));
    scene.commit(&[kept], "Keep some of it").unwrap();
    let v1 = first_release(&scene).await;
    let clients = scene.clients().await.unwrap();
    let mut recorders = Vec::new();
    for client in &clients {
        let namespace = &scene.namespace;
        recorders.push((
            Recorder::<Deployment>::start(Api::namespaced(client.clone(), namespace), "").await.unwrap(),
            Recorder::<Service>::start(Api::namespaced(client.clone(), namespace), "").await.unwrap(),
            Recorder::<ServiceAccount>::start(Api::namespaced(client.clone(), namespace), "").await.unwrap(),
        ));
    }
    let text = scene.desk.read(&scene.file(APP)).unwrap();
    let app = format!("{}/{APP}", scene.namespace);
    let said = scene.shipperctl(&["remove", &app]).await.unwrap();
    assert!(said.contains("12 ready pods"), "{said}");
    for client in &clients {
        eventually(SOON, || ensure_only_kept(client, &scene.namespace)).await;
    }
    for ((deployments, services, accounts), cluster) in recorders.iter().zip(scene.fleet.clusters()) {
        let [deployment, service, account] =
            [gone(deployments, &v1), gone(services, APP), gone(accounts, APP)];
        assert!(deployment < service && service < account, "{}: out of order", cluster.name());
    }
    eventually(SOON, async || {
        ensure!(scene.status(APP).await.is_err(), "the hub still knows {app}");
        Ok(())
    })
    .await;
    scene.reached("nothing is left but what is kept");

    scene.commit(&[(&scene.file(APP), &text)], "Put the shop back").unwrap();
    let again = scene.contender_after(APP, &v1, SOON).await.unwrap();
    assert_eq!(again, v1.replace("-0", "-1"), "no name is used twice");
}

/// [X3, X5] A rewritten main changes nothing until a commit accepts it; then rollouts go on, with the same hub and agents.
#[tokio::test]
async fn x3_a_rewritten_main_goes_on_once_it_is_accepted() {
    let scene = Scene::start(Options::named("rewritten")).await.unwrap();
    let v1 = first_release(&scene).await;
    let state = scene.state.head("shipper/state").unwrap();
    scene.desk.pull().unwrap();
    scene.desk.git(["commit", "--amend", "-m", "Nobody saw this"]).unwrap();
    scene.desk.git(["push", "--force", "origin", "HEAD:main"]).unwrap();
    let rewritten = scene.desk.git(["rev-parse", "HEAD"]).unwrap();
    eventually(SOON, async || {
        let status = scene.hub().status().await?;
        ensure!(
            status.conditions.iter().any(|c| c.reason == Reason::HistoryRewritten),
            "{:?}",
            status.conditions
        );
        ensure!(
            status.refused.is_some_and(|refused| refused.commit == rewritten),
            "another commit is refused"
        );
        Ok(())
    })
    .await;
    // What people ask for now changes nothing anywhere.
    scene.edit(APP, "tag: v1", "tag: v2").unwrap();
    let asked = scene.desk.git(["rev-parse", "HEAD"]).unwrap();
    eventually(SOON, async || {
        let refused = scene.hub().status().await?.refused;
        ensure!(refused.is_some_and(|refused| refused.commit == asked), "the hub has not looked");
        Ok(())
    })
    .await;
    assert_eq!(scene.state.head("shipper/state").unwrap(), state);

    scene.shipperctl(&["repository", "accept", &asked[..10]]).await.unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.reached(&format!("{v2} is made on the new history"));
    let status = scene.hub().status().await.unwrap();
    assert_eq!(status.refused, None);
}

/// When the watch said that it is gone; now, if it is not.
fn gone<K>(recorder: &Recorder<K>, name: &str) -> Instant
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let events = recorder.events();
    let event = events.iter().find(|event| event.gone && event.object.name_any() == name);
    event.map_or_else(Instant::now, |event| event.at)
}

async fn ensure_only_kept(client: &Client, namespace: &str) -> Result<()> {
    let ours = ListParams::default().labels(&format!("shipper.dev/application={APP}"));
    let mut left = Vec::new();
    left.extend(names(&Api::<Deployment>::namespaced(client.clone(), namespace).list(&ours).await?));
    left.extend(names(&Api::<Service>::namespaced(client.clone(), namespace).list(&ours).await?));
    left.extend(names(&Api::<ServiceAccount>::namespaced(client.clone(), namespace).list(&ours).await?));
    left.extend(names(
        &Api::<PersistentVolumeClaim>::namespaced(client.clone(), namespace).list(&ours).await?,
    ));
    left.sort();
    ensure!(left == ["shop-data", "shop-kept"], "left: {left:?}");
    Ok(())
}

fn names<K: Resource + Clone>(list: &kube::api::ObjectList<K>) -> Vec<String> {
    list.items.iter().map(ResourceExt::name_any).collect()
}
