//! An application: what it waits for, what is new, what may be done, what happened.

use crate::details::Details;
use crate::store::{Measurement, TimelineEvent};
use crate::ui::support::{commit, hub, images, records, rollout, two};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use shipper_core::AppKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn an_application_says_what_it_waits_for_and_shows_the_last_words_of_a_pod() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let commit = commit("Jo Doe", "Sell more");
    hub.answer_details(Details {
        commits: BTreeMap::from([(commit.id.clone(), commit.clone())]),
        ..Details::default()
    });
    hub.shared
        .log(vec![TimelineEvent {
            at: "2026-11-01T10:05:00Z".parse().unwrap(),
            application: Some(AppKey::new("web", "shop")),
            cluster: None,
            reason: "Created".to_owned(),
            message: "shop-new-0 was made".to_owned(),
            commit: Some(commit),
        }])
        .await
        .unwrap();
    let page = hub.get("/applications/web/shop").await;
    assert_eq!(page.status, StatusCode::OK);
    let read = page.read().replace('\n', " ");
    for wanted in [
        "Waits for capacity",
        "eu-1: 0 of 2 pods of shop-new-0 are available",
        "ImagePullBackOff 2 pods of shop-new-0 in eu-1",
        "shop-new-0-abc in eu-1",
        "Back-off pulling image \"shop:broken\"",
        "shipperctl promote web/shop --release shop-new-0 --step 'full on'",
        "shipperctl abort web/shop --release shop-new-0",
        "Sell more Jo Doe, 0123456789",
        "shop-new-0 was made Sell more Jo Doe, 0123456789",
        "0 of 2",
        "achieved 2026-11-01 10:05:00 UTC",
    ] {
        assert!(read.contains(wanted), "{wanted:?} is not in {read}");
    }
    assert!(page.text.contains(r#"class="here" aria-current="step""#));
}

#[tokio::test]
async fn the_trouble_that_explains_most_comes_first_and_is_open() {
    let hub = hub().await;
    hub.clusters(&two());
    let mut status = rollout("web/shop");
    let pods = |reason: &str, count: u32| json!({"reason": reason, "count": count, "example": "shop-new-0-abc", "message": ""});
    let late =
        json!({"kind": "noProgress", "since": "2026-11-01T10:00:00Z", "message": "no progress for 10m"});
    status["clusters"][0]["failing"] = late;
    let shown = async |crashing: u32| {
        let mut status = status.clone();
        status["clusters"][0]["releases"][1]["pods"] = json!([
            pods("ContainersNotReady", 9),
            pods("CrashLoopBackOff", crashing),
            pods("ImagePullBackOff", 4)
        ]);
        hub.publish(&status);
        let page = hub.get("/applications/web/shop").await.text;
        let groups = page.split("<details class=\"group urgent\" id=\"").skip(1);
        let groups = groups.map(|group| group.split_once('>').unwrap().0.replace('"', ""));
        groups.collect::<Vec<_>>()
    };
    let id = |reason: &str| format!("g-{reason}-shop-new-0");
    let not_ready = id("ContainersNotReady");
    let of = |first: &str, second: &str| vec![format!("{} open", id(first)), id(second), not_ready.clone()];
    assert_eq!(shown(1).await, of("ImagePullBackOff", "CrashLoopBackOff"));
    // Each keeps its name while the numbers change, and with it what the reader unfolded.
    assert_eq!(shown(5).await, of("CrashLoopBackOff", "ImagePullBackOff"));
}

#[tokio::test]
async fn one_sentence_says_what_became_of_the_rollout_and_no_number_of_the_moment() {
    let hub = hub().await;
    hub.clusters(&two());
    let mut status = rollout("web/shop");
    let mut told = async |message: &str| {
        status["waiting"]["message"] = json!(message);
        hub.publish(&status);
        let page = hub.get("/applications/web/shop").await.text;
        let told = page.split("<p id=\"told\" class=\"quiet\" role=\"status\">").nth(1).unwrap();
        told.split("</p>").next().unwrap().to_owned()
    };
    let first = told("eu-1: 0 of 2 pods are available").await;
    assert_eq!(first, "Failing: web/shop rolls out shop 2.0.0, step 2 of 3, half; waits for capacity.");
    assert_eq!(told("eu-1: 1 of 2 pods are available").await, first);
}

#[tokio::test]
async fn measurements_are_drawn_and_what_differs_is_named() {
    let hub = hub().await;
    hub.clusters(&two());
    let mut status = rollout("web/shop");
    let sample = |outcome: &str, measured: &str| json!({"generation": 3, "at": "2026-11-01T10:06:00Z", "outcome": outcome, "measured": measured});
    status["clusters"][1]["analysis"] = json!({"release": "shop-new-0", "run": "2026-11-01T10:05:00Z", "measures": [
        {"name": "errors", "passed": 1, "failed": 1, "unknown": 0, "samples": [sample("passed", "0.001"), sample("failed", "0.2")]}]});
    hub.publish(&status);
    let record = |name: &str, tag: &str, secret: &str| {
        serde_json::from_value(json!({
            "application": "web/shop", "name": name, "generation": 1, "source": "", "created": Timestamp::UNIX_EPOCH,
            "environment": {"values": {"image": {"tag": tag}, "dbPassword": secret, "env": [{"name": "TOKEN", "value": secret}], "same": 1}},
            "strategy": {"steps": [
                {"name": "staging", "capacity": {"contender": 1, "incumbent": 100}},
                {"name": "half", "capacity": {"contender": 50, "incumbent": 50}, "traffic": {"contender": 50, "incumbent": 50},
                 "gate": {"approval": "auto", "soak": "10m", "analysis": [
                    {"name": "errors", "prometheus": {"address": "http://p", "query": "q"}, "failIf": "> 0.01", "count": 5}]}},
                {"name": "full on", "capacity": {"contender": 100, "incumbent": 0}}]},
            "position": {"step": 1, "name": "half", "from": 0, "since": "2026-11-01T10:05:00Z", "cause": "created"},
        }))
        .unwrap()
    };
    let releases = [("shop-new-0", "2", "old-secret"), ("shop-old-0", "1", "new-secret")]
        .map(|(name, tag, secret)| (name.into(), record(name, tag, secret)));
    hub.answer_details(Details { releases: BTreeMap::from(releases), ..Details::default() });
    let page = hub.get("/applications/web/shop").await;
    let read = page.read();
    for wanted in [
        "50 % new, 50 % old",
        "soaks for 10m",
        "then goes on by itself",
        "fails if > 0.01",
        "1 of 5 passed, 1 failed",
        "values.image.tag",
        "values.dbPassword",
        "values.env",
    ] {
        assert!(read.contains(wanted), "{wanted:?} is not in {read}");
    }
    assert!(page.text.contains("<path class=\"failed\" d=\"M155.0 5.0m"), "the failed sample is a cross");
    assert!(!page.text.contains("-secret"), "what may be secret is not shown");
    assert!(!read.contains("values.same"));
}

#[tokio::test]
async fn releases_of_plain_manifests_say_which_images_are_new() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    hub.answer_details(Details {
        releases: records(&json!({"manifests": {"path": "apps/shop", "tree": "0123456789abcdef"}})),
        images: images("web", "example.com/web"),
        ..Details::default()
    });
    let read = hub.get("/applications/web/shop").await.read();
    assert!(read.contains("Deployment web: image of webexample.com/web:1example.com/web:2"), "{read}");
    assert!(!read.contains("image of same"), "{read}");
}

