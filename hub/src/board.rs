//! What the loop last said, for everybody who asks: the status of every application and of the hub, the rollout blocks.

use jiff::Timestamp;
use shipper_core::AppKey;
use shipper_core::plan::BlockSurvey;
use shipper_core::protocol::HubStatus;
use shipper_core::status::ApplicationStatus;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// The status of every application, with a revision that grows whenever one changes.
#[derive(Debug, Default)]
pub struct Statuses {
    map: RwLock<BTreeMap<AppKey, Arc<ApplicationStatus>>>,
    revision: watch::Sender<u64>,
}

impl Statuses {
    /// Puts the status of an application in the place of its last one.
    pub fn publish(&self, status: ApplicationStatus) {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        if map.get(&status.application).is_some_and(|last| **last == status) {
            return;
        }
        map.insert(status.application.clone(), Arc::new(status));
        drop(map);
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Drops an application that is neither on `main` nor in the records any more.
    pub fn remove(&self, application: &AppKey) {
        let removed = self.map.write().unwrap_or_else(PoisonError::into_inner).remove(application);
        if removed.is_some() {
            self.revision.send_modify(|revision| *revision += 1);
        }
    }

    /// Drops everything: what was said is not known to be true any more.
    pub fn clear(&self) {
        self.map.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// One application.
    pub fn get(&self, application: &AppKey) -> Option<Arc<ApplicationStatus>> {
        self.map.read().unwrap_or_else(PoisonError::into_inner).get(application).cloned()
    }

    /// All applications, or those of one namespace, in the order of their keys.
    pub fn list(&self, namespace: Option<&str>) -> Vec<Arc<ApplicationStatus>> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        map.values().filter(|s| namespace.is_none_or(|n| s.application.namespace == n)).cloned().collect()
    }

    /// Told whenever a status changes; the value is the revision.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }
}

/// The rollout blocks as `main` has them; whether one is in force depends on when somebody asks.
#[derive(Debug, Default)]
pub struct BlockBoard(RwLock<Arc<BlockSurvey>>);

impl BlockBoard {
    /// Puts what the last look found in the place of what the one before did.
    pub fn publish(&self, survey: BlockSurvey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(survey);
    }

    /// What the last look found.
    pub fn get(&self) -> Arc<BlockSurvey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the hub says of itself.
#[derive(Debug)]
pub struct HubBoard(watch::Sender<HubStatus>);

impl Default for HubBoard {
    fn default() -> Self {
        Self(watch::Sender::new(HubStatus {
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
        }))
    }
}

impl HubBoard {
    /// Puts a new status in the place of the last. What agents say of themselves need not be filled in: it is added
    /// fresh whenever somebody asks.
    pub fn publish(&self, status: HubStatus) {
        self.0.send_replace(status);
    }

    /// The last status.
    pub fn get(&self) -> HubStatus {
        self.0.borrow().clone()
    }

    /// When the repository was last looked at with success.
    pub fn looked_at(&self) -> Option<Timestamp> {
        self.0.borrow().looked_at
    }

    /// Told of every new status.
    pub fn subscribe(&self) -> watch::Receiver<HubStatus> {
        self.0.subscribe()
    }
}
