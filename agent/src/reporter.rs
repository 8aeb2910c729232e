//! Tells the hub what is so: what changed since it last acknowledged, in full, numbered within a session [X5].
//!
//! Nothing is queued: after a failure the next report says how things are then, so that a hub that was away for a day gets
//! one report and not a day of them.

use crate::api::Calls;
use crate::engine::state::State;
use crate::hub::{HubError, HubLink};
use crate::lease::Leadership;
use crate::metrics::OutcomeLabels;
use crate::random::{Backoff, Random};
use shipper_core::protocol::{Session, SessionRequest};
use shipper_core::report::Report;
use shipper_core::{AppKey, ClusterName};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// Reports are at least this far apart; changes in between go together.
const APART: Duration = Duration::from_millis(50);
/// Pause after the hub refused the credential.
const REFUSED: Duration = Duration::from_secs(60);
/// Pause after a hub said that it stands by, where it did not say itself.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Applications per report: keeps a report well below what a hub takes at once.
const AT_ONCE: usize = 500;

/// Reports until dropped.
pub struct Reporter {
    hub: Arc<dyn HubLink>,
    state: Arc<State>,
    leadership: Leadership,
    calls: Arc<Calls>,
    random: Random,
    cluster: ClusterName,
    cluster_uid: String,
    /// Told when the hub knows of another state commit than this one.
    fetch: Arc<Notify>,
    session: Option<(Session, u64)>,
    /// By application, the number of the change that the hub has acknowledged in this session.
    acknowledged: BTreeMap<AppKey, u64>,
    problems: Vec<String>,
    /// When a hub that acts last answered, or this began.
    answered: Instant,
    /// When the last report was acknowledged.
    delivered: watch::Sender<Option<Instant>>,
}

impl Reporter {
    /// A reporter of this cluster, whose UID is that of its namespace `kube-system`.
    pub fn new(
        hub: Arc<dyn HubLink>,
        state: Arc<State>,
        leadership: Leadership,
        calls: Arc<Calls>,
        random: Random,
        (cluster, cluster_uid): (ClusterName, String),
        fetch: Arc<Notify>,
    ) -> Self {
        Self {
            hub,
            state,
            leadership,
            calls,
            random,
            cluster,
            cluster_uid,
            fetch,
            session: None,
            acknowledged: BTreeMap::new(),
            problems: Vec::new(),
            answered: Instant::now(),
            delivered: watch::Sender::new(None),
        }
    }

    /// When the hub last took a report.
    pub fn delivered(&self) -> watch::Receiver<Option<Instant>> {
        self.delivered.subscribe()
    }

