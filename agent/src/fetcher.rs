//! When to fetch: the hub says so, the repository on this machine says so, or it is time; and never two at once.

use crate::engine::state::State;
use crate::hub::HubLink;
use crate::metrics::OutcomeLabels;
use crate::random::{Backoff, Random};
use crate::source::Source;
use crate::targets::Targets;
use futures::StreamExt;
use shipper_telemetry::fields::COMMIT;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

/// Longest pause after a fetch that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How often the branch is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Polling {
    /// While the hub's event stream is there.
    pub safety: Duration,
    /// While it is not.
    pub alone: Duration,
}

impl Polling {
    /// `safety`, or every five seconds without events.
    pub fn every(safety: Duration) -> Self {
        Self { safety, alone: safety.min(Duration::from_secs(5)) }
    }
}

/// What wakes the fetcher, shared with those who do.
#[derive(Clone, Default)]
pub struct Wake {
    /// Fetch now.
    pub fetch: Arc<Notify>,
    /// The event stream is there.
    pub connected: Arc<AtomicBool>,
}

/// Fetches until dropped. The last accepted state comes into force first, without the server.
pub async fn run<S: Source>(
    source: S,
    targets: Targets,
    state: Arc<State>,
    wake: Wake,
    polling: Polling,
    random: Random,
) {
    let mut backoff = Backoff::new(random.clone(), Duration::from_secs(1), polling.safety.min(LONGEST_PAUSE));
    let _watch = local_wake_ups(&source, &wake);
    let Some((mut held, resumed)) =
        on_thread((source, targets), |(source, targets)| targets.resume(source)).await
    else {
        return;
    };
    if let Some(changes) = resumed {
        tracing::info!(commit = changes.commit, "goes on with the last accepted state");
        state.set_targets(changes);
    }
    loop {
        let (began, since) = (Instant::now(), state.clock().now());
        let Some((returned, result)) = on_thread(held, |(source, targets)| targets.sync(source)).await else {
            return;
        };
        held = returned;
        let outcome = match &result {
            Ok(Some(_)) => "accepted",
            Ok(None) => "unchanged",
            Err(_) => "failed",
        };
        state.metrics.fetches.get_or_create(&OutcomeLabels { outcome }).inc();
        state.metrics.fetch_duration.observe(began.elapsed().as_secs_f64());
        let now = state.clock().now().as_duration().as_secs_f64();
        let pause = match result {
            Ok(changes) => {
                state.problem("fetch", None);
                state.metrics.fetched.set(now);
                backoff.reset();
                if let Some(changes) = changes {
                    tracing::info!(
                        commit = changes.commit,
                        changed = changes.set.len(),
                        gone = changes.gone.len(),
                        "new state accepted"
                    );
                    state.metrics.accepted.set(now);
                    if let Some(trace) = &changes.trace {
                        let times = (since.into(), state.clock().now().into());
                        state.traces.tell("fetch", Some(trace), times, [(COMMIT, changes.commit.clone())]);
                    }
                    state.set_targets(changes);
                }
                let connected = wake.connected.load(Ordering::Relaxed);
                random.spread(if connected { polling.safety } else { polling.alone })
            }
            Err(error) => {
                state.problem("fetch", Some(error.to_string()));
                let pause = backoff.pause();
                sleep(pause.min(Duration::from_secs(1))).await;
                pause
            }
        };
        let _ = timeout(pause, wake.fetch.notified()).await;
    }
}

/// Runs blocking work on a thread of its own; `None` = the runtime ends.
async fn on_thread<H: Send + 'static, T: Send + 'static>(
    mut held: H,
    work: impl FnOnce(&mut H) -> T + Send + 'static,
) -> Option<(H, T)> {
    let around = tracing::Span::current();
    spawn_blocking(move || {
        let result = around.in_scope(|| work(&mut held));
        (held, result)
    })
    .await
    .inspect_err(|error| tracing::error!(%error, "reading the repository ended badly"))
    .ok()
}

/// Ends the watch when dropped.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn local_wake_ups(source: &impl Source, wake: &Wake) -> Option<Stop> {
    let watch = source.watch()?;
    let stop = Arc::new(AtomicBool::new(false));
    let (fetch, stopped) = (Arc::clone(&wake.fetch), Arc::clone(&stop));
    std::thread::spawn(move || {
        // Whole: a closure would take only the field it uses, and the watch would end here.
        let watch = watch;
        while !stopped.load(Ordering::Relaxed) {
            match watch.changes.recv_timeout(Duration::from_secs(1)) {
                Ok(()) => fetch.notify_one(),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    });
    Some(Stop(stop))
}

/// Listens to the hub's events until dropped.
pub async fn listen(hub: Arc<dyn HubLink>, wake: Wake, random: Random) {
    let mut backoff = Backoff::new(random, Duration::from_secs(1), Duration::from_secs(30));
    loop {
        match hub.events().await {
            Ok(mut events) => {
                wake.connected.store(true, Ordering::Relaxed);
                while let Some(event) = events.next().await {
                    match event {
                        Ok(event) => {
                            tracing::debug!(commit = event.commit, "the hub knows of a state commit");
                            backoff.reset();
                            wake.fetch.notify_one();
                        }
                        Err(error) => {
                            tracing::info!(%error, "event stream lost; polling until it is back");
                            break;
                        }
                    }
                }
            }
            Err(error) => tracing::info!(%error, "no event stream; polling"),
        }
        wake.connected.store(false, Ordering::Relaxed);
        // What was said meanwhile went unheard.
        wake.fetch.notify_one();
        sleep(backoff.pause()).await;
    }
}
