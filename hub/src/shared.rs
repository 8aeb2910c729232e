//! What the HTTP side and the loop share: the one seam between them. Agents' reports go in on the HTTP side and come out as
//! [`Reports`]; what the loop decides is put up in [`Statuses`], [`HubBoard`], [`BlockBoard`] and `commits` and comes out on the HTTP side.

use crate::access::{Access, AccessError, AccessSettings};
use crate::board::{BlockBoard, HubBoard, Pulse, Statuses};
use crate::clock::Clock;
use crate::details::Details;
use crate::hints::Hints;
use crate::http::limit::Limiter;
use crate::http::tokens::Tokens;
use crate::liveness::Heartbeats;
use crate::metrics::Metrics;
use crate::questions::{Decided, Questions};
use crate::rendered::{Renderings, Wanted};
use crate::standing::{Stand, Takeover};
use crate::store::{
    Agents, Intake, IntakeError, Measurement, Outage, Reports, Store, TimelineEvent, View, Write,
};
use crate::timeline::Timeline;
use crate::ui::application::records::Answers;
use jiff::SignedDuration;
use shipper_core::catalogue::Refusal;
use shipper_core::condition::{Condition, ConditionType, Reason, Status};
use shipper_core::protocol::HubStatus;
use shipper_git::Secret;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Everything that is shared; always behind an [`Arc`].
#[derive(Debug)]
pub struct Shared {
    /// The time. Ask nothing else for it.
    pub clock: Clock,
    /// Seconds after which an agent reports even if nothing changed.
    pub heartbeat: Duration,
    /// The database, for reading.
    pub store: Arc<dyn Store>,
    /// Where everything that is to be stored goes.
    pub intake: Intake,
    /// The latest reports; the loop subscribes.
    pub reports: Arc<Reports>,
    /// What agents say of themselves.
    pub agents: Arc<Agents>,
    /// Which agents report; the loop subscribes.
    pub heartbeats: Arc<Heartbeats>,
    /// The status of every application; the loop publishes.
    pub statuses: Statuses,
    /// The status of the hub; the loop publishes. Until it says when it looked, the hub is not ready.
    pub hub: HubBoard,
    /// The rollout blocks; the loop publishes.
    pub blocks: BlockBoard,
    /// Beats whenever anything changes that people are shown.
    pub pulse: Pulse,
    /// New entries of the timeline.
    pub timeline: Arc<Timeline>,
    /// The newest state commit, in hex; the loop sends, agents are told at once.
    pub commits: watch::Sender<Option<String>>,
    /// Somebody says that something was pushed: the loop looks.
    pub hints: Hints,
    /// Somebody asks why: the loop answers.
    pub questions: Questions,
    /// Somebody asks what the records hold: the loop answers.
    pub details: Questions<Details>,
    /// Somebody asks what was rendered of releases: the loop answers.
    pub rendered: Questions<Renderings, Wanted>,
    /// Whether a commit has been decided on.
    pub decided: Questions<bool, Decided>,
    /// What it last answered, for pages that do not wait.
    pub answers: Answers,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Whose reports are taken.
    pub tokens: Tokens,
    /// Who may read what.
    pub access: Arc<Access>,
    /// What webhooks are signed with; `None` = they need no signature.
    pub webhook_secret: Option<Secret>,
    /// Bounds what one cluster may send.
    pub limiter: Limiter,
    /// Whether this hub acts or stands by; the loop judges.
    pub stand: Stand,
    /// Cancelled when the hub is to stop.
    pub stop: CancellationToken,
}

/// What [`Shared::start`] is told.
#[derive(Debug)]
pub struct Settings {
    /// The time.
    pub clock: Clock,
    /// How often agents report.
    pub heartbeat: Duration,
    /// Whose reports are taken.
    pub tokens: Tokens,
    /// Who may read.
    pub access: AccessSettings,
    /// What webhooks are signed with.
    pub webhook_secret: Option<Secret>,
    /// When to take over from another hub.
    pub takeover: Takeover,
}

