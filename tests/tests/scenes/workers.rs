//! Workers without a Service, by the strategy of the book: capacity alone, and nobody touches labels [M4, C1, C2].

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use shipper_core::status::WaitingFor;
use shipper_tests::scene::bounds::BoundsWatch;
use shipper_tests::scene::recorder::{Event, Recorder};
use shipper_tests::scene::sight::{Sight, is_ready, seen};
use shipper_tests::scene::{Options, Scene};

use super::story::SOON;

const APP: &str = "worker";
const FILE: &str = "apps/worker/all.yaml";
const APPLICATION: &str = include_str!("../../../examples/strategies/applications/shop/worker.yaml");
const STRATEGY: &str = include_str!("../../../examples/strategies/strategies/workers.yaml");
const MANIFESTS: &str = include_str!("../../../examples/strategies/apps/worker/all.yaml");
/// Workers at any step.
const WANTED: usize = 5;
/// And the surge.
const CEILING: usize = WANTED + 1;
/// What traffic is shifted by.
const MARKS: [&str; 2] = ["shipper.dev/traffic", "controller.kubernetes.io/pod-deletion-cost"];

#[tokio::test]
async fn workers_are_replaced_by_capacity_alone() {
    let scene = Scene::start(Options::named("workers")).await.unwrap();
    let application = APPLICATION.replace("namespace: shop", &format!("namespace: {}", scene.namespace));
    let files = [
        (&*scene.file(APP), &*application),
        ("strategies/workers.yaml", &STRATEGY.replace("soak: 15s", "soak: 1s")),
        (FILE, MANIFESTS),
    ];
    scene.commit(&files, "Add the workers").unwrap();
    let v1 = scene.contender_after(APP, "", SOON).await.unwrap();
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(1, 0))], None), SOON).await.unwrap();
    scene.promote(APP, &v1, "all").unwrap();
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(5, 0))], None), SOON).await.unwrap();
    scene.wait_until(APP, &v1, 2, WaitingFor::None, SOON).await.unwrap();
    let clients = scene.clients().await.unwrap();
    let mut watches = Vec::new();
    for client in &clients {
        let pods =
            Recorder::start(Api::<Pod>::namespaced(client.clone(), &scene.namespace), "").await.unwrap();
        watches.push((pods, BoundsWatch::start(client, &scene.namespace, APP).await.unwrap()));
    }

    scene.commit(&[(FILE, &MANIFESTS.replace("1.0.0", "2.0.0"))], "Release the next workers").unwrap();
    let v2 = scene.contender_after(APP, &v1, SOON).await.unwrap();
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(4, 0)), (&v2, seen(1, 0))], None), SOON).await.unwrap();
    scene.wait_until(APP, &v2, 0, WaitingFor::WaitingForCommand, SOON).await.unwrap();
    scene.reached("one worker of five is new");
    // From half on it goes by itself.
    scene.promote(APP, &v2, "half").unwrap();
    scene.wait_for(APP, &Sight::of(&[(&v1, seen(0, 0)), (&v2, seen(5, 0))], None), SOON).await.unwrap();
    scene.wait_until(APP, &v2, 2, WaitingFor::None, SOON).await.unwrap();
    scene.reached("all workers are new");

    assert_eq!(scene.steps(APP, &v2).unwrap(), [0, 1, 2]);
    let number = |capacity| (capacity, 0);
    let both = |old, new| [(&v1, number(old)), (&v2, number(new))];
    let on_the_way = [both(80, 20), both(40, 60), both(0, 100)];
    for (cluster, (client, (pods, bounds))) in scene.fleet.clusters().iter().zip(clients.iter().zip(&watches))
    {
        let name = cluster.name();
        let targets = scene.targets(name, APP).unwrap();
        for numbers in on_the_way {
            let wanted: Vec<_> = numbers.map(|(release, (c, t))| (release.clone(), c, t)).into();
            assert!(targets.contains(&wanted), "{name} never was asked for {wanted:?}: {targets:?}");
        }
        let events = pods.events();
        let marked: Vec<_> = events.iter().filter(|event| is_marked(&event.object)).collect();
        assert!(marked.is_empty(), "{name}: {marked:?}");
        let (fewest, pictures) = (fewest_ready(&events), bounds.ensure_within(0, CEILING).unwrap());
        scene.reached(&format!(
            "{name}: at least {fewest} ready pods, and the ceiling held at {pictures} events"
        ));
        assert!(fewest >= WANTED, "{name} had {fewest} ready workers");
        let services: Api<Service> = Api::namespaced(client.clone(), &scene.namespace);
        assert_eq!(services.list(&ListParams::default()).await.unwrap().items.len(), 0);
    }
}

fn is_marked(pod: &Pod) -> bool {
    MARKS.iter().any(|mark| pod.labels().contains_key(*mark) || pod.annotations().contains_key(*mark))
}

/// The fewest pods that were ready at any event.
fn fewest_ready(events: &[Event<Pod>]) -> usize {
    let mut ready: BTreeMap<String, bool> = BTreeMap::new();
    let counts = events.iter().map(|event| {
        let over = event.gone || event.object.metadata.deletion_timestamp.is_some();
        ready.insert(event.object.name_any(), !over && is_ready(&event.object));
        ready.values().filter(|ready| **ready).count()
    });
    // The first are those that were there.
    counts.skip(WANTED).min().unwrap_or(0)
}
