//! Which applications want to be planned again at which moment.

use jiff::Timestamp;
use shipper_core::AppKey;
use std::collections::{BTreeMap, BTreeSet};

/// One moment per application.
#[derive(Debug, Default)]
pub(super) struct Timers {
    at: BTreeSet<(Timestamp, AppKey)>,
    of: BTreeMap<AppKey, Timestamp>,
}

impl Timers {
    /// Sets the moment of an application in the place of its last one.
    pub(super) fn set(&mut self, app: &AppKey, at: Option<Timestamp>) {
        if let Some(old) = self.of.remove(app) {
            self.at.remove(&(old, app.clone()));
        }
        if let Some(at) = at {
            self.of.insert(app.clone(), at);
            self.at.insert((at, app.clone()));
        }
    }

    /// The next moment.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.at.first().map(|(at, _)| *at)
    }

    /// Takes out the applications whose moment has come.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<AppKey> {
        let mut due = Vec::new();
        while let Some((at, _)) = self.at.first()
            && *at <= now
        {
            if let Some((_, app)) = self.at.pop_first() {
                self.of.remove(&app);
                due.push(app);
            }
        }
        due
    }
}
