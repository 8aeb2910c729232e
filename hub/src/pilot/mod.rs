//! The loop of the hub: read, plan, write.
//!
//! One task owns everything; there are no locks. Webhooks, watches, reports, clusters that come and go, timers and finished
//! renderings only wake it; what is so is then read anew, so a lost wake costs latency and nothing else. Whatever is dirty
//! at one moment goes into one commit, as far as a turn goes, pushed as a compare-and-swap on the commit it was computed from. A lost race drops it and
//! begins again with a look.
//!
//! - [`desk`](mod@desk): the Git side; [`world`](mod@world): planning over it; both run where they may block.
//! - [`portion`](mod@portion): how much of it goes into one turn.
//! - [`renders`](mod@renders), [`lookups`](mod@lookups): what takes longer and comes back as a wake.
//! - [`compose`](mod@compose), [`message`](mod@message): the commit; [`measured`](mod@measured): what is kept of gates that it ends; [`publish`](mod@publish): what everybody is told.

mod compose;
mod config;
mod cycle;
mod deeds;
mod desk;
mod ground;
mod input;
mod lookups;
mod measured;
mod message;
mod missing;
mod poll;
mod portion;
mod preview;
mod promised;
mod publish;
mod renders;
mod timers;
mod trail;
mod wakes;
mod world;

#[cfg(test)]
pub(crate) mod tests;

pub use compose::ComposeError;
pub use config::{BeforePush, PilotConfig, SharedSigner};
pub use preview::{Decision, Preview, Rendering, RenderingError, settle_clusters};

