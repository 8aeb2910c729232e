//! *Events*: the timeline of the fleet, newest first.

use super::answer::{self, Query};
use super::commit::CommitLine;
use super::frame::Frame;
use super::words::{Moment, application, cluster, encode};
use crate::access::View;
use crate::store::{Begin, EventQuery, TimelineEvent};
use askama::Template;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Deserialize;
use shipper_core::AppKey;
use shipper_core::api::EventFilter;

/// Entries on a page.
const ROWS: usize = 100;

/// Which entries.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    /// `namespace/name`, or a namespace.
    #[serde(default)]
    application: String,
    #[serde(default)]
    cluster: String,
    #[serde(default)]
    reason: String,
    /// The number of the entry that the page begins behind.
    #[serde(default)]
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "events.html")]
struct Page {
    frame: Frame,
    asked: Asked,
    rows: Vec<Row>,
    newest: Option<String>,
    older: Option<String>,
    trouble: bool,
}

struct Row {
    at: Moment,
    reason: String,
    application: Option<(String, String)>,
    cluster: Option<(String, String)>,
    message: String,
    commit: Option<CommitLine>,
}

/// The page.
pub async fn page(view: View, headers: HeaderMap, uri: Uri, Query(asked): Query<Asked>) -> Response {
    let frame = Frame::new(&view, &headers, &uri, "events", "");
    let query = EventQuery {
        filter: asked.filter(),
        begin: asked.before.map_or(Begin::Newest, Begin::Before),
        limit: u32::try_from(ROWS + 1).unwrap_or(u32::MAX),
    };
    let found = view.events(&query).await;
    let trouble = found.is_err();
    let mut entries = found.unwrap_or_default();
    let more = entries.len() > ROWS;
    entries.truncate(ROWS);
    let older = entries.last().filter(|_| more).map(|last| asked.address(Some(last.number)));
    let page = Page {
        frame,
        rows: entries.iter().map(|entry| Row::of(&entry.event)).collect(),
        newest: asked.before.map(|_| asked.address(None)),
        older,
        trouble,
        asked,
    };
    answer::page(&page, Some(&headers))
}

impl Asked {
    fn filter(&self) -> EventFilter {
        let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let key = said(&self.application).and_then(|text| text.parse::<AppKey>().ok());
        EventFilter {
            namespace: said(&self.application).filter(|_| key.is_none()),
            application: key,
            cluster: said(&self.cluster).map(Into::into),
            reason: said(&self.reason),
            ..EventFilter::default()
        }
    }

    fn address(&self, before: Option<i64>) -> String {
        let pairs =
            [("application", &self.application), ("cluster", &self.cluster), ("reason", &self.reason)];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let mut query: Vec<String> = pairs.map(|(key, value)| format!("{key}={}", encode(value))).collect();
        query.extend(before.map(|number| format!("before={number}")));
        if query.is_empty() { "/events".to_owned() } else { format!("/events?{}", query.join("&")) }
    }
}

impl Row {
    fn of(event: &TimelineEvent) -> Self {
        Self {
            at: Moment::of(event.at),
            reason: event.reason.clone(),
            application: event.application.as_ref().map(|app| (app.to_string(), application(app))),
            cluster: event.cluster.as_ref().map(|name| (name.to_string(), cluster(name.as_str()))),
            message: event.message.clone(),
            commit: event.commit.as_ref().map(CommitLine::of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::support::{commit, hub, two};
    use shipper_core::api::Commit;

    #[tokio::test]
    async fn what_people_asked_for_has_their_commit_and_what_else_happened_has_none() {
        let hub = hub().await;
        hub.clusters(&two());
        let entry = |reason: &str, commit: Option<Commit>| TimelineEvent {
            at: "2026-11-01T10:05:00Z".parse().unwrap(),
            application: Some(AppKey::new("web", "shop")),
            cluster: None,
            reason: reason.to_owned(),
            message: format!("{reason} of shop-new-0"),
            commit,
        };
        let bare = Commit { id: "ffeeddccbbaa99887766".to_owned(), author: None, subject: None };
        let events = vec![
            entry("Created", Some(commit("Jo Doe", "Sell more"))),
            entry("StepAsked", Some(bare)),
            entry("StepAchieved", None),
        ];
        hub.shared.log(events).await.unwrap();
        let page = hub.get("/events").await;
        let read = page.read().replace('\n', " ");
        assert!(read.contains("Created of shop-new-0 Sell more Jo Doe, 0123456789"), "{read}");
        assert!(read.contains("StepAsked of shop-new-0 ffeeddccbb"), "{read}");
        assert_eq!(page.text.matches("class=\"commit\"").count(), 2, "{read}");
        assert!(!hub.get("/events?reason=StepAchieved").await.text.contains("class=\"commit\""));
    }
}
