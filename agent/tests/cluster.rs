//! An agent against a simulated cluster, a repository on disk, and a hub that listens; time is simulated.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use serde_json::json;
use shipper_agent::hub::HubError;
use shipper_core::catalogue::Trouble;
use shipper_core::state::StateObject;
use shipper_sim::lock;
use std::time::Duration;
use support::{RELEASE, World, app_key, manifests};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_target_converges_and_is_reported_as_achieved() {
    let world = World::new();
    world.repo.target(1, 100, &manifests(3, "hello"));
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    let service = world.get("v1", "Service", "web").unwrap();
    assert_eq!(service["spec"]["selector"]["shipper.dev/release"], RELEASE, "corked");
    assert_eq!(world.get("apps/v1", "Deployment", RELEASE).unwrap()["status"]["readyReplicas"], 3);
    let config = world.get("v1", "ConfigMap", &format!("settings-{RELEASE}")).unwrap();
    assert_eq!(config["data"]["greeting"], "hello");
    assert!(agent.status.is_ready() && agent.status.is_acting());
    assert!(
        agent.status.metrics().contains("_api_requests_total{cluster=\"c1\",verb=\"patch\",code=\"200\"}")
    );
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn c7_drift_is_repaired_within_a_second() {
    let world = World::new();
    world.repo.target(1, 100, &manifests(3, "hello"));
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    let settings = format!("settings-{RELEASE}");

    world.patch("v1", "ConfigMap", &settings, json!({"data": {"greeting": "drifted"}}));
    let greeting = || world.get("v1", "ConfigMap", &settings).map(|map| map["data"]["greeting"].clone());
    let changed = world.until("put back", || greeting() == Some(json!("hello"))).await;
    assert!(changed < Duration::from_secs(1), "{changed:?}");

    world.delete("v1", "ConfigMap", &settings);
    let deleted = world.until("made anew", || greeting() == Some(json!("hello"))).await;
    assert!(deleted < Duration::from_secs(1), "{deleted:?}");

    world.patch("apps/v1", "Deployment", RELEASE, json!({"spec": {"replicas": 1}}));
    let replicas = || world.get("apps/v1", "Deployment", RELEASE).unwrap()["spec"]["replicas"].clone();
    let scaled = world.until("scaled back", || replicas() == json!(3)).await;
    assert!(scaled < Duration::from_secs(1), "{scaled:?}");
    agent.stop().await;
}

/// [C7] Twice at once, then with longer and longer pauses; who it is and what to do is in the report, until it is over.
#[tokio::test(start_paused = true)]
async fn c7_a_fight_is_not_fought_at_full_speed_and_is_reported() {
    let world = World::new();
    world.repo.target(1, 100, &manifests(3, "hello"));
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    let pod = lock(&world.cluster)
        .peek_all(shipper_sim::ids::PODS, Some("shop"))
        .next()
        .and_then(|pod| pod["metadata"]["name"].as_str().map(str::to_owned))
        .unwrap();
    let selector = || world.get("v1", "Service", "web").unwrap()["spec"]["selector"].clone();
    let label = || world.get("v1", "Pod", &pod).unwrap()["metadata"]["labels"]["shipper.dev/traffic"].clone();
    let corked = selector();
    let mut took = Vec::new();
    for _ in 0..5 {
        world.patch("v1", "Service", "web", json!({"spec": {"selector": {"app": "mine"}}}));
        world.patch("v1", "Pod", &pod, json!({"metadata": {"labels": {"shipper.dev/traffic": null}}}));
        let service = world.until("selector put back", || selector() == corked).await;
        let pod = world.until("label put back", || label() == json!("true")).await;
        took.push((service.as_secs(), pod.as_secs()));
    }
    let pauses: Vec<u64> = took.iter().map(|(service, pod)| service + pod).collect();
    assert_eq!(&pauses[..2], [0, 0], "{took:?}");
    assert!(pauses[2] < pauses[3] && pauses[3] < pauses[4], "{took:?}");
    let conflicts = || {
        let inner = world.hub.inner.lock().unwrap();
        let problems = inner.applications[&app_key()].problems.clone();
        problems.into_iter().filter(|p| p.reason == Trouble::FieldConflict).collect::<Vec<_>>()
    };
    world.until("reported", || conflicts().len() == 2).await;
    let said = format!("{:?}", conflicts());
    for words in ["Service shop/web", &pod, "field managers: someone"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(conflicts().iter().all(|problem| problem.heals), "a fight is no failure");
    sleep(Duration::from_secs(700)).await;
    assert!(conflicts().is_empty(), "what is over is not reported for ever");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn c9_a_restart_writes_nothing_and_needs_no_repository() {
    let world = World::new();
    world.repo.target(1, 100, &manifests(3, "hello"));
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    agent.kill().await;
    let sessions = world.hub.inner.lock().unwrap().sessions;
    let written = world.requests(&["patch", "create", "delete", "update"]);
    std::fs::rename(world.repo.path(), world.repo.dir.path().join("away.git")).unwrap();
    world.hub.inner.lock().unwrap().applications.clear();

    let agent = world.agent("a", 2);
    world.until("achieved again", || world.hub.achieved(1)).await;
    world.until("acting", || agent.status.is_acting()).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(
        world.requests(&["patch", "create", "delete", "update"]),
        written,
        "a restart changes nothing"
    );
    assert!(world.hub.inner.lock().unwrap().sessions > sessions, "a new process opens a session");
    let problems = world.hub.problems();
    assert!(problems.iter().any(|problem| problem.contains("state branch")), "{problems:?}");

    world.delete("v1", "ConfigMap", &format!("settings-{RELEASE}"));
    let there = || world.get("v1", "ConfigMap", &format!("settings-{RELEASE}")).is_some();
    world.until("drift is repaired without repository", there).await;
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn at_rest_the_api_server_is_left_alone_but_for_the_lease() {
    let world = World::new();
    world.repo.target(1, 100, &manifests(3, "hello"));
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    sleep(Duration::from_secs(20)).await;
    let all = ["get", "list", "watch", "patch", "create", "delete", "update"];
    let before = world.requests(&all);
    let reports = world.hub.inner.lock().unwrap().reports.len();
    sleep(Duration::from_secs(200)).await;
    assert_eq!(world.requests(&all), before);
    let heartbeats = world.hub.inner.lock().unwrap().reports.len() - reports;
    assert!((6..=8).contains(&heartbeats), "{heartbeats} reports in 200 s with a heartbeat of 30 s");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn c9_one_agent_acts_and_the_next_takes_over() {
    let world = World::new();
    world.repo.target(1, 100, &manifests(1, "hello"));
    let first = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    let second = world.agent("b", 2);
    sleep(Duration::from_secs(60)).await;
    assert!(first.status.is_acting() && !second.status.is_acting());
    assert_eq!(
        world.hub.inner.lock().unwrap().sessions,
        1,
        "who only observes does not speak for the cluster"
    );

    first.stop().await;
    let handed_over = world.until("handed over", || second.status.is_acting()).await;
    assert!(handed_over < Duration::from_secs(10), "{handed_over:?}");

    second.kill().await;
    let third = world.agent("c", 3);
    let taken = world.until("taken over", || third.status.is_acting()).await;
    assert!(taken > Duration::from_secs(20) && taken < Duration::from_secs(45), "{taken:?}");
    third.stop().await;
}

#[tokio::test(start_paused = true)]
async fn c8_an_object_of_somebody_else_is_not_taken() {
    let world = World::new();
    let settings = format!("settings-{RELEASE}");
    {
        let mut cluster = lock(&world.cluster);
        for (kind, namespace, object) in [
            ("Namespace", "", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})),
            (
                "ConfigMap",
                "shop",
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": settings}, "data": {"greeting": "mine"}}),
            ),
        ] {
            let id = cluster.resource("v1", kind).unwrap();
            cluster.create(id, namespace, object, &shipper_sim::WriteOptions::by("helm")).unwrap();
        }
    }
    world.repo.target(1, 100, &manifests(1, "hello"));
    let agent = world.agent("a", 1);
    let reason = || {
        let inner = world.hub.inner.lock().unwrap();
        inner.applications.get(&app_key()).and_then(|app| app.problems.first().map(|p| p.reason))
    };
    world.until("reported", || reason() == Some(Trouble::OwnershipConflict)).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.get("v1", "ConfigMap", &settings).unwrap()["data"]["greeting"], "mine");

    world.delete("v1", "ConfigMap", &settings);
    world.until("achieved once it is gone", || world.hub.achieved(1)).await;
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_api_server_delays_and_nothing_more() {
    let world = World::new();
    {
        let mut cluster = lock(&world.cluster);
        cluster.faults.fail = 0.2;
        cluster.faults.codes = vec![429, 500, 503];
    }
    world.repo.target(1, 100, &manifests(3, "hello"));
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    lock(&world.cluster).drop_watches();
    lock(&world.cluster).compact();
    world.repo.target(2, 50, &manifests(4, "again"));
    world.until("achieved after lost watches", || world.hub.achieved(2)).await;
    assert_eq!(world.get("apps/v1", "Deployment", RELEASE).unwrap()["spec"]["replicas"], 2);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn x1_a_target_that_disappears_removes_nothing() {
    let world = World::new();
    world.repo.target(1, 100, &manifests(1, "hello"));
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    let release = format!("clusters/c1/shop/web/{RELEASE}.yaml");
    world.repo.commit(&[("clusters/c1/shop/web/target.yaml", None), (&release, None)]);
    sleep(Duration::from_secs(90)).await;
    assert!(world.get("apps/v1", "Deployment", RELEASE).is_some());
    assert!(world.hub.inner.lock().unwrap().gone.is_empty(), "what is present is not gone");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn x5_reports_are_numbered_and_sent_again_until_they_are_stored() {
    let world = World::new();
    world.repo.target(1, 100, &manifests(1, "hello"));
    world.hub.inner.lock().unwrap().failures = vec![
        HubError::Unreachable("away".to_owned()),
        HubError::Failed {
            status: 503,
            message: "busy".to_owned(),
            retry_after: Some(Duration::from_secs(7)),
        },
        HubError::SessionUnknown,
    ];
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    {
        let inner = world.hub.inner.lock().unwrap();
        assert_eq!(inner.sessions, 2, "an unknown session is replaced");
        for session in ["s1", "s2"] {
            let numbers: Vec<u64> = inner
                .reports
                .iter()
                .filter(|report| report.session == session)
                .map(|report| report.sequence)
                .collect();
            assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{session}");
        }
        assert_eq!(inner.reports.iter().filter(|report| report.session == "s1").count(), 3);
    }
    agent.stop().await;
}

/// [A6] An agent that meets a hub which stands by asks again every few seconds, for another session each time, and says for how long no
/// hub that acts has answered it.
#[tokio::test(start_paused = true)]
async fn a6_an_agent_says_for_how_long_no_hub_acts_for_it() {
    let world = World::new();
    world.repo.target(1, 100, &manifests(1, "hello"));
    let away = || HubError::StandsBy {
        message: "another acts".to_owned(),
        retry_after: Some(Duration::from_secs(5)),
    };
    {
        let mut inner = world.hub.inner.lock().unwrap();
        inner.failures = vec![away()];
        inner.sends_away = (0..8).map(|_| away()).collect();
    }
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    {
        let inner = world.hub.inner.lock().unwrap();
        let unheard: Vec<u64> = inner.asked.iter().map(|request| request.unheard_seconds.unwrap()).collect();
        assert_eq!(unheard.len(), 10, "nine are sent away: {unheard:?}");
        assert!(unheard[..9].is_sorted(), "{unheard:?}");
        assert!((30..50).contains(&unheard[8]), "about every five seconds: {unheard:?}");
        assert_eq!(inner.sessions, 2, "the session with a hub that stands by is given up");
    }
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn r7_a_tombstone_finds_objects_of_kinds_that_no_manifest_names() {
    let world = World::new();
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {
            "name": format!("budget-{RELEASE}"), "namespace": "shop",
            "labels": {"shipper.dev/application": "web", "shipper.dev/release": RELEASE},
        },
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    });
    let all = format!("{}---\n{budget}\n", manifests(1, "hello"));
    world.repo.target(1, 100, &all);
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    world.repo.target(2, 0, &all);
    let pods = || {
        let inner = world.hub.inner.lock().unwrap();
        inner.applications.get(&app_key()).map(|app| (app.target_generation, app.releases[0].capacity.pods))
    };
    world.until("empty", || pods() == Some((2, 0))).await;
    agent.stop().await;

    let there = || world.get("policy/v1", "PodDisruptionBudget", &format!("budget-{RELEASE}")).is_some();
    assert!(there());
    let mut target = support::target(3, 0);
    target.releases[0].absent = true;
    world.repo.commit(&[
        ("clusters/c1/shop/web/target.yaml", Some(&target.to_yaml().unwrap())),
        (&format!("clusters/c1/shop/web/{RELEASE}.yaml"), None),
    ]);
    // With an empty data directory: not even the last accepted target is known.
    let agent = world.agent("b", 2);
    world.until("removed", || !there()).await;
    let deployment = || world.get("apps/v1", "Deployment", RELEASE);
    world.until("removed too", || deployment().is_none()).await;
    agent.stop().await;
}

/// In real time: events of the file system know no other.
#[tokio::test]
async fn a_commit_to_a_repository_on_this_machine_is_seen_at_once() {
    let world = World::new();
    world.repo.target(1, 100, &manifests(1, "hello"));
    let agent = world.agent("a", 1);
    world.until("achieved", || world.hub.achieved(1)).await;
    world.repo.target(2, 100, &manifests(1, "again"));
    let seen = world.until("achieved anew", || world.hub.achieved(2)).await;
    assert!(seen < Duration::from_secs(30), "{seen:?}, the poll is every 60 s");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn s1_what_is_free_is_reported_and_pods_of_others_count() {
    let world = World::new();
    world.repo.target(1, 100, &manifests(3, "hello"));
    let agent = world.agent("a", 1);
    let free = || {
        let inner = world.hub.inner.lock().unwrap();
        inner.reports.last().and_then(|report| serde_json::to_value(report.free.clone()?).ok())
    };
    // Three nodes of 32 CPUs, and three pods that ask for nothing.
    world.until("free", || free().is_some_and(|free| free["pods"] == "2997" && free["cpu"] == "96")).await;
    {
        let mut cluster = lock(&world.cluster);
        let by = shipper_sim::WriteOptions::by("someone");
        let pods = cluster.resource("v1", "Pod").unwrap();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "other", "namespace": "shop"},
            "spec": {"containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": "1500m"}}}]},
        });
        cluster.create(pods, "shop", pod, &by).unwrap();
        let nodes = cluster.resource("v1", "Node").unwrap();
        let cordon = shipper_sim::Patch::Merge(json!({"spec": {"unschedulable": true}}));
        cluster.patch(nodes, ("", "node-c"), &cordon, shipper_sim::Subresource::None, &by).unwrap();
    }
    let lower = || free().is_some_and(|free| ["62500m", "64"].contains(&free["cpu"].as_str().unwrap()));
    world.until("less is free", lower).await;
    agent.stop().await;
}