/// [M1] What was copied from a page does nothing to a release that comes later.
#[test]
fn every_command_that_changes_a_rollout_names_its_release() {
    let mut status = rollout("web/shop");
    let mut verbs = BTreeSet::new();
    for complete in [json!(null), json!("2026-11-01T10:00:00Z")] {
        status["releases"][0]["complete"] = complete;
        for state in ["waitingForCapacity", "waitingForCommand", "paused", "blocked", "none"] {
            status["waiting"]["state"] = json!(state);
            for order in super::orders::of(&serde_json::from_value(status.clone()).unwrap()) {
                let verb = order.command.split(' ').nth(1).unwrap().to_owned();
                let looks = ["why", "blocks"].contains(&verb.as_str());
                assert!(looks || order.command.contains(" --release shop-new-0"), "{}", order.command);
                verbs.insert(verb);
            }
        }
    }
    let all = ["abort", "blocks", "pause", "promote", "resume", "rollback", "why"];
    assert_eq!(verbs, all.map(str::to_owned).into());
}

#[tokio::test]
async fn the_way_back_comes_first_where_something_fails_and_no_promotion_where_nothing_would_move() {
    let hub = hub().await;
    hub.clusters(&two());
    let mut status = rollout("web/shop");
    let page = async |status: &Value| {
        hub.publish(status);
        hub.get("/applications/web/shop").await.read()
    };
    let failing = page(&status).await;
    let (abort, promote) =
        (failing.find("shipperctl abort").unwrap(), failing.find("shipperctl promote").unwrap());
    assert!(abort < promote, "{failing}");
    status["clusters"][0]["releases"][1]["pods"] = json!([]);
    let moving = page(&status).await;
    assert!(
        moving.find("shipperctl promote").unwrap() < moving.find("shipperctl abort").unwrap(),
        "{moving}"
    );
    for (state, instead) in
        [("paused", "shipperctl resume web/shop --release shop-new-0"), ("blocked", "shipperctl blocks list")]
    {
        status["waiting"]["state"] = json!(state);
        let stopped = page(&status).await;
        assert!(stopped.contains(instead) && !stopped.contains("shipperctl promote"), "{stopped}");
    }
}

