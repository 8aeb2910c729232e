//! [A4] What was measured for gates that are over: for people and programs, as much as is asked for, page by page.

use std::sync::{Arc, Mutex};

use crate::live::{asked, known};
use crate::rollout::World;
use crate::served::{Answer, served};
use crate::support::run;
use jiff::Timestamp;
use serde_json::{Value, json};
use shipper_core::api::{ApplicationSummary, Measurement};
use shipperctl::exit::Exit;
use shipperctl::render;

const COMMIT: &str = "1d5ce5cd9ea4a2d9cf41a6ec8a5ab0b0a4d3f0aa";

/// What a cluster measured in the run of this minute.
fn measurement(minute: i64, cluster: &str, outcome: &str, gate: &str, measures: &Value) -> Value {
    let at = |later: i64| Timestamp::from_second(1_795_341_600 + 60 * (minute + later)).unwrap();
    json!({
        "at": at(5), "application": "web/hello", "release": "hello-32e16a62-0", "step": 1, "stepName": "half", "run": at(0), "cluster": cluster,
        "outcome": outcome, "gate": gate, "measures": measures,
        "wanted": [
            {"name": "errors", "condition": "fails if > 0.01", "count": 3},
            {"name": "latency", "condition": "", "count": 1},
        ],
    })
}

fn measure(name: &str, samples: &[(&str, &str)]) -> Value {
    let count = |wanted: &str| samples.iter().filter(|(outcome, _)| *outcome == wanted).count();
    let samples: Vec<Value> = samples
        .iter()
        .map(|(outcome, measured)| json!({"at": "2026-11-22T10:01:00Z", "outcome": outcome, "measured": measured}))
        .collect();
    json!({"name": name, "passed": count("passed"), "failed": count("failed"), "unknown": count("unknown"), "samples": samples})
}

/// Newest first: one that failed, one beside it that did not get to its end, one that passed, and one of an older hub.
fn kept() -> Vec<Measurement> {
    let failed = [
        measure("errors", &[("passed", "0.004"), ("failed", "0.31\u{1b}[2J")]),
        measure("latency", &[("passed", "0.2")]),
    ];
    let left = [measure("errors", &[("passed", "0.001"), ("unknown", "no answer")])];
    let good = [measure("errors", &[("passed", "0.001"), ("passed", "0.002"), ("passed", "0.003")])];
    let mut older = measurement(0, "us-1", "passed", "passed", &json!(good));
    older.as_object_mut().unwrap().remove("wanted");
    let all = json!([
        measurement(20, "us-1", "failed", "failed", &json!(failed)),
        measurement(20, "eu-1", "unknown", "failed", &json!(left)),
        measurement(10, "eu-1", "passed", "passed", &json!(good)),
        older,
        measurement(-10, "eu-1", "unknown", "left", &json!([])),
    ]);
    serde_json::from_value(all).unwrap()
}

/// A hub that keeps these, in pages of at most `largest` that go on by the place of the last, and what it was asked.
fn hub(kept: Vec<Measurement>, largest: usize) -> (String, Arc<Mutex<Vec<String>>>) {
    let queries = Arc::new(Mutex::new(Vec::new()));
    let asked = queries.clone();
    let url = served(move |path, query| {
        if path != "/api/v1/applications/web/hello/measurements" {
            return Answer::problem("404 Not Found", &json!({"detail": "not known"}));
        }
        asked.lock().unwrap().push(query.to_owned());
        let said = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)).map(str::to_owned);
        let number = |name: &str| said(name).map(|text| text.parse::<usize>().unwrap());
        let fits = |one: &&Measurement| {
            said("cluster=").is_none_or(|cluster| one.cluster.as_str() == cluster)
                && said("release=").is_none_or(|release| one.release.as_str() == release)
        };
        let all: Vec<&Measurement> = kept.iter().filter(fits).collect();
        let first = number("continue=").unwrap_or(0);
        let last = all.len().min(first + number("limit=").unwrap().min(largest));
        let mut page = json!({"items": all[first..last]});
        if last < all.len() {
            page["continue"] = json!(last.to_string());
        }
        Answer::of(page.to_string())
    });
    (url, queries)
}

