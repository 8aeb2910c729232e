//! The stream that tells agents of a new state commit: the present one at once, then each newer one. Only a hint where to
//! look; an agent that misses one finds out with its next report or poll.

use super::auth::Agent;
use super::openapi::events::TargetEvents;
use super::openapi::tag;
use crate::shared::Shared;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, StreamExt, stream};
use shipper_core::protocol::{EVENTS, TARGET, TargetEvent};
use shipper_core::standing::Standing;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often a silent stream says that it is alive, so that proxies and agents notice when it is not.
const PING: Duration = Duration::from_secs(10);

type Item = Result<Event, axum::Error>;

/// Tells an agent of new state commits. The stream ends when the hub stops or stands by, or the token counts no more.
#[utoipa::path(
    get, path = EVENTS, operation_id = "followTargets", tag = tag::AGENTS,
    responses((status = 200, description = "Server-sent events.", body = TargetEvents, content_type = "text/event-stream")),
)]
pub async fn stream(
    State(shared): State<Arc<Shared>>,
    agent: Agent,
) -> Sse<impl Stream<Item = Item> + use<>> {
    let mut commits = shared.commits.subscribe();
    commits.mark_changed();
    let watch = Watch {
        commits,
        tokens: shared.tokens.subscribe(),
        standing: shared.stand.subscribe(),
        shared: shared.clone(),
        agent,
    };
    let stopped = shared.stop.clone().cancelled_owned();
    let events = stream::unfold(watch, Watch::next).take_until(stopped);
    Sse::new(events).keep_alive(KeepAlive::new().interval(PING).text("ping"))
}

struct Watch {
    commits: watch::Receiver<Option<String>>,
    tokens: watch::Receiver<u64>,
    standing: watch::Receiver<Option<Standing>>,
    shared: Arc<Shared>,
    agent: Agent,
}

impl Watch {
    async fn next(mut self) -> Option<(Item, Self)> {
        loop {
            tokio::select! {
                changed = self.commits.changed() => changed.ok()?,
                _ = self.tokens.changed() => {
                    if self.shared.tokens.still(&self.agent.digest) {
                        continue;
                    }
                    return None;
                }
                _ = self.standing.changed() => {
                    let standing = self.standing.borrow_and_update();
                    if standing.as_ref().is_none_or(Standing::may_act) {
                        continue;
                    }
                    return None;
                }
            }
            let commit = self.commits.borrow_and_update().clone();
            if let Some(commit) = commit {
                let event = Event::default().event(TARGET).json_data(TargetEvent { commit });
                return Some((event, self));
            }
        }
    }
}
