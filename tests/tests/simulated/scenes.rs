//! The scenes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use shipper_core::status::WaitingFor;
use shipper_tests::scene::recorder::Recorder;
use shipper_tests::scene::sight::{Sight, seen};
use shipper_tests::simulated::{APP, NAMESPACE, Simulation};
use tokio::time::sleep;

use super::story::{Floor, first_release, half, promote, roll_out, staging};

const TAG: &str = "example.com/tag";

/// Three releases through staging, 50/50 and full on [C1, C2, C5, C6, M1, M7, R7].
#[tokio::test(start_paused = true)]
async fn three_releases_step_by_step() {
    let fleet = Simulation::start(1).await;
    let v1 = first_release(&fleet).await;
    let floor = Floor::watch(&fleet).await;

    fleet.people.edit("1.0.0", "2.0.0");
    fleet.pushed().await;
    let v2 = fleet.contender_after(&v1).await;
    roll_out(&fleet, &v1, &v2).await;

    fleet.people.edit("2.0.0", "3.0.0");
    fleet.pushed().await;
    let v3 = fleet.contender_after(&v2).await;
    // From here on nothing of the first is left: this sees exactly two releases at every step.
    roll_out(&fleet, &v2, &v3).await;
    floor.assert_held(&fleet, 4);
    fleet.end();
}

/// `git revert` in the middle of a rollout [M8, C1, C2, C11].
#[tokio::test(start_paused = true)]
async fn a_revert_at_half_brings_the_incumbent_back_first() {
    let fleet = Simulation::start(2).await;
    let v1 = first_release(&fleet).await;
    let floor = Floor::watch(&fleet).await;
    let asked = fleet.people.edit("1.0.0", "2.0.0");
    fleet.pushed().await;
    let v2 = fleet.contender_after(&v1).await;
    staging(&fleet, &v1, &v2).await;
    half(&fleet, &v1, &v2).await;
    let mut deployments: Vec<Recorder<Deployment>> = Vec::new();
    for (_, client) in &fleet.clusters {
        // The newest release with capacity decides on what is shared, the lead on the Service.
        fleet.eventually(|| ensure_tags(client, "2.0.0", "1.0.0")).await;
        let api = Api::namespaced(client.clone(), NAMESPACE);
        deployments.push(Recorder::start(api, &format!("shipper.dev/release={v2}")).await.unwrap());
    }

    let reverted = Instant::now();
    fleet.people.revert(asked);
    fleet.pushed().await;
    let status = fleet.wait_until(&v1, 2, WaitingFor::None).await;
    assert_eq!(status.releases.len(), 2, "a return makes no release: {:?}", status.releases);
    fleet.wait_for(&Sight::of(&[(&v1, seen(4, 4))], Some(&v1))).await;
    floor.assert_held(&fleet, 4);
    for ((endpoints, deployments), (cluster, client)) in
        floor.watches().iter().zip(&deployments).zip(&fleet.clusters)
    {
        let moments = endpoints.moments_since(reverted);
        let back = moments.iter().find(|moment| moment.of(&v1) == 4).expect("it has them by now").at;
        let fewer = |it: &Deployment| it.spec.as_ref().and_then(|spec| spec.replicas) < Some(2);
        let events = deployments.events();
        let shrunk =
            events.iter().find(|event| event.gone || fewer(&event.object)).expect("it is gone by now").at;
        assert!(back < shrunk, "{cluster}: {v2} shrank {:?} before {v1} was back", back - shrunk);
        fleet.eventually(|| ensure_tags(client, "1.0.0", "1.0.0")).await;
        fleet.eventually(|| ensure_nothing_of(client, &v2)).await;
    }
    fleet.end();
}

/// Pods that never become ready [C1, C2, A5].
#[tokio::test(start_paused = true)]
async fn a_broken_image_takes_nothing_from_the_incumbent() {
    let fleet = Simulation::start(3).await;
    let v1 = first_release(&fleet).await;
    let floor = Floor::watch(&fleet).await;
    let asked = fleet.people.edit("registry.example/shop", "registry.example/broken");
    fleet.pushed().await;
    let v2 = fleet.contender_after(&v1).await;
    fleet.wait_until(&v2, 0, WaitingFor::WaitingForCapacity).await;

    // Going on all the same moves no traffic, and neither does the deadline that passes.
    promote(&fleet, &v2, "50/50").await;
    fleet.wait_until(&v2, 1, WaitingFor::WaitingForCapacity).await;
    sleep(Duration::from_secs(90)).await;
    let status = fleet.wait_until(&v2, 1, WaitingFor::WaitingForCapacity).await;
    for (cluster, sight) in fleet.sights().await.unwrap() {
        let (old, new) = (sight.releases[&v1], sight.releases[&v2]);
        assert_eq!((old.replicas, old.ready, old.endpoints), (4, 4, 4), "{cluster}: {sight}");
        assert_eq!((new.replicas, new.ready, new.endpoints), (2, 0, 0), "{cluster}: {sight}");
    }
    assert_eq!(status.waiting.clusters.len(), 3, "{:?}", status.waiting);
    assert!(status.waiting.message.contains("ImagePullBackOff"), "{}", status.waiting.message);
    assert_eq!(status.clusters.len(), 3);
    for cluster in &status.clusters {
        assert_eq!(cluster.waiting, WaitingFor::WaitingForCapacity, "{cluster:#?}");
        let broken = cluster.releases.iter().find(|release| release.name.as_str() == v2).unwrap();
        let pods: Vec<_> = broken.pods.iter().map(|group| (group.reason.as_str(), group.count)).collect();
        assert_eq!(pods, [("ImagePullBackOff", 2)], "{cluster:#?}");
    }
    fleet.reached(&status.waiting.message);

    fleet.people.revert(asked);
    fleet.pushed().await;
    fleet.wait_until(&v1, 2, WaitingFor::None).await;
    fleet.wait_for(&Sight::of(&[(&v1, seen(4, 4))], Some(&v1))).await;
    floor.assert_held(&fleet, 4);
    fleet.end();
}

async fn ensure_tags(client: &Client, shared: &str, lead: &str) -> Result<()> {
    let account: ServiceAccount = Api::namespaced(client.clone(), NAMESPACE).get(APP).await?;
    let service: Service = Api::namespaced(client.clone(), NAMESPACE).get(APP).await?;
    let tags = (account.annotations().get(TAG).cloned(), service.annotations().get(TAG).cloned());
    ensure!(tags == (Some(shared.into()), Some(lead.into())), "account and Service are of {tags:?}");
    Ok(())
}

async fn ensure_nothing_of(client: &Client, release: &str) -> Result<()> {
    let labels = ListParams::default().labels(&format!("shipper.dev/release={release}"));
    let deployments = Api::<Deployment>::namespaced(client.clone(), NAMESPACE).list(&labels).await?;
    let configs = Api::<ConfigMap>::namespaced(client.clone(), NAMESPACE).list(&labels).await?;
    let names =
        deployments.iter().map(ResourceExt::name_any).chain(configs.iter().map(ResourceExt::name_any));
    let left: Vec<String> = names.collect();
    ensure!(left.is_empty(), "left of {release}: {left:?}");
    Ok(())
}
