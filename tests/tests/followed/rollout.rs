//! The rollout.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::ensure;
use git2::Repository;
use jiff::Timestamp;
use serde_json::Value;
use shipper_core::status::WaitingFor;
use shipper_tests::collector::Collector;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::STATE_BRANCH;
use shipper_tests::simulated::{Begin, Simulation};

use super::lines::Lines;
use super::spans::{Span, of_trace};

const CLUSTERS: [&str; 3] = ["cluster-1", "cluster-2", "cluster-3"];
/// How far the clocks of hub and agents, which begin when they do, may be apart, in nanoseconds.
const SKEW: u64 = 5_000_000_000;
const SOON: Duration = Duration::from_secs(30);

/// The state commit whose message holds this: its id and its message.
fn commit(fleet: &Simulation, text: &str) -> (String, String) {
    let repository = Repository::open_bare(fleet.people.path()).unwrap();
    let head = repository.find_reference(&format!("refs/heads/{STATE_BRANCH}")).unwrap();
    let mut at = Some(head.peel_to_commit().unwrap());
    while let Some(commit) = at {
        let message = commit.message().unwrap().to_owned();
        if message.contains(text) {
            return (commit.id().to_string(), message);
        }
        at = commit.parent(0).ok();
    }
    panic!("no state commit says {text:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rollout_is_followed_from_its_commit_to_what_is_applied() {
    let lines = Lines::take();
    let collector = Collector::start().await.unwrap();
    let begin = Begin { epoch: Timestamp::now(), otlp: Some(collector.url().to_owned()), ..Begin::default() };
    let fleet = Simulation::start_as(41, CLUSTERS.map(str::to_owned).into(), begin).await;
    // What the first look finds, nobody has waited for.
    is_said(&lines, "the history of main is followed").await;
    let source = fleet.people.add_application().to_string();
    let release = staged_after("", &fleet).await;

    let (made, message) = commit(&fleet, &format!("{release} was made"));
    let written = lines.read();
    for line in written.iter().filter(|line| line["release"] == release) {
        fleet.reached(&format!("[{},{},{}]", line["timestamp"], line["cluster"], line["message"]));
    }
    by_its_lines(&written, &release, (&source, &made));
    by_its_trace(&trace(&collector, &message).await, &release, (&source, &made));

    collector.process().kill().unwrap();
    fleet.people.edit("1.0.0", "2.0.0");
    let untold = staged_after(&release, &fleet).await;
    fleet.reached(&format!("{untold} is as far without a collector"));
    is_said(&lines, "traces are not taken, and are lost").await;
    collector.process().start().unwrap();
    collector.ready().await.unwrap();
    let source = fleet.people.edit("2.0.0", "3.0.0").to_string();
    let release = staged_after(&untold, &fleet).await;
    is_said(&lines, "traces are taken again").await;
    let (made, message) = commit(&fleet, &format!("{release} was made"));
    by_its_trace(&trace(&collector, &message).await, &release, (&source, &made));
}

async fn is_said(lines: &Lines, message: &str) {
    eventually(SOON, async || {
        ensure!(lines.read().iter().any(|line| line["message"] == message), "nobody says {message:?}");
        anyhow::Ok(())
    })
    .await;
}

/// The release that what was committed last leads to, once its first step is done everywhere.
async fn staged_after(before: &str, fleet: &Simulation) -> String {
    fleet.pushed().await;
    let release = fleet.contender_after(before).await;
    fleet.wait_until(&release, 0, WaitingFor::WaitingForCommand).await;
    release
}

/// The trace that a state commit names, once it is whole.
async fn trace(collector: &Collector, message: &str) -> Vec<Span> {
    let trailer = message.lines().find_map(|line| line.strip_prefix("Traceparent: ")).unwrap();
    let trace = trailer.split('-').nth(1).unwrap();
    eventually(SOON, async || {
        let spans = of_trace(collector, trace);
        let done = |name: &str| spans.iter().filter(|span| span.name == name).count();
        ensure!(done("target") == 3 && done("report") >= 3 && done("change") == 1, "{} of each", spans.len());
        anyhow::Ok(spans)
    })
    .await
}

/// The hub says what it did with which commit; each agent says when the same commit brought the target, and when it was met.
fn by_its_lines(lines: &[Value], release: &str, (source, made): (&str, &str)) {
    let of: Vec<&Value> = lines.iter().filter(|line| line["release"] == release).collect();
    assert!(of.iter().all(|line| line["application"] == "web/shop"), "{of:#?}");
    let created = of.iter().find(|line| line["reason"] == "Created").unwrap();
    assert_eq!((created["commit"].as_str(), created["revision"].as_str()), (Some(made), Some(source)));
    assert!(created.get("cluster").is_none());
    for cluster in CLUSTERS {
        let said = |message: &str| {
            let line = of.iter().find(|line| {
                line["cluster"] == cluster && line["message"] == message && line["commit"] == made
            });
            let line =
                line.unwrap_or_else(|| panic!("{cluster} does not say {message:?} of {made}: {of:#?}"));
            (**line).clone()
        };
        let (new, met) = (said("a new target"), said("the target is met"));
        assert_eq!(new["generation"], met["generation"]);
        assert!(met["took"].as_f64().is_some_and(|took| took > 0.0), "{met}");
    }
    let achieved = of.iter().find(|line| line["reason"] == "StepAchieved").unwrap();
    assert_ne!(achieved["commit"], created["commit"]);
}

/// Every span hangs below another of the same trace, but for the first, which begins with the commit on `main`.
fn by_its_trace(spans: &[Span], release: &str, (source, made): (&str, &str)) {
    let ids: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    let roots: Vec<&Span> = spans.iter().filter(|span| span.parent.is_empty()).collect();
    assert_eq!(roots.len(), 1, "{roots:#?}");
    let root = roots[0];
    assert_eq!((root.service.as_str(), root.name.as_str()), ("shipper-hub", "change"));
    let said = |name: &str| root.attributes.get(name).map(String::as_str);
    assert_eq!(
        (said("revision"), said("commit"), said("application")),
        (Some(source), Some(made), Some("web/shop"))
    );
    for span in spans.iter().filter(|span| !span.parent.is_empty()) {
        let parent = ids.get(span.parent.as_str()).unwrap_or_else(|| panic!("{span:?} hangs nowhere"));
        let skew = if span.service == parent.service { 0 } else { SKEW };
        let is_after = parent.times.0 <= span.times.0 + skew;
        assert!(span.times.0 <= span.times.1 && is_after, "{span:?} is before {parent:?}");
    }
    let of_hub: BTreeSet<&str> =
        spans.iter().filter(|span| span.service == "shipper-hub").map(|span| span.name.as_str()).collect();
    assert_eq!(of_hub, BTreeSet::from(["change", "notice", "plan", "push", "read", "render"]));
    for cluster in CLUSTERS {
        let own: Vec<&Span> =
            spans.iter().filter(|span| span.service == "shipper-agent" && span.cluster == cluster).collect();
        let target = own.iter().find(|span| span.name == "target").unwrap();
        assert_eq!(target.attributes["release"], release);
        let applied: BTreeSet<&str> = own
            .iter()
            .filter(|span| span.name == "apply" && span.parent == target.id)
            .map(|span| span.attributes["object"].as_str())
            .collect();
        assert!(applied.iter().any(|object| object.starts_with("Deployment")), "{cluster}: {applied:?}");
        for name in ["fetch", "report"] {
            assert!(own.iter().any(|span| span.name == name), "{cluster} tells no {name}");
        }
    }
}
