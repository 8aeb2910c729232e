//! Streams for people and programs (server-sent events). What is told of the timeline, of changes and of lists ([`feed`](super::feed)) is made
//! once for all who listen, and such a stream holds no more than where it is. A slow listener is told the newest and never holds anybody up.
//! Streams end when the hub stops or stands by, and when the listener may not see any more what it tells.

use crate::access::View;
use crate::access::view::{Heard, Hearing};
use crate::store::{Begin, EventQuery};
use crate::timeline::Told;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use shipper_core::AppKey;
use shipper_core::api::{CHANGED, EventFilter};
use shipper_core::standing::Standing;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};

/// What a reader of a stream says of itself when it was cut off.
pub(super) const LAST_EVENT_ID: &str = "last-event-id";
/// How often a silent stream says that it is alive, so that proxies and readers notice when it is not.
const PING: Duration = Duration::from_secs(10);
const PINGED: Bytes = Bytes::from_static(b": ping\n\n");
/// The shortest time between two hints that something changed.
const PACE: Duration = Duration::from_millis(250);
/// Entries of the timeline that are read at once.
const READ: u32 = 200;

/// The answer that is a stream of these events.
pub(super) fn answer(view: &View, events: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let alive =
        stream::unfold(Box::pin(events), async |mut events| match timeout(PING, events.next()).await {
            Ok(event) => event.map(|event| (event, events)),
            Err(_) => Some((PINGED, events)),
        });
    let (stop, mut standing, over) = (view.stop().clone(), view.standing(), view.ended());
    let ended = async move {
        let stands_by = async {
            while standing
                .wait_for(|standing| !standing.as_ref().is_none_or(Standing::may_act))
                .await
                .is_err()
            {
                std::future::pending::<()>().await;
            }
        };
        let ended = async {
            tokio::select! {
                () = stands_by => {}
                () = over => {}
            }
        };
        stop.run_until_cancelled(ended).await;
    };
    let body = Body::from_stream(alive.take_until(Box::pin(ended)).map(Ok::<_, Infallible>));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, body).into_response()
}

/// An application as it is, and then each change, until it is gone; `None` = it is not known.
pub(super) fn application(view: &View, key: &AppKey) -> Option<Response> {
    let mut follower = view.follow(key)?;
    follower.mark_changed();
    let events = stream::unfold(follower, async |mut follower| {
        follower.changed().await.ok()?;
        let event = follower.borrow_and_update().as_ref()?.event();
        Some((event, follower))
    });
    Some(answer(view, events))
}

/// That something changed: at once, and then whenever it did, at most four times a second.
pub(super) fn changes(view: &View) -> Response {
    let mut pulse = view.pulse();
    pulse.mark_changed();
    let events = stream::unfold((pulse, Duration::ZERO), async |(mut pulse, pause)| {
        sleep(pause).await;
        pulse.changed().await.ok()?;
        let revision = *pulse.borrow_and_update();
        let event = format!("event: {CHANGED}\ndata: {{\"revision\":{revision}}}\n\n");
        Some((Bytes::from(event), (pulse, PACE)))
    });
    answer(view, events)
}

/// New entries of the timeline. `after`: those behind this number first, for who was cut off there.
pub(super) fn timeline(view: &View, filter: EventFilter, after: Option<i64>) -> Response {
    let listener = Listener {
        told: view.hear(&filter),
        view: view.clone(),
        filter,
        last: after.unwrap_or_default(),
        read: 0,
        behind: after.is_some(),
        waiting: VecDeque::new(),
    };
    let events = stream::unfold(listener, async |mut listener| {
        let event = listener.next().await?;
        Some((event, listener))
    });
    answer(view, events)
}

struct Listener {
    view: View,
    told: Hearing,
    filter: EventFilter,
    /// The highest number that was told to this listener or passed over.
    last: i64,
    /// Up to here the database was read, and nothing is told twice.
    read: i64,
    /// Something was missed, which the database has.
    behind: bool,
    waiting: VecDeque<Bytes>,
}

impl Listener {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            match self.told.next().await {
                Ok(Heard::Other(number)) => self.last = self.last.max(number),
                Ok(Heard::Entry(told)) => {
                    let number = told.entry.number;
                    self.last = self.last.max(number);
                    if number > self.read {
                        return Some(told.frame.clone());
                    }
                }
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Reads what was missed; `None` = it cannot be read, and the stream ends, so that the listener asks again.
    async fn catch_up(&mut self) -> Option<()> {
        let (filter, begin) = (self.filter.clone(), Begin::After(self.last));
        let missed = self.view.events(&EventQuery { filter, begin, limit: READ }).await;
        let missed =
            missed.inspect_err(|error| tracing::warn!(%error, "a stream of the timeline ends")).ok()?;
        self.behind = missed.len() == READ as usize;
        if let Some(last) = missed.last() {
            self.last = last.number;
            self.read = last.number;
        }
        self.waiting.extend(missed.into_iter().map(|entry| Told::from(entry).frame));
        Some(())
    }
}
