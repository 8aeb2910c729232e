//! The stream of an open page: a word whenever what it shows may be another, at most four times a second. The page is then fetched
//! again, and what did not change costs nothing.

use crate::access::View;
use axum::extract::Query;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, stream};
use serde::Deserialize;
use shipper_core::AppKey;
use shipper_core::status::{ApplicationStatus, Liveness};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The least time between two words.
const PACE: Duration = Duration::from_millis(250);
/// How often a silent stream says that it is alive, so that the page notices when it is not.
const PING: Duration = Duration::from_secs(5);
/// How often is looked at what tells nobody when it changes: which blocks are in force.
const LOOK: Duration = Duration::from_secs(2);

/// What the page shows.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Topic {
    /// One application; absent = everything.
    application: Option<String>,
}

/// Streams until the hub stops, or who listens may not see any more what they saw.
pub async fn stream(
    view: View,
    Query(topic): Query<Topic>,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>> + use<>> {
    let (stop, over) = (view.stop().clone(), view.ended());
    let ended = Box::pin(async move { stop.run_until_cancelled(over).await });
    let application = topic.application.and_then(|key| key.parse().ok());
    let watch = Watch {
        pulse: view.pulse(),
        seen: Seen::look(&view, application.as_ref()),
        next: Instant::now(),
        number: 0,
        begun: false,
        view,
        application,
    };
    let events = futures::StreamExt::take_until(stream::unfold(watch, Watch::next), ended);
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(PING).event(Event::default().event("ping").data("")))
}

struct Watch {
    view: View,
    application: Option<AppKey>,
    pulse: watch::Receiver<u64>,
    seen: Seen,
    next: Instant,
    number: u64,
    begun: bool,
}

/// What the page showed, as far as that can be compared at little cost.
#[derive(PartialEq)]
struct Seen {
    /// The revision of all statuses, or the status of the one application.
    revision: Option<u64>,
    status: Option<Arc<ApplicationStatus>>,
    hub: Vec<String>,
    liveness: Vec<Liveness>,
    /// What agents say of themselves; of one application nothing of it is shown.
    agents: Option<u64>,
    blocks: Vec<bool>,
}

impl Seen {
    fn look(view: &View, application: Option<&AppKey>) -> Self {
        let status = view.status();
        let conditions = status.conditions.iter().map(|c| format!("{:?}{:?}{}", c.kind, c.status, c.message));
        let files = status.problems.iter().map(ToString::to_string);
        let commits = [status.source.unwrap_or_default(), format!("{:?}", status.standing)];
        let blocks = view.blocks();
        Self {
            revision: application.is_none().then(|| view.revision()),
            status: application.and_then(|app| view.get(app)),
            hub: conditions.chain(files).chain(commits).collect(),
            liveness: status.clusters.iter().map(|cluster| cluster.liveness).collect(),
            agents: application.is_none().then(|| view.said_by_agents()),
            blocks: blocks.iter().map(|block| block.in_force).collect(),
        }
    }
}

impl Watch {
    async fn next(mut self) -> Option<(Result<Event, axum::Error>, Self)> {
        // At once, so that the page learns that the stream works, and fetches what it missed before.
        while self.begun {
            tokio::select! {
                changed = self.pulse.changed() => changed.ok()?,
                () = tokio::time::sleep(LOOK) => {}
            }
            // What comes meanwhile goes into the same word.
            sleep_until(self.next).await;
            self.pulse.mark_unchanged();
            let seen = Seen::look(&self.view, self.application.as_ref());
            if seen != self.seen {
                self.seen = seen;
                break;
            }
        }
        self.begun = true;
        self.number += 1;
        self.next = Instant::now() + PACE;
        let event = Event::default().event("changed").data(self.number.to_string());
        Some((Ok(event), self))
    }
}

#[cfg(test)]
mod tests {
    use crate::store::Write;
    use crate::ui::support::{hub, rollout, settled, two};
    use axum::body::Body;
    use axum::http::{Request, header};
    use futures::StreamExt;
    use jiff::Timestamp;
    use serde_json::{Value, json};
    use std::sync::Arc;
    use std::time::Duration;
    use tower::ServiceExt;

    #[tokio::test]
    async fn an_open_page_is_told_at_once_and_of_its_own_application_alone() {
        let hub = hub().await;
        hub.clusters(&two());
        hub.publish(&rollout("web/shop"));
        let request = Request::get("/changes?application=web%2Fshop").body(Body::empty()).unwrap();
        let response = hub.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut events = response.into_body().into_data_stream();
        let mut next = async |within: u64| {
            let event = tokio::time::timeout(Duration::from_millis(within), events.next()).await.ok()?;
            Some(String::from_utf8(event.unwrap().unwrap().to_vec()).unwrap())
        };
        assert_eq!(next(5000).await.unwrap(), "event: changed\ndata: 1\n\n");
        hub.publish(&settled("web/other", &two()));
        assert_eq!(next(700).await, None, "another application is none of its business");
        let mut status = rollout("web/shop");
        status["waiting"]["message"] = json!("something else");
        hub.publish(&status);
        assert_eq!(next(1000).await.unwrap(), "event: changed\ndata: 2\n\n");
    }

    /// Pages of clusters show what agents say of themselves: what is wrong, what is free, which commit and which version.
    #[tokio::test]
    async fn an_open_page_is_told_what_agents_say_and_not_that_they_said_it_again() {
        let hub = hub().await;
        hub.clusters(&["eu".to_owned()]);
        let at = Timestamp::now();
        let request = json!({"cluster": "eu", "clusterUid": "uid", "agentVersion": "1.0.0"});
        let request = serde_json::from_value(request).unwrap();
        hub.shared.intake.write(Write::Open { session: "s".to_owned(), request, at }).await.unwrap();
        let mut told = json!({
            "session": "s", "sequence": 1, "cluster": "eu", "clusterUid": "uid", "agentVersion": "1.0.0",
            "applications": [],
        });
        let report = async |told: &mut Value| {
            told["sequence"] = json!(told["sequence"].as_u64().unwrap() + 1);
            let report = Arc::new(serde_json::from_value(told.clone()).unwrap());
            hub.shared.intake.write(Write::Report { report, at }).await.unwrap();
        };
        report(&mut told).await;
        let request = Request::get("/changes").body(Body::empty()).unwrap();
        let mut events = hub.router.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
        let mut next = async |within: u64| {
            let event = tokio::time::timeout(Duration::from_millis(within), events.next()).await.ok()?;
            Some(String::from_utf8(event.unwrap().unwrap().to_vec()).unwrap())
        };
        assert_eq!(next(5000).await.unwrap(), "event: changed\ndata: 1\n\n");
        let said = [
            ("problems", json!(["the way to Git is closed"])),
            ("free", json!({"cpu": "3500m"})),
            ("commit", json!("bada55")),
            ("agentVersion", json!("1.0.1")),
        ];
        for (number, (field, said)) in (2..).zip(said) {
            told[field] = said;
            report(&mut told).await;
            assert_eq!(next(1500).await, Some(format!("event: changed\ndata: {number}\n\n")), "{field}");
            report(&mut told).await;
            assert_eq!(next(700).await, None, "{field} is as it was");
        }
        let page = hub.get("/clusters/eu").await.text;
        for shown in ["the way to Git is closed", "3.5", "bada55", "1.0.1"] {
            assert!(page.contains(shown), "{shown} is not on {page}");
        }
    }
}