#[tokio::test]
async fn pods_that_only_start_are_no_trouble_until_they_took_too_long() {
    let hub = hub().await;
    hub.clusters(&two());
    let mut status = rollout("web/shop");
    status["clusters"][0]["releases"][1]["pods"] =
        json!([{"reason": "Pending", "count": 2, "example": "shop-new-0-abc", "message": ""}]);
    hub.publish(&status);
    assert!(!hub.get("/applications/web/shop").await.read().contains("Pods and objects in trouble"));
    status["clusters"][0]["failing"] =
        json!({"since": "2026-11-01T10:06:00Z", "kind": "noProgress", "message": "no progress for 5m"});
    hub.publish(&status);
    let page = hub.get("/applications/web/shop").await.read();
    assert!(page.contains("Pending 2 pods of shop-new-0 in eu-1"), "{page}");
}

/// What a cluster measured for a gate of `web/shop` that is over.
fn measured(
    release: &str,
    run: impl Into<Value>,
    gate: &str,
    (cluster, outcome): (&str, &str),
    values: &[(&str, &str)],
) -> Measurement {
    let run = run.into();
    let samples: Vec<Value> = values
        .iter()
        .map(|(outcome, measured)| json!({"at": run, "outcome": outcome, "measured": measured}))
        .collect();
    let passed = values.iter().filter(|(outcome, _)| *outcome == "passed").count();
    serde_json::from_value(json!({
        "at": "2026-11-01T10:20:00Z", "application": "web/shop", "release": release, "step": 1, "stepName": "half", "run": run,
        "cluster": cluster, "outcome": outcome, "gate": gate,
        "measures": [{"name": "errors", "passed": passed, "failed": values.len() - passed, "unknown": 0, "samples": samples}],
    }))
    .unwrap()
}

