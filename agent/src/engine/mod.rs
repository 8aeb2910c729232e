//! The loop: whoever changed is looked at, acted upon, and looked at again until nothing is left to do.

pub mod execute;
pub mod failure;
pub mod state;

use crate::lease::Leadership;
use execute::{Executor, Outcome};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use shipper_core::AppKey;
use shipper_core::converge::Action;
use state::State;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

/// Applications that are worked on at once: bounds the memory that their objects take on the way.
const AT_ONCE: usize = 32;
/// Rounds without a rest after which something must be wrong, such as a webhook that undoes what is applied.
const MOST_ROUNDS: u32 = 32;
/// The rest then.
const REST: SignedDuration = SignedDuration::from_secs(1);

/// Runs until dropped.
pub async fn run(state: Arc<State>, executor: Executor, leadership: Leadership) {
    let mut working = JoinSet::new();
    loop {
        let (ready, next) = state.take_ready(AT_ONCE.saturating_sub(working.len()));
        for app in ready {
            let work = work(Arc::clone(&state), executor.clone(), leadership.clone(), app);
            working.spawn(work.in_current_span());
        }
        let next = next.map(|at| state.clock().instant(at));
        tokio::select! {
            () = state.work.notified() => {}
            () = at(next) => {}
            Some(ended) = working.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "work on an application ended badly");
                }
            }
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Frees the application even if work on it is cut short.
struct Rest<'a> {
    state: &'a State,
    app: &'a AppKey,
    wake_at: Option<Timestamp>,
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.state.rest(self.app, self.wake_at);
    }
}

async fn work(state: Arc<State>, executor: Executor, leadership: Leadership, app: AppKey) {
    let began = Instant::now();
    reconcile(&state, &executor, &leadership, &app).await;
    state.metrics.reconcile_duration.observe(began.elapsed().as_secs_f64());
}

async fn reconcile(state: &State, executor: &Executor, leadership: &Leadership, app: &AppKey) {
    let mut rest = Rest { state, app, wake_at: None };
    for key in state.take_foreign(app) {
        executor.look_again(app, &key).await;
    }
    for _ in 0..MOST_ROUNDS {
        let Some(round) = state.round(app) else { return };
        rest.wake_at = round.wake_at;
        if round.actions.is_empty() || !leadership.is_held() {
            return;
        }
        tracing::debug!(application = %app, count = round.actions.len(), "decided");
        carry_out(executor, app, round.version, round.actions).await;
    }
    let later = state.clock().now().saturating_add(REST).ok();
    rest.wake_at = later;
    state.metrics.restless.inc();
    tracing::warn!(application = %app, "does not come to rest; another undoes what is applied?");
}

/// Rank by rank: applies upwards, deletions downwards, labels with the first. A failure ends it, so that the next look decides.
async fn carry_out(executor: &Executor, app: &AppKey, version: u64, actions: Vec<Action>) {
    let mut groups: BTreeMap<(u8, usize), Vec<Action>> = BTreeMap::new();
    for action in actions {
        let rank = match &action {
            Action::Label(_) => (0, 0),
            Action::Apply(apply) => (1, apply.rank),
            Action::Delete(delete) => (2, usize::MAX - delete.rank),
        };
        groups.entry(rank).or_default().push(action);
    }
    // Labels belong to no rank; they go with the first one.
    if groups.len() > 1
        && let Some(labels) = groups.remove(&(0, 0))
        && let Some(mut first) = groups.first_entry()
    {
        first.get_mut().extend(labels);
    }
    for group in groups.into_values() {
        let mut running: FuturesUnordered<_> =
            group.iter().map(|action| executor.run(app, version, action)).collect();
        let mut all_done = true;
        while let Some(outcome) = running.next().await {
            all_done &= outcome == Outcome::Done;
        }
        if !all_done {
            return;
        }
    }
}
