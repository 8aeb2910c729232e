//! An application in a cluster, on a line.

use crate::ui::fleet::trouble;
use crate::ui::mood::Mood;
use crate::ui::words::{application, cut};
use shipper_core::status::{ApplicationStatus, ClusterStatus};

/// Characters of a message that a line shows.
const MESSAGE: usize = 160;

/// An application in a cluster.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) mood: Mood,
    pub(super) message: String,
    pub(super) releases: Vec<String>,
    pub(super) departure: Option<String>,
}

impl Line {
    pub(super) fn of(status: &ApplicationStatus, one: &ClusterStatus) -> Self {
        let mood = Mood::within(one);
        let message = if mood == Mood::Failing { trouble(one) } else { one.message.clone() };
        let releases =
            one.releases.iter().filter(|release| release.capacity.desired + release.capacity.pods > 0);
        Self {
            name: status.application.to_string(),
            address: application(&status.application),
            mood,
            message: cut(&message, MESSAGE),
            releases: releases
                .map(|one| format!("{} {}/{}", one.name, one.capacity.available, one.capacity.desired))
                .collect(),
            departure: one.departure.as_ref().map(|departure| cut(&departure.message, MESSAGE)),
        }
    }
}
