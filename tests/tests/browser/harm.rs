//! What somebody wrote who means harm, wherever they can write: versions and steps, values and rendered objects, pods' and objects' messages,
//! what agents say of themselves, blocks, commits, events, measurements. On every page it is text, no script of theirs runs, nothing is
//! hidden or turned around, and the page keeps its shape, on a phone as well.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use jiff::Timestamp;
use serde_json::{Value, json};
use shipper_core::AppKey;
use shipper_core::api::{Commit, Measurement};
use shipper_hub::details::Details;
use shipper_hub::rendered::{Rendered, Renderings, Wanted};
use shipper_hub::store::TimelineEvent;
use shipper_test_hostile::{HOSTILE as HARM, acts, quoted};
use shipper_tests::eventually::eventually;

use super::chromium::{Browser, Theme};
use super::fixture::{CLUSTERS, Fixture};
use super::look::{self, LOOKS};

const SOON: Duration = Duration::from_secs(10);
const SHOP: &str = "/applications/web/shop";
const NEW: &str = "shop-83e4eedd-0";
const OLD: &str = "shop-1f0e9d8c-0";
/// So it begins in a page, and so stands in it what turns writing around.
const BEGINS: &str = "<script>window.hurt = 1</script>";
const TURNS: &str = "\\u{202e}rtl";

fn quiet() -> Value {
    let release = |name: &str, generation: u32| {
        json!({"name": name, "generation": generation, "created": "2026-11-01T10:00:00Z", "source": "0123", "version": "shop 2.4.0",
            "steps": ["canary", "half"], "step": 1, "achieved": null, "complete": null, "withdrawn": null, "failed": null})
    };
    json!({
        "application": "web/shop", "contender": NEW, "incumbent": OLD, "releases": [release(NEW, 2), release(OLD, 1)],
        "waiting": {"state": "waitingForCluster", "message": "nothing yet", "clusters": []}, "clusters": [], "conditions": [],
    })
}

fn harmful() -> Value {
    let mut status = quiet();
    status["waiting"]["message"] = json!(HARM);
    for release in status["releases"].as_array_mut().unwrap() {
        release["version"] = json!(HARM);
        release["steps"] = json!([HARM, HARM]);
    }
    let withdrawn = json!({"at": "2026-11-01T10:00:00Z", "reason": "rolledBack", "cause": HARM});
    status["releases"][1]["withdrawn"] = withdrawn;
    let sample = json!({"at": "2026-11-01T10:00:00Z", "outcome": "unknown", "measured": HARM});
    let capacity = json!({"rendered": 1, "desired": 1, "replicas": 1, "pods": 1, "ready": 0, "available": 0, "achieved": false});
    status["clusters"] = json!([{
        "cluster": CLUSTERS[0].0, "liveness": "online", "targetGeneration": 1, "reportedGeneration": 1, "waiting": "none", "message": HARM,
        "releases": [{"name": NEW, "capacity": capacity, "pods": [{"reason": HARM, "count": 1, "example": HARM, "message": HARM}]}],
        "problems": [{"object": HARM, "heals": false, "reason": "Rejected", "message": HARM}], "unattended": false,
        "analysis": {"release": NEW, "run": "2026-11-01T10:00:00Z", "measures": [
            {"name": "errors", "passed": 0, "failed": 0, "unknown": 1, "samples": [sample]}]},
    }]);
    status["refused"] = json!([{"cluster": CLUSTERS[1].0, "reason": "cordoned", "message": HARM}]);
    status["conditions"] =
        json!([{"type": "Valid", "status": "False", "reason": "InvalidFile", "message": HARM}]);
    status
}

fn commit() -> Commit {
    Commit { id: "0123".to_owned(), author: Some(HARM.to_owned()), subject: Some(HARM.to_owned()) }
}

fn details(app: &AppKey) -> Details {
    let record = |name: &str, value: &str| {
        let record = json!({
            "application": app, "name": name, "generation": 1, "source": "0123", "created": Timestamp::UNIX_EPOCH,
            "environment": {
                "values": {HARM: value, "list": [value], "nested": {"of": {"values": value}}},
                "overrides": [{"clusters": {}, "values": {"over": HARM}}],
            },
            "strategy": {"steps": [{"name": HARM}, {"name": HARM, "gate": {"analysis": [{"name": "errors", "http": {"url": "http://x"}, "failIf": HARM}]}}]},
            "position": {"step": 1, "name": HARM, "from": 0, "since": "2026-11-01T10:00:00Z", "cause": "created"},
        });
        (name.into(), serde_json::from_value(record).unwrap())
    };
    let commits = [("0123".to_owned(), commit())].into();
    let placement = serde_json::from_value(json!({"clusters": {CLUSTERS[0].0: {}}})).unwrap();
    Details {
        releases: [record(NEW, HARM), record(OLD, "plain")].into(),
        commits,
        placement: Some(Arc::new(placement)),
        ..Details::default()
    }
}

