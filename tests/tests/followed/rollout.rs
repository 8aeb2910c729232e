//! The rollout.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::ensure;
use git2::Repository;
use jiff::Timestamp;
use serde_json::Value;
use shipper_core::status::WaitingFor;
use shipper_tests::eventually::eventually;
use shipper_tests::scene::STATE_BRANCH;
use shipper_tests::simulated::{Begin, Simulation};

use super::lines::Lines;
use super::otlp::{Receiver, Span};

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
    let receiver = Receiver::start();
    let begin = Begin { epoch: Timestamp::now(), otlp: Some(receiver.service.url()), ..Begin::default() };
    let fleet = Simulation::start_as(41, CLUSTERS.map(str::to_owned).into(), begin).await;
    // What the first look finds, nobody has waited for.
    eventually(SOON, async || {
        ensure!(lines.read().iter().any(|line| line["message"] == "the history of main is followed"));
        anyhow::Ok(())
    })
    .await;
    let source = fleet.people.add_application().to_string();
    fleet.pushed().await;
    let release = fleet.contender_after("").await;
    fleet.wait_until(&release, 0, WaitingFor::WaitingForCommand).await;

    let (made, message) = commit(&fleet, &format!("{release} was made"));
    let lines = lines.read();
    for line in lines.iter().filter(|line| line["release"] == release) {
        fleet.reached(&format!("[{},{},{}]", line["timestamp"], line["cluster"], line["message"]));
    }
    by_its_lines(&lines, &release, (&source, &made));
    let trailer = message.lines().find_map(|line| line.strip_prefix("Traceparent: ")).unwrap();
    let trace = trailer.split('-').nth(1).unwrap().to_owned();
    let spans = eventually(SOON, async || {
        let spans = receiver.trace(&trace);
        let done = |name: &str| spans.iter().filter(|span| span.name == name).count();
        ensure!(done("target") == 3 && done("report") >= 3 && done("change") == 1, "{} of each", spans.len());
        anyhow::Ok(spans)
    })
    .await;
    by_its_trace(&spans, &release, (&source, &made));
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