    /// Reports until dropped.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(self.random.clone(), Duration::from_secs(1), Duration::from_secs(30));
        let mut heartbeat = Instant::now();
        loop {
            // Two agents of one cluster would close each other's sessions.
            self.leadership.may_speak().await;
            let due = Instant::now() >= heartbeat;
            let turn = self.turn(due).await;
            if matches!(turn, Ok(true) | Err(HubError::SessionUnknown)) {
                self.answered = Instant::now();
            }
            if let Some(outcome) = outcome(&turn) {
                self.state.metrics.reports.get_or_create(&OutcomeLabels { outcome }).inc();
            }
            match turn {
                Ok(false) => {
                    tokio::select! {
                        () = self.state.news.notified() => {}
                        () = sleep_until(heartbeat) => {}
                    }
                }
                Ok(true) => {
                    backoff.reset();
                    self.delivered.send_replace(Some(Instant::now()));
                    self.state.metrics.reported.set(self.state.clock().now().as_duration().as_secs_f64());
                    let every =
                        self.session.as_ref().map_or(30, |(session, _)| session.heartbeat_seconds.max(1));
                    // A little early, so that a slow report is not a missed one.
                    heartbeat = Instant::now() + Duration::from_secs(u64::from(every)).mul_f64(0.9);
                    sleep(APART).await;
                }
                Err(HubError::SessionUnknown) => {
                    tracing::info!("the hub does not know this session; opening another");
                    self.session = None;
                    sleep(backoff.pause()).await;
                }
                Err(error @ HubError::Refused { .. }) => {
                    tracing::error!(%error, "reports are refused");
                    self.session = None;
                    sleep(self.random.spread(REFUSED)).await;
                }
                Err(HubError::StandsBy { message, retry_after }) => {
                    tracing::info!(detail = message, "the hub stands by; asking again");
                    // The next one may be another hub, and every session is asked for by who has none.
                    self.session = None;
                    backoff.reset();
                    sleep(self.random.spread(retry_after.unwrap_or(ASK_AGAIN))).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "report not delivered; trying again");
                    let asked = match error {
                        HubError::Failed { retry_after, .. } => retry_after.unwrap_or_default(),
                        _ => Duration::ZERO,
                    };
                    sleep(asked.max(backoff.pause())).await;
                }
            }
        }
    }

    /// Sends what is to be said; `false` = nothing.
    async fn turn(&mut self, due: bool) -> Result<bool, HubError> {
        if self.session.is_none() {
            let request = SessionRequest {
                cluster: self.cluster.clone(),
                cluster_uid: self.cluster_uid.clone(),
                agent_version: env!("CARGO_PKG_VERSION").to_owned(),
                unheard_seconds: Some(self.answered.elapsed().as_secs()),
            };
            self.session = Some((self.hub.open(request).await?, 0));
            self.acknowledged.clear();
            return self.send(true).await;
        }
        self.send(due).await
    }

    async fn send(&mut self, due: bool) -> Result<bool, HubError> {
        let Some((session, sequence)) = &mut self.session else { return Ok(false) };
        let mut news = self.state.news(&self.acknowledged);
        if news.reports.is_empty() && news.gone.is_empty() && news.problems == self.problems && !due {
            return Ok(false);
        }
        news.reports.truncate(AT_ONCE);
        // A number is used once, even where nobody can say whether its report arrived.
        *sequence += 1;
        let report = Report {
            session: session.session.clone(),
            sequence: *sequence,
            cluster: self.cluster.clone(),
            cluster_uid: self.cluster_uid.clone(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: news.commit.clone(),
            epoch: news.standing.map(|(epoch, _)| epoch),
            generation: news.standing.map(|(_, generation)| generation),
            problems: news.problems.clone(),
            api_calls: self.calls.by_verb(),
            free: self.state.room.free(),
            applications: news.reports.iter().map(|(report, _)| (**report).clone()).collect(),
            gone: news.gone.clone(),
        };
        let (number, since) = (*sequence, self.state.clock().now());
        let accepted = self.hub.report(report).await?;
        if accepted.sequence < number {
            // The hub has stored something else under this name: nothing is known of what it has.
            return Err(HubError::SessionUnknown);
        }
        self.state.tell_reported(news.reports.iter().map(|(report, _)| &**report), since);
        for (report, change) in news.reports {
            self.acknowledged.insert(report.application.clone(), change);
        }
        for key in &news.gone {
            self.acknowledged.remove(key);
        }
        self.state.gone_acknowledged(&news.gone);
        self.problems = news.problems;
        if accepted.commit.is_some() && accepted.commit != news.commit {
            self.fetch.notify_one();
        }
        Ok(true)
    }
}

/// What came of a turn, as the metrics name it; `None` = there was nothing to say.
fn outcome(turn: &Result<bool, HubError>) -> Option<&'static str> {
    match turn {
        Ok(false) => None,
        Ok(true) => Some("stored"),
        Err(HubError::SessionUnknown) => Some("sessionUnknown"),
        Err(HubError::Refused { .. }) => Some("refused"),
        Err(HubError::StandsBy { .. }) => Some("standsBy"),
        Err(_) => Some("failed"),
    }
}