use crate::backoff::Backoff;
use crate::render::Renderer;
use crate::render::charts::Charts;
use crate::shared::Shared;
use desk::Desk;
use message::News;
use poll::Poll;
use publish::Publisher;
use shipper_core::AppKey;
use shipper_git::{Oid, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use timers::Timers;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wakes::{Message, Wakes};
use world::World;

/// Several wakes at once are mostly the beginning of more.
const GATHER: Duration = Duration::from_millis(5);

/// The loop.
pub struct Pilot {
    config: PilotConfig,
    shared: Arc<Shared>,
    renderer: Arc<Renderer>,
    charts: Arc<Charts>,
    world: Held,
    wakes: Wakes,
    publisher: Publisher,
    poll: Poll,
    /// The repository has to be looked at before anything else.
    look: bool,
    /// It was looked at, and may be followed.
    accepted: bool,
    /// The hubs of another store act [A6].
    stands_by: bool,
    looks: Backoff,
    pushes: Backoff,
    races: Backoff,
    dirty: BTreeSet<AppKey>,
    timers: Timers,
    /// What is tried again after it failed.
    retries: Timers,
    /// A push of which it is not known whether it arrived.
    unsure: Option<(Oid, News)>,
}

/// Speaks to a running loop.
#[derive(Clone, Debug)]
pub struct PilotControl(UnboundedSender<Message>);

impl PilotControl {
    /// Accepts a commit of `main` as a new beginning after its history was rewritten [X3].
    pub fn accept(&self, commit: Oid) {
        // A loop that ended has nothing to accept.
        let _ = self.0.send(Message::Accept(commit));
    }
}

impl Pilot {
    /// Opens the copies of the repositories; talks to nobody yet.
    ///
    /// # Errors
    /// The data directory is in use or cannot be written.
    pub fn new(
        config: PilotConfig,
        shared: Arc<Shared>,
        renderer: Arc<Renderer>,
        charts: Arc<Charts>,
    ) -> Result<Self, StoreError> {
        let desk = Desk::open(config.clone())?;
        let world = World::new(desk, Arc::clone(&shared), config.render_patience);
        let now = Instant::now();
        let wakes = Wakes::new(Arc::clone(&shared));
        Ok(Self {
            renderer,
            charts,
            world: Held(Some(Box::new(world))),
            publisher: Publisher::new(Arc::clone(&shared)),
            wakes,
            poll: Poll::new(config.poll_min, config.poll_max, now),
            look: true,
            accepted: false,
            stands_by: false,
            looks: Backoff::new(config.retry_min, config.retry_max),
            pushes: Backoff::new(config.retry_min, config.retry_max),
            races: Backoff::new(Duration::from_millis(1), Duration::from_millis(500)),
            dirty: BTreeSet::new(),
            timers: Timers::default(),
            retries: Timers::default(),
            unsure: None,
            shared,
            config,
        })
    }

    /// What speaks to the loop while it runs.
    pub fn control(&self) -> PilotControl {
        PilotControl(self.wakes.sender())
    }

    /// Runs until `stop` is cancelled; a push in flight is finished first.
    pub async fn run(mut self, stop: CancellationToken) {
        self.wakes.watch(&self.config.repository);
        if let Some(remote) = self.config.state_repository.clone() {
            self.wakes.watch(&remote);
        }
        while !stop.is_cancelled() {
            match self.waits_until() {
                Some(deadline) => {
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = self.wakes.next(deadline) => {}
                    }
                }
                None => {
                    self.gather().await;
                    self.cycle().await;
                }
            }
        }
    }

    /// `None` = there is something to do now; else until when there is not, unless something wakes the loop.
    fn waits_until(&mut self) -> Option<Option<Instant>> {
        let now = Instant::now();
        let hinted = std::mem::take(&mut self.wakes.marks.hinted);
        if hinted.is_beyond(&self.known()) {
            self.look = true;
            self.poll.hinted();
        }
        self.look |= self.poll.due() <= now;
        let due = [self.timers.due(self.shared.clock.now()), self.retries.due(self.shared.clock.now())];
        self.dirty.extend(due.into_iter().flatten());
        if !self.wakes.marks.messages.is_empty() {
            return None;
        }
        let later = [
            (self.look, &self.looks),
            (self.has_dirt(), &self.pushes),
            (self.has_dirt() || self.look, &self.races),
        ];
        let held = later
            .iter()
            .filter(|(wanted, _)| *wanted)
            .filter_map(|(_, backoff)| backoff.until())
            .filter(|until| *until > now)
            .max();
        let wanted = self.look || (self.accepted && !self.stands_by && self.has_dirt());
        match (wanted, held) {
            (true, None) => None,
            (true, Some(until)) => Some(Some(until)),
            (false, _) => {
                let timers = [self.timers.next(), self.retries.next()];
                let timers = timers.into_iter().flatten().min().map(|at| self.instant(at, now));
                Some([Some(self.poll.due()), timers].into_iter().flatten().min())
            }
        }
    }

    /// The commits that both branches are known to be at, in hex.
    fn known(&self) -> Vec<String> {
        let branches = self.world.0.as_deref().map(|world| world.desk.view().branches()).unwrap_or_default();
        [branches.main, branches.state].into_iter().flatten().map(|oid| oid.to_string()).collect()
    }

    fn has_dirt(&self) -> bool {
        let marks = &self.wakes.marks;
        !(self.dirty.is_empty() && marks.apps.is_empty() && marks.clusters.is_empty())
    }

    fn instant(&self, at: jiff::Timestamp, now: Instant) -> Instant {
        let wait = at.duration_since(self.shared.clock.now());
        // A timer that rings early rings twice.
        now + Duration::try_from(wait).unwrap_or_default() + Duration::from_millis(1)
    }

    /// Waits a moment for more where several things woke the loop at once.
    async fn gather(&mut self) {
        let until = Instant::now() + GATHER;
        while self.wakes.marks.wakes > 2 && Instant::now() < until {
            self.wakes.next(Some(until)).await;
        }
        self.wakes.marks.wakes = 0;
    }
}

/// The world, which must not be dropped where nothing may block: its HTTP client ends a runtime of its own.
struct Held(Option<Box<World>>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(world) = self.0.take() {
            std::thread::spawn(move || drop(world));
        }
    }
}