fn renderings(wanted: &Wanted) -> Renderings {
    let of = |release: &str| {
        let value = if release == NEW { HARM } else { "plain" };
        let [harm, value] = [HARM, value].map(quoted);
        let object = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {harm}}}\ndata: {{{harm}: {value}}}\n"
        );
        Rendered::Manifests(object.into_bytes())
    };
    wanted.releases.iter().map(|release| (release.clone(), of(release.as_str()))).collect()
}

fn why(app: &AppKey) -> shipper_core::why::Why {
    let evidence = json!({"cluster": "eu-1", "targetGeneration": 7, "reportedGeneration": 6, "liveness": "online", "says": [HARM]});
    let why = json!({
        "application": app, "at": Timestamp::now(), "source": HARM, "waiting": {"state": "waitingForCapacity", "clusters": [], "message": HARM},
        "decisions": [{"rule": "M3", "decision": HARM, "evidence": [evidence], "commit": HARM}],
    });
    serde_json::from_value(why).unwrap()
}

fn measured() -> Measurement {
    let measured = json!({
        "at": "2026-11-01T10:20:00Z", "application": "web/shop", "release": OLD, "step": 0, "stepName": HARM, "run": "2026-11-01T10:05:00Z",
        "cluster": CLUSTERS[0].0, "outcome": "failed", "gate": "failed", "measures": [{"name": HARM, "passed": 0, "failed": 1, "unknown": 0,
            "samples": [{"at": "2026-11-01T10:05:00Z", "outcome": "failed", "measured": HARM}]}],
    });
    serde_json::from_value(measured).unwrap()
}

/// A hub to which somebody wrote who means harm.
async fn hub() -> Fixture {
    let fixture = Fixture::empty().await;
    fixture.answer(why, details, renderings);
    fixture.report(CLUSTERS[0].0, &[HARM]).await;
    fixture.block(HARM, HARM);
    let event = TimelineEvent {
        at: Timestamp::now(),
        application: Some(AppKey::new("web", "shop")),
        cluster: Some(CLUSTERS[0].0.into()),
        reason: HARM.to_owned(),
        message: HARM.to_owned(),
        commit: Some(commit()),
    };
    fixture.shared.log(vec![event]).await.unwrap();
    fixture.shared.keep(vec![measured()]).await.unwrap();
    fixture
}

#[tokio::test]
async fn what_means_harm_is_text() {
    let fixture = hub().await;
    let Some(browser) = Browser::start("what_means_harm", &fixture.origin).await else { return };
    browser.wear(Theme::Light, 1280).await;
    fixture.publish(&quiet());
    browser.open(SHOP).await;
    // Once as a change is put in place, and then as pages are loaded.
    fixture.publish(&harmful());
    eventually(SOON, || async {
        let text = browser.text().await;
        ensure!(text.contains(BEGINS) && text.contains(TURNS), "{text}");
        anyhow::Ok(())
    })
    .await;
    // So often what they wrote stands on the page at least, all of it unfolded.
    let cluster = format!("/clusters/{}", CLUSTERS[0].0);
    let compared = format!("/applications/web/shop/diff?cluster={}", CLUSTERS[0].0);
    let pages = [
        ("/", 1, 1),
        (SHOP, 20, 10),
        ("/applications/web/shop/why", 3, 3),
        ("/applications/web/shop/diff", 5, 5),
        (&compared, 6, 5),
        (&cluster, 2, 1),
        ("/blocks", 2, 2),
        ("/events", 3, 2),
        ("/search?q=%3Cscript%3Ewindow.hurt%3D1%3C%2Fscript%3E", 0, 0),
        ("/search?q=window.hurt", 3, 1),
    ];
    let mut wrong = Vec::new();
    for look in LOOKS {
        browser.wear(look.1, look.0).await;
        for (path, begun, turned) in pages {
            browser.open(path).await;
            browser
                .run_script("document.querySelectorAll('details').forEach(one => { one.open = true; })")
                .await;
            let found = look::faults(&browser, "", look).await;
            wrong.extend(found.into_iter().map(|fault| format!("{path} {fault}")));
            if browser.run_script("return window.hurt ?? 'unhurt'").await != "unhurt" {
                wrong.push(format!("{path}: a script of theirs ran"));
            }
            let text = browser.text().await;
            // What is long is cut, and then its end is not there.
            for (part, least) in [(BEGINS, begun), (TURNS, turned)] {
                let seen = text.matches(part).count();
                if seen < least {
                    wrong.push(format!(
                        "{path}: {part} of what they wrote is there {seen} times, and not {least}"
                    ));
                }
            }
            // Neither what is read nor what is in attributes, which a reader may be told too, nor what is copied.
            let whole = browser.run_script("return document.documentElement.outerHTML").await;
            if let Some(c) = whole.as_str().unwrap().chars().find(|c| acts(*c) && *c != '\t') {
                wrong.push(format!("{path}: {c:?} is there as it is"));
            }
        }
    }
    let complaints = browser.complaints().await;
    browser.end().await;
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(complaints, Vec::<String>::new(), "nothing was even tried");
}