#[test]
fn a4_what_was_measured_is_told_against_what_was_wanted() {
    let now = kept()[0].at + jiff::SignedDuration::from_mins(2);
    let text = |wide, width| {
        anstream::adapter::strip_str(&render::measurements(&kept(), now, wide, width)).to_string()
    };
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}",
        text(false, None),
        text(false, Some(80)),
        text(true, None)
    ));
    assert!(text(false, Some(80)).lines().all(|line| line.len() <= 80));
    assert_eq!(render::measurements(&[], now, false, None), "Nothing is kept that was measured for gates.\n");
}

#[test]
fn programs_get_the_objects_of_the_api_and_names() {
    let (url, _) = hub(kept(), 2);
    let json = run(["--hub", &url, "measurements", "web/hello", "-o", "json"]);
    assert_eq!(json.exit, Exit::Ok, "{}", json.err);
    assert_eq!(serde_json::from_str::<Vec<Measurement>>(&json.out).unwrap(), kept());
    assert!(!json.out.contains('\u{1b}'), "{}", json.out);
    let names = run(["--hub", &url, "measurements", "web/hello", "-o", "name"]);
    assert_eq!(names.out, "hello-32e16a62-0\n", "as diff and rollback take them");
}

#[test]
fn as_many_as_are_asked_for_are_read_page_by_page() {
    let many: Vec<Measurement> = (0..1_200)
        .map(|number| {
            let outcome = if number % 100 == 99 { "failed" } else { "passed" };
            let cluster = if number % 2 == 0 { "eu-1" } else { "us-1" };
            serde_json::from_value(measurement(-number, cluster, outcome, "passed", &json!([]))).unwrap()
        })
        .collect();
    let (url, queries) = hub(many.clone(), 500);
    let read = |arguments: &[&str]| -> Vec<Measurement> {
        let done = run([&["--hub", &url, "measurements", "web/hello", "-o", "json"], arguments].concat());
        assert_eq!(done.exit, Exit::Ok, "{}", done.err);
        serde_json::from_str(&done.out).unwrap()
    };
    let asked = || std::mem::take(&mut *queries.lock().unwrap());
    assert_eq!(read(&[]), many[..50]);
    assert_eq!(asked(), ["limit=50"]);
    assert_eq!(read(&["--limit", "5000"]), many);
    assert_eq!(asked().len(), 3);
    let failed: Vec<Measurement> = many.iter().skip(99).step_by(100).cloned().collect();
    assert_eq!(read(&["--failed"]), failed);
    assert_eq!(asked(), ["limit=500", "limit=500&continue=500", "limit=500&continue=1000"]);
    assert_eq!(read(&["--failed", "--limit", "2"]), failed[..2]);
    assert_eq!(asked().len(), 1, "no more than it takes");
    assert_eq!(
        read(&["--release", "hello-32e16a62-0", "--cluster", "us-1", "--failed", "--limit", "1"]),
        failed[..1]
    );
    assert_eq!(asked(), ["release=hello-32e16a62-0&cluster=us-1&limit=500"]);
}

#[test]
fn a_wrong_name_is_met_with_the_nearest() {
    let status = World::new(COMMIT).settle().status();
    let page = json!({"items": [ApplicationSummary::of(&status)]}).to_string();
    let routes = || vec![("applications", "application/json", page.clone()), known(&status)];
    let unknown = asked(routes(), &["measurements", "web/helo"]);
    assert_eq!(unknown.exit, Exit::NotFound, "{}", unknown.err);
    assert!(unknown.err.contains("did you mean web/hello?"), "{}", unknown.err);
    let bare = asked(routes(), &["measurements", "helo"]);
    assert_eq!(bare.exit, Exit::NotFound, "{}", bare.err);
    let nobody = run(["--hub", "http://127.0.0.1:1", "measurements", "web/hello"]);
    assert_eq!(nobody.exit, Exit::HubUnreachable);
}
