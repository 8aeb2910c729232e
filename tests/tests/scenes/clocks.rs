//! Agents whose clocks are ten minutes wrong [A4, C5, C9].

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use shipper_core::status::{Liveness, WaitingFor};
use shipper_tests::eventually::eventually;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::{APP, Floor, SOON, first_release, staging};

/// Fast and slow, in seconds; the agent of the first cluster has the right time.
const CLOCKS: [i64; 3] = [0, 600, -600];
/// What the time takes from an agent to us, in seconds.
const NEAR: i64 = 60;
const PODS: &str = "charts/shop/templates/deployment.yaml";
const GATE: &str = "        gate: {approval: auto, soak: 2s, analysis: [{name: page, http: {url: \"$HUB/healthz\", status: [200]}, interval: 1s, count: 3}]}\n";

/// Scene 7: clocks that are ten minutes wrong, in both directions, delay nothing and hurry nothing: pods, settling, soak and analysis
/// take the same time in every cluster, and nobody takes a Lease from one who has it.
#[tokio::test]
async fn clocks_that_are_ten_minutes_wrong_change_nothing() {
    let scene = Scene::start(Options { clocks: &CLOCKS, ..Options::named("clocks") }).await.unwrap();
    let deployment = scene.desk.read(PODS).unwrap();
    let deployment = deployment.replacen("\nspec:\n", "\nspec:\n  minReadySeconds: 2\n", 1);
    scene.commit(&[(PODS, &deployment)], "Pods have to be ready for a while").unwrap();
    let v1 = first_release(&scene).await;
    let clients = scene.clients().await.unwrap();
    for (client, clock) in clients.iter().zip(CLOCKS) {
        wrong_by(client, &scene.namespace, clock).await;
    }
    let floor = Floor::watch(&scene).await;
    let holders = leases(&clients[0], &scene.namespace).await.unwrap();
    let first = &scene.fleet.clusters()[0];
    let others = [("fast", 600), ("slow", -600)]
        .map(|(name, clock)| scene.start_agent(&format!("agent-beside-{name}"), first, clock).unwrap());

    let file = scene.file(APP);
    let half = "        traffic: {contender: 50, incumbent: 50}\n";
    let gate = GATE.replace("$HUB", &scene.hub().url);
    let text = scene.desk.read(&file).unwrap();
    assert!(text.contains(half), "{text}");
    let text = text.replace(half, &format!("{half}{gate}")).replace("tag: v1", "tag: v2");
    scene.commit(&[(&file, &text)], "Release v2, measured").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    staging(&scene, &v1, &v2).await;
    scene.promote(APP, &v2, "50/50").unwrap();
    // Through the gate by itself.
    let status = scene.wait_until(APP, &v2, 2, WaitingFor::None, SOON).await.unwrap();
    scene.reached("v2 has passed the gate everywhere");
    let full = Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(4, 4))], Some(&v2));
    scene.wait_for(APP, &full, SOON).await.unwrap();
    assert_eq!(scene.steps(APP, &v2).unwrap(), [0, 1, 2]);
    for cluster in &status.clusters {
        assert_eq!((cluster.liveness, &cluster.failing), (Liveness::Online, &None), "{cluster:?}");
    }
    floor.assert_held(&scene, 4);

    // The Lease of the first cluster is whose it was, although the clocks of two others say that it ended long ago or is of the future.
    assert_eq!(leases(&clients[0], &scene.namespace).await.unwrap(), holders);
    others.iter().for_each(|agent| agent.ensure_running().unwrap());
    scene.ensure_one_line().unwrap();
}

/// The Lease that the agent keeps says the time that the agent has.
async fn wrong_by(client: &Client, namespace: &str, clock: i64) {
    eventually(SOON, async || {
        let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
        let lease = leases.list(&ListParams::default()).await?.items.pop().context("no Lease")?;
        let renewed = lease.spec.and_then(|spec| spec.renew_time).context("never renewed")?.0;
        let wrong = renewed.duration_since(Timestamp::now()).as_secs();
        ensure!((wrong - clock).abs() < NEAR, "the clock is wrong by {wrong} s and not by {clock} s");
        anyhow::Ok(())
    })
    .await;
}

/// Every Lease with its holder, and how often it changed hands.
async fn leases(client: &Client, namespace: &str) -> Result<Vec<(String, Option<String>, Option<i32>)>> {
    let leases = Api::<Lease>::namespaced(client.clone(), namespace).list(&ListParams::default()).await?;
    let of = |lease: &Lease| {
        let spec = lease.spec.clone().unwrap_or_default();
        (lease.name_any(), spec.holder_identity, spec.lease_transitions)
    };
    Ok(leases.items.iter().map(of).collect())
}
