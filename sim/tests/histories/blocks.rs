//! Somebody blocks rollouts, for good or by a schedule. Whether a block is in force is told here by arithmetic of its own, and held
//! against what the hub does [B1].

use super::chart;
use super::git::State;
use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;
use shipper_core::intent::{Metadata, RolloutBlock};
use shipper_core::plan::Fleet;
use shipper_core::state::Cause;

/// A schedule blocks for the first seconds of every period, on the wall clock.
const PERIOD: i64 = 120;
const LASTS: i64 = 45;

/// The block on `main`, if any.
#[derive(Debug, Default)]
pub enum Blocking {
    #[default]
    Nothing,
    Always,
    /// For [`LASTS`] of every [`PERIOD`] seconds.
    Scheduled,
}

impl Blocking {
    /// Somebody adds a block, or removes the one that is there.
    pub fn toggle(&mut self, fleet: &mut Fleet, rng: &mut StdRng) -> bool {
        *self = match (&self, rng.random_bool(0.5)) {
            (Self::Always | Self::Scheduled, _) => Self::Nothing,
            (Self::Nothing, true) => Self::Always,
            (Self::Nothing, false) => Self::Scheduled,
        };
        self.write(fleet, rng.random_bool(0.5));
        !matches!(self, Self::Nothing)
    }

    /// Removes what would stop the history for good; a schedule stays.
    pub fn heal(&mut self, fleet: &mut Fleet) {
        if matches!(self, Self::Always) {
            *self = Self::Nothing;
            self.write(fleet, false);
        }
    }

    fn write(&self, fleet: &mut Fleet, global: bool) {
        fleet.blocks.clear();
        let mut spec = json!({"message": "chaos", "author": {"type": "user", "name": "jo"}});
        match self {
            Self::Nothing => return,
            Self::Always => {}
            Self::Scheduled => {
                spec["schedule"] = json!({"cron": "*/2 * * * *", "duration": format!("{LASTS}s")});
            }
        }
        let namespace = (!global).then(|| chart::app().namespace);
        let metadata =
            Metadata { name: "chaos".to_owned(), namespace: namespace.clone(), ..Metadata::default() };
        let spec = serde_json::from_value(spec).expect("a block");
        fleet.blocks.insert((namespace, "chaos".to_owned()), RolloutBlock { metadata, spec });
    }

    pub fn in_force(&self, now: Timestamp) -> bool {
        match self {
            Self::Nothing => false,
            Self::Always => true,
            Self::Scheduled => now.as_second().rem_euclid(PERIOD) < LASTS,
        }
    }

    /// [B1] While a block is in force no release is made or moved, but for a return, which it allows.
    pub fn judge(&self, now: Timestamp, before: Option<&State>, after: &State) -> Result<(), String> {
        if !self.in_force(now) {
            return Ok(());
        }
        for (name, release) in &after.releases {
            let Some(was) = before.and_then(|before| before.releases.get(name)) else {
                return Err(format!("B1: {name} is made under a block"));
            };
            let moved =
                was.position.step != release.position.step && release.position.cause != Cause::Carried;
            if moved {
                return Err(format!("B1: {name} is moved to step {} under a block", release.position.step));
            }
        }
        Ok(())
    }
}
