//! The model itself: faults, failures, compaction, determinism.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use shipper_sim::{
    Cluster, Delay, Faults, Options, Patch, Subresource, WatchEvent, WatchQuery, WatchStep, WriteOptions,
    ids, object,
};

const MINUTE: Duration = Duration::from_secs(60);

fn cluster(options: Options, seed: u64) -> Cluster {
    Cluster::new(options, StdRng::seed_from_u64(seed))
}

fn deployment(image: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    })
}

fn create(cluster: &mut Cluster, image: &str, replicas: u32) {
    let options = WriteOptions::by("test");
    cluster
        .create(ids::DEPLOYMENTS, "default", deployment(image, replicas), &options)
        .expect("create the Deployment");
}

fn scale(cluster: &mut Cluster, replicas: u32) {
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    let options = WriteOptions::by("test");
    cluster
        .patch(ids::DEPLOYMENTS, ("default", "web"), &patch, Subresource::None, &options)
        .expect("scale the Deployment");
}

fn rest(cluster: &mut Cluster) {
    let limit = cluster.now() + MINUTE;
    cluster.settle(limit);
}

fn status(cluster: &Cluster, field: &str) -> i64 {
    let web = cluster.peek(ids::DEPLOYMENTS, "default", "web").expect("the Deployment exists");
    web["status"][field].as_i64().unwrap_or_default()
}

fn pods(cluster: &Cluster) -> Vec<String> {
    cluster.peek_all(ids::PODS, Some("default")).map(|p| object::name(p).to_owned()).collect()
}

#[test]
fn a_deployment_becomes_ready_when_its_pods_have_started() {
    let mut cluster = cluster(Options { start: Delay::millis(700), ..Options::default() }, 1);
    create(&mut cluster, "app:1", 3);
    cluster.advance(Duration::from_millis(600));
    assert_eq!((pods(&cluster).len(), status(&cluster, "readyReplicas")), (3, 0));
    cluster.advance(Duration::from_millis(800));
    assert_eq!(status(&cluster, "availableReplicas"), 3);
}

#[test]
fn broken_and_crashing_images_say_why_they_wait() {
    for (image, reason) in [("broken:1", "ImagePullBackOff"), ("crash:1", "CrashLoopBackOff")] {
        let mut cluster = cluster(Options::default(), 1);
        create(&mut cluster, image, 1);
        rest(&mut cluster);
        let pod = cluster.peek_all(ids::PODS, Some("default")).next().unwrap().clone();
        assert_eq!(object::text(&pod, "/status/containerStatuses/0/state/waiting/reason"), reason);
        assert_eq!(status(&cluster, "readyReplicas"), 0);
    }
}

#[test]
fn a_quota_shows_as_replica_failure_and_heals() {
    let mut cluster = cluster(Options { max_pods: Some(2), ..Options::default() }, 1);
    create(&mut cluster, "app:1", 3);
    rest(&mut cluster);
    let web = cluster.peek(ids::DEPLOYMENTS, "default", "web").unwrap();
    assert_eq!(object::condition(&web, "ReplicaFailure"), "True");
    assert_eq!(status(&cluster, "readyReplicas"), 2);
    cluster.options_mut().max_pods = None;
    rest(&mut cluster);
    let web = cluster.peek(ids::DEPLOYMENTS, "default", "web").unwrap();
    assert_eq!((object::condition(&web, "ReplicaFailure"), status(&cluster, "readyReplicas")), ("", 3));
}

