//! The stream of an open page: a word whenever what it shows may be another, at most four times a second. The page is then fetched
//! again, and what did not change costs nothing.

use crate::shared::Shared;
use axum::extract::{Query, State};
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

/// Streams until the hub stops.
pub async fn stream(
    State(shared): State<Arc<Shared>>,
    Query(topic): Query<Topic>,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>> + use<>> {
    let stop = shared.stop.clone().cancelled_owned();
    let application = topic.application.and_then(|key| key.parse().ok());
    let watch = Watch {
        pulse: shared.pulse.subscribe(),
        seen: Seen::look(&shared, application.as_ref()),
        next: Instant::now(),
        number: 0,
        begun: false,
        shared,
        application,
    };
    let events = futures::StreamExt::take_until(stream::unfold(watch, Watch::next), stop);
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(PING).event(Event::default().event("ping").data("")))
}

struct Watch {
    shared: Arc<Shared>,
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
    blocks: Vec<bool>,
}

impl Seen {
    fn look(shared: &Shared, application: Option<&AppKey>) -> Self {
        let status = shared.status();
        let conditions = status.conditions.iter().map(|c| format!("{:?}{:?}{}", c.kind, c.status, c.message));
        let files = status.problems.iter().map(ToString::to_string);
        let commits = [status.source.unwrap_or_default(), format!("{:?}", status.standing)];
        let blocks = shared.blocks.get().statuses(shared.clock.now());
        Self {
            revision: application.is_none().then(|| *shared.statuses.subscribe().borrow()),
            status: application.and_then(|app| shared.statuses.get(app)),
            hub: conditions.chain(files).chain(commits).collect(),
            liveness: status.clusters.iter().map(|cluster| cluster.liveness).collect(),
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
            let seen = Seen::look(&self.shared, self.application.as_ref());
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