/// [A4] What was measured outlives the gate: agents say nothing of it any more.
#[tokio::test]
async fn gates_that_are_over_show_what_was_measured_and_how_they_ended() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let [first, second] = ["2026-11-01T10:05:00Z", "2026-11-01T10:15:00Z"];
    let good = [("passed", "0.001"), ("passed", "0.002")];
    let kept = vec![
        measured("shop-gone-0", first, "left", ("eu-1", "passed"), &good[..1]),
        measured("shop-new-0", first, "failed", ("eu-1", "passed"), &good),
        measured(
            "shop-new-0",
            first,
            "failed",
            ("us-1", "failed"),
            &[("passed", "0.001"), ("failed", "0.2")],
        ),
        measured("shop-new-0", second, "passed", ("us-1", "passed"), &good),
        measured("shop-new-0", second, "passed", ("eu-1", "passed"), &good),
    ];
    hub.shared.keep(kept).await.unwrap();
    let record = |gate: Value| {
        let record = json!({
            "application": "web/shop", "name": "shop-new-0", "generation": 1, "source": "", "created": Timestamp::UNIX_EPOCH, "environment": {},
            "strategy": {"steps": [{"name": "staging"}, {"name": "half", "gate": {"analysis": [
                {"name": "errors", "prometheus": {"address": "http://p", "query": "q"}, "failIf": "> 0.01", "count": 2}]}}, {"name": "full on"}]},
            "position": {"step": 1, "name": "half", "from": 0, "since": first, "cause": "created"}, "gate": gate,
        });
        BTreeMap::from([("shop-new-0".into(), serde_json::from_value(record).unwrap())])
    };
    let details = Arc::new(Mutex::new(Details { releases: record(Value::Null), ..Details::default() }));
    hub.answer_details_of(details.clone());
    let page = hub.get("/applications/web/shop").await.read().replace('\n', " ");
    let over = page.split("Gates that are over").nth(1).unwrap().split("Clusters").next().unwrap();
    let at = |text: &str| over.find(text).unwrap_or_else(|| panic!("{text:?} is not in {over}"));
    assert!(at("half passed") < at("half failed") && at("half failed") < at("half left"), "{over}");
    assert!(at("eu-1 2 of 2 passed") < at("us-1 1 of 2 passed, 1 failed"), "in the order of names: {over}");
    assert!(over.contains("fails if > 0.01") && over.contains("shop-gone-0"), "{over}");

    // The gate of the step in force is passed and shown in its own place, with what was kept of it.
    let gate = json!({"step": 1, "since": second, "passed": "2026-11-01T10:20:00Z"});
    *details.lock().unwrap() = Details { releases: record(gate), ..Details::default() };
    let page = hub.get("/applications/web/shop").await.read().replace('\n', " ");
    let (now, over) = page.split_once("Gates that are over").unwrap();
    assert!(now.contains("Gate of half") && now.contains("us-1 2 of 2 passed"), "{now}");
    assert!(!over.contains("half passed") && over.contains("half failed"), "{over}");
}

/// [A4] What was wanted is told of releases that are gone, and that more is kept than the page has room for; a gate is shown whole.
#[tokio::test]
async fn where_more_was_measured_than_is_shown_the_page_says_so() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let run = |number: i64| Timestamp::from_second(1_700_000_000 + number).unwrap().to_string();
    let gates = |from: i64, to: i64, clusters: i64| {
        let of_run = move |number: i64| {
            (0..clusters).map(move |cluster| {
                let at = (format!("c-{cluster}"), "passed");
                let mut one =
                    measured("shop-gone-0", run(number), "passed", (&at.0, at.1), &[("passed", "0.001")]);
                let wanted = json!([{"name": "errors", "condition": "fails if > 0.01", "count": 1}]);
                one.wanted = serde_json::from_value(wanted).unwrap();
                one
            })
        };
        (from..to).flat_map(of_run).collect::<Vec<_>>()
    };
    let shown = async || {
        let page = hub.get("/applications/web/shop").await;
        let link = page.text.contains("href=\"/api/v1/applications/web/shop/measurements\"");
        let told = page.read().replace('\n', " ").contains("shipperctl measurements web/shop");
        assert_eq!(link, told, "{}", page.text);
        let clusters = page.text.matches("1 of 1 passed").count();
        let wanted = page.text.matches("fails if &#62; 0.01").count();
        (page.text.matches("class=\"group over passed\"").count(), clusters, wanted, told)
    };
    hub.shared.keep(gates(0, 8, 1)).await.unwrap();
    assert_eq!(shown().await, (8, 8, 8, false));
    hub.shared.keep(gates(8, 9, 1)).await.unwrap();
    assert_eq!(shown().await, (8, 8, 8, true));
    // Of the third, 100 clusters are read with the others, and 100 are not.
    hub.shared.keep(gates(9, 12, 200)).await.unwrap();
    assert_eq!(shown().await, (2, 400, 2, true));
}