impl Shared {
    /// Reads what is stored and starts the writer and the watch over heartbeats.
    ///
    /// # Errors
    /// What is stored cannot be read, or who may read is not clear.
    pub async fn start(store: Arc<dyn Store>, settings: Settings) -> Result<Arc<Self>, AccessError> {
        let view = View {
            reports: Arc::default(),
            agents: Arc::default(),
            heartbeats: Arc::new(Heartbeats::new(settings.heartbeat)),
            metrics: Arc::default(),
            timeline: Arc::default(),
        };
        let tail = view.timeline.begin(&*store).await?;
        let intake = Intake::start(store.clone(), view.clone()).await?;
        let access = Arc::new(Access::start(&*store, settings.access).await?);
        let identity = store.identity().to_owned();
        // An agent that is well may be silent for a heartbeat.
        let takeover =
            Takeover { after: settings.takeover.after.max(settings.heartbeat * 3), ..settings.takeover };
        let stop = CancellationToken::new();
        let (heartbeats, stopped) = (view.heartbeats.clone(), stop.clone());
        tokio::spawn(async move { stopped.run_until_cancelled(heartbeats.watch()).await });
        let (readers, followed, stopped) = (access.clone(), store.clone(), stop.clone());
        tokio::spawn(async move { stopped.run_until_cancelled(readers.follow(&*followed)).await });
        let pulse = Pulse::default();
        let (timeline, read, stopped) = (view.timeline.clone(), store.clone(), stop.clone());
        let (mut turned, mut outage, beat) = (view.heartbeats.subscribe(), intake.outage(), pulse.clone());
        let mut said = view.agents.subscribe();
        tokio::spawn(async move {
            let alive = async {
                loop {
                    tokio::select! {
                        _ = turned.next() => {}
                        Ok(()) = outage.changed() => {}
                        Ok(()) = said.changed() => {}
                    }
                    beat.beat();
                }
            };
            let told = timeline.follow(&*read, tail, || beat.beat());
            stopped.run_until_cancelled(futures::future::join(told, alive)).await;
        });
        Ok(Arc::new(Self {
            clock: settings.clock,
            heartbeat: settings.heartbeat,
            store,
            intake,
            reports: view.reports,
            agents: view.agents,
            heartbeats: view.heartbeats,
            statuses: Statuses::new(pulse.clone()),
            hub: HubBoard::new(pulse.clone()),
            blocks: BlockBoard::new(pulse.clone()),
            pulse,
            timeline: view.timeline,
            commits: watch::Sender::new(None),
            hints: Hints::default(),
            questions: Questions::default(),
            details: Questions::default(),
            rendered: Questions::default(),
            decided: Questions::default(),
            answers: Answers::default(),
            metrics: view.metrics,
            tokens: settings.tokens,
            access,
            webhook_secret: settings.webhook_secret,
            limiter: Limiter::default(),
            stand: Stand::new(identity, takeover),
            stop,
        }))
    }

    /// Appends to the timeline; returns after it is durable.
    ///
    /// # Errors
    /// It is not stored.
    pub async fn log(&self, events: Vec<TimelineEvent>) -> Result<(), IntakeError> {
        if events.is_empty() {
            return Ok(());
        }
        self.intake.write(Write::Events(events)).await.map(|_| ())
    }

    /// Keeps what was measured for gates that are over; returns after it is durable.
    ///
    /// # Errors
    /// It is not stored.
    pub async fn keep(&self, measured: Vec<Measurement>) -> Result<(), IntakeError> {
        if measured.is_empty() {
            return Ok(());
        }
        self.intake.write(Write::Measurements(measured)).await.map(|_| ())
    }

    /// The hub's status as the loop published it, with what agents say of themselves at this moment.
    pub fn status(&self) -> HubStatus {
        let mut status = self.hub.get();
        status.standing = self.stand.get();
        status.conditions.extend(self.outage());
        let now = tokio::time::Instant::now();
        for cluster in &mut status.clusters {
            cluster.liveness = self.heartbeats.of(&cluster.name, now);
            if let Some(agent) = self.agents.get(&cluster.name) {
                cluster.last_report = agent.last_report;
                cluster.agent_version = Some(agent.agent_version);
                cluster.commit = agent.commit;
                cluster.problems = agent.problems;
                cluster.free = agent.free;
            }
        }
        status
    }

    /// What is to be said of a database that takes no writes: nothing while it does.
    fn outage(&self) -> Option<Condition> {
        let Outage { since, cause } = self.intake.outage().borrow().clone()?;
        let message = format!(
            "{cause}. Until it takes writes again, no report of an agent is stored: what is shown of clusters is what they said before, and \
             that nothing newer is heard of them is not their fault"
        );
        let elapsed = SignedDuration::try_from(since.elapsed()).unwrap_or(SignedDuration::MAX);
        let mut condition = Condition::new(
            ConditionType::DatabaseWritable,
            Status::False,
            Reason::DatabaseNotWritable,
            message,
        );
        condition.last_transition_time = self.clock.now().checked_sub(elapsed).ok();
        Some(condition)
    }

    /// Why the hub is not ready, in words too, or nothing.
    pub fn unready(&self) -> Vec<(Refusal, String)> {
        let mut lacks = Vec::new();
        if self.hub.looked_at().is_none() {
            let said = "the repository has not been read yet; see the hub's log if that goes on";
            lacks.push((Refusal::NotReadYet, said.to_owned()));
        }
        if let Some(outage) = &*self.intake.outage().borrow() {
            lacks.push((
                Refusal::DatabaseAway,
                format!("the database does not take writes: {}", outage.cause),
            ));
        }
        if self.stop.is_cancelled() {
            lacks.push((Refusal::Stopping, "the hub is stopping".to_owned()));
        }
        lacks
    }
}
