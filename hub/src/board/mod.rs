//! What the loop last said, for everybody who asks: the status of every application ([`statuses`]) and of the hub, the rollout blocks.

mod statuses;

pub use statuses::{ApplicationFilter, ClusterLoad, Published, Statuses, failing, loads, totals};

use jiff::Timestamp;
use shipper_core::plan::BlockSurvey;
use shipper_core::protocol::HubStatus;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// Beats whenever anything changes that people are shown, whatever it is. Cheap to clone; all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Pulse(watch::Sender<u64>);

impl Pulse {
    /// Something changed.
    pub fn beat(&self) {
        self.0.send_modify(|revision| *revision += 1);
    }

    /// Told of changes; the value grows with each.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

/// The rollout blocks as `main` has them; whether one is in force depends on when somebody asks.
#[derive(Debug, Default)]
pub struct BlockBoard {
    survey: RwLock<Arc<BlockSurvey>>,
    pulse: Pulse,
}

impl BlockBoard {
    /// An empty one that lets `pulse` beat.
    pub fn new(pulse: Pulse) -> Self {
        Self { survey: RwLock::default(), pulse }
    }

    /// Puts what the last look found in the place of what the one before did.
    pub fn publish(&self, survey: BlockSurvey) {
        *self.survey.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(survey);
        self.pulse.beat();
    }

    /// What the last look found.
    pub fn get(&self) -> Arc<BlockSurvey> {
        Arc::clone(&self.survey.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the hub says of itself.
#[derive(Debug)]
pub struct HubBoard {
    status: watch::Sender<HubStatus>,
    pulse: Pulse,
}

impl Default for HubBoard {
    fn default() -> Self {
        Self::new(Pulse::default())
    }
}

impl HubBoard {
    /// One of a hub that has not looked yet, which lets `pulse` beat.
    pub fn new(pulse: Pulse) -> Self {
        let status = watch::Sender::new(HubStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            source: None,
            state: None,
            standing: None,
            epoch: 0,
            generation: 0,
            looked_at: None,
            conditions: Vec::new(),
            refused: None,
            problems: Vec::new(),
            clusters: Vec::new(),
        });
        Self { status, pulse }
    }

    /// Puts a new status in the place of the last. What agents say of themselves need not be filled in: it is added
    /// fresh whenever somebody asks.
    pub fn publish(&self, status: HubStatus) {
        let looked_at = status.looked_at;
        let last = self.status.send_replace(status);
        // That it looked again is no news.
        if last.looked_at.is_none() || (HubStatus { looked_at, ..last }) != *self.status.borrow() {
            self.pulse.beat();
        }
    }

    /// The last status.
    pub fn get(&self) -> HubStatus {
        self.status.borrow().clone()
    }

    /// When the repository was last looked at with success.
    pub fn looked_at(&self) -> Option<Timestamp> {
        self.status.borrow().looked_at
    }

    /// Told of every new status.
    pub fn subscribe(&self) -> watch::Receiver<HubStatus> {
        self.status.subscribe()
    }
}
