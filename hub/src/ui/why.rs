//! *Why*: every decision on an application with its rule and the reports that it rests on, as `shipperctl why` tells it. The loop is asked,
//! which alone knows everything that a decision depends on.

use super::answer::{self, Notice};
use super::application::{About, unknown, waits};
use super::frame::Frame;
use super::mood::Mood;
use super::words::{application, short};
use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use shipper_core::AppKey;
use shipper_core::catalogue::{Group, entry};
use shipper_core::status::Liveness;
use shipper_core::why::{Because, Evidence, Source, Why};
use std::time::Duration;
use tokio::time::timeout;

/// How long a page waits for the loop.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Template)]
#[template(path = "why.html")]
struct Page {
    frame: Frame,
    key: AppKey,
    address: String,
    mood: Mood,
    waits: &'static str,
    message: String,
    /// Where what it waits for is explained.
    explained: Option<String>,
    source: String,
    decisions: Vec<Decision>,
}

/// A decision, and those that it follows from.
#[derive(Template)]
#[template(path = "decision.html")]
struct Decision {
    rule: String,
    title: &'static str,
    first: String,
    rest: Vec<String>,
    commit: Option<String>,
    evidence: Vec<Report>,
    because: Vec<Decision>,
}

/// What a cluster says of it.
struct Report {
    cluster: String,
    address: String,
    offline: bool,
    /// Whether it proves anything: it speaks of the target in force.
    proves: bool,
    what: String,
    /// Which report it is.
    source: Option<String>,
    says: Vec<String>,
}

/// The page.
pub async fn page(about: About, headers: HeaderMap) -> Response {
    let About { view, frame, key, status } = about;
    let answer = match view.ask_why(&key).flatten() {
        Some(answer) => timeout(PATIENCE, answer).await.ok().and_then(Result::ok),
        None => None,
    };
    match answer {
        Some(Some(why)) => answer::page(&Page::new(frame, Mood::of(&status), &why), Some(&headers)),
        Some(None) => unknown(frame, &view, &key),
        None => {
            let title = "The hub cannot say why just now".to_owned();
            let message =
                "It is busy with the repository. This page appears once it has answered.".to_owned();
            let nearest = vec![(key.to_string(), application(&key))];
            Notice { frame, title, message, nearest }.page(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

impl Page {
    fn new(frame: Frame, mood: Mood, why: &Why) -> Self {
        let state = serde_json::to_value(why.waiting.state).ok();
        let name = state.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        Self {
            frame,
            address: application(&why.application),
            mood,
            waits: waits(why.waiting.state),
            message: why.waiting.message.clone(),
            explained: entry(Group::Waiting, name).map(|entry| entry.url()),
            source: short(&why.source),
            decisions: why.decisions.iter().map(Decision::of).collect(),
            key: why.application.clone(),
        }
    }
}

impl Decision {
    fn of(because: &Because) -> Self {
        let mut lines = because.decision.lines().map(str::to_owned);
        Self {
            rule: because.rule.to_string(),
            title: because.rule.title(),
            first: lines.next().unwrap_or_default(),
            rest: lines.collect(),
            commit: because.commit.as_deref().map(short),
            evidence: because.evidence.iter().map(Report::of).collect(),
            because: because.because.iter().map(Self::of).collect(),
        }
    }
}

impl Report {
    fn of(evidence: &Evidence) -> Self {
        let (proves, what) = match (evidence.target_generation, evidence.reported_generation) {
            (None, _) => (true, "has no target".to_owned()),
            (Some(target), None) => (false, format!("has not reported on target {target}")),
            (Some(target), Some(reported)) if target == reported => {
                (true, format!("reports on target {target}"))
            }
            (Some(target), Some(reported)) => {
                (false, format!("reports on target {reported}, not {target}, which proves nothing"))
            }
        };
        Self {
            cluster: evidence.cluster.to_string(),
            address: super::words::cluster(evidence.cluster.as_str()),
            offline: evidence.liveness == Liveness::Offline,
            proves,
            what,
            source: evidence.report.as_ref().map(source),
            says: evidence.says.clone(),
        }
    }
}

/// Which report it is, in words.
fn source(source: &Source) -> String {
    let commit = source.commit.as_deref().map(|commit| format!(", state {}", short(commit)));
    format!("report {} of session {}{}", source.sequence, source.session, commit.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use crate::ui::support::{hub, rollout, why};
    use axum::http::StatusCode;

    #[tokio::test]
    async fn every_decision_stands_with_its_rule_and_what_it_rests_on() {
        let hub = hub().await;
        hub.publish(&rollout("web/shop"));
        let page = hub.get("/applications/web/shop").await;
        assert!(page.text.contains("href=\"/applications/web/shop/why\""), "{}", page.text);
        hub.answer_why(&why("web/shop", "3 of 4 pods are available"));
        let page = hub.get("/applications/web/shop/why").await;
        for part in [
            "is at step half",
            "a step says the numbers of every cluster",
            "reports on target 3, not 4, which proves nothing",
            "is offline",
            "docs/reasons/waitingForCapacity.md",
            "shipperctl why web/shop",
        ] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        assert_eq!(hub.get("/applications/web/shopp/why").await.status, StatusCode::NOT_FOUND);
    }
}