#[test]
fn the_cheapest_and_the_unready_go_first_and_then_anyone() {
    let mut survivors = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut cluster = cluster(Options::default(), seed);
        create(&mut cluster, "app:1", 4);
        rest(&mut cluster);
        let names = pods(&cluster);
        cluster.set_pod_ready("default", &names[0], false).unwrap();
        let cost = json!({"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "-1"}}});
        let options = WriteOptions::by("test");
        let patch = Patch::Merge(cost);
        cluster.patch(ids::PODS, ("default", &names[1]), &patch, Subresource::None, &options).unwrap();
        rest(&mut cluster);
        scale(&mut cluster, 1);
        rest(&mut cluster);
        let left = pods(&cluster);
        assert_eq!(left.len(), 1);
        assert!(left[0] == names[2] || left[0] == names[3], "{left:?} of {names:?}");
        survivors.insert(left[0] == names[2]);
    }
    assert_eq!(survivors.len(), 2, "the choice among equals is always the same");
}

#[test]
fn a_watch_from_before_a_compaction_ends_with_410() {
    let mut cluster = cluster(Options::default(), 1);
    let version = cluster.version();
    create(&mut cluster, "app:1", 1);
    let query = WatchQuery { version: Some(version), ..WatchQuery::default() };
    let mut seen = cluster.watch(ids::DEPLOYMENTS, Some("default"), query.clone()).unwrap();
    assert!(matches!(cluster.poll_watch(&mut seen), WatchStep::Event(WatchEvent::Added(_))));
    cluster.compact();
    let mut late = cluster.watch(ids::DEPLOYMENTS, Some("default"), query).unwrap();
    let WatchStep::Event(WatchEvent::Error(status)) = cluster.poll_watch(&mut late) else {
        panic!("no error")
    };
    assert_eq!((&status["code"], &status["reason"]), (&json!(410), &json!("Expired")));
    assert_eq!(cluster.poll_watch(&mut late), WatchStep::End);
}

#[test]
fn a_lagging_watch_tells_later_and_dropped_ones_end() {
    let mut cluster = cluster(Options::default(), 1);
    let lag = Some(Delay::millis(300));
    let query = WatchQuery { version: Some(cluster.version()), lag, ..WatchQuery::default() };
    let mut watch = cluster.watch(ids::DEPLOYMENTS, None, query).unwrap();
    create(&mut cluster, "app:1", 0);
    assert_eq!(cluster.poll_watch(&mut watch), WatchStep::Wait(Some(Duration::from_millis(300))));
    cluster.advance(Duration::from_millis(300));
    assert!(matches!(cluster.poll_watch(&mut watch), WatchStep::Event(WatchEvent::Added(_))));
    cluster.drop_watches();
    assert_eq!(cluster.poll_watch(&mut watch), WatchStep::End);
}

#[test]
fn faults_strike_the_share_that_was_asked_for_and_are_counted() {
    let mut cluster = cluster(Options::default(), 1);
    cluster.faults = Faults { fail: 0.5, codes: vec![429, 503], ..Faults::default() };
    let failed =
        (0..1000).filter(|_| cluster.get(ids::PODS, "default", "x").is_err_and(|e| e.code != 404)).count();
    assert!((400..600).contains(&failed), "{failed} of 1000");
    assert_eq!(cluster.requests()[&("get", "pods".to_owned())], 1000);
    let deny = |_: &str, _: &shipper_sim::Resource, o: &Value| match object::label(o, "app") {
        "" => Err("label app is missing".to_owned()),
        _ => Ok(()),
    };
    let webhook =
        Some(("labels.example.com".to_owned(), std::sync::Arc::new(deny) as shipper_sim::Admission));
    cluster.faults = Faults { webhook, ..Faults::default() };
    let refused =
        cluster.create(ids::DEPLOYMENTS, "default", deployment("app:1", 1), &WriteOptions::by("test"));
    assert!(
        refused.unwrap_err().message.contains("admission webhook \"labels.example.com\" denied the request")
    );
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let run = |seed| {
        let lag = Delay::Between(Duration::ZERO, Duration::from_millis(200));
        let mut cluster = cluster(Options { controller_lag: lag, start: lag, ..Options::default() }, seed);
        create(&mut cluster, "app:1", 5);
        rest(&mut cluster);
        scale(&mut cluster, 2);
        rest(&mut cluster);
        (cluster.version(), pods(&cluster))
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_rolling_update_never_goes_below_its_floor_nor_above_its_ceiling() {
    for seed in 0..10 {
        let lag = Delay::Between(Duration::ZERO, Duration::from_millis(400));
        let mut cluster = cluster(Options { start: lag, ..Options::default() }, seed);
        create(&mut cluster, "app:1", 8);
        rest(&mut cluster);
        let patch = Patch::Strategic(
            json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "app:2"}]}}}}),
        );
        let options = WriteOptions::by("test");
        cluster.patch(ids::DEPLOYMENTS, ("default", "web"), &patch, Subresource::None, &options).unwrap();
        let end = cluster.now() + MINUTE;
        while let Some(at) = cluster.next_event().filter(|at| *at <= end) {
            cluster.advance(at);
            let alive: Vec<_> =
                cluster.peek_all(ids::PODS, Some("default")).filter(|p| !object::is_deleting(p)).collect();
            let ready = alive.iter().filter(|p| object::pod_is_ready(p)).count();
            assert!(ready >= 6 && alive.len() <= 10, "seed {seed}: {ready} ready of {}", alive.len());
        }
        assert_eq!((status(&cluster, "updatedReplicas"), status(&cluster, "availableReplicas")), (8, 8));
        assert_eq!(pods(&cluster).len(), 8);
    }
}
