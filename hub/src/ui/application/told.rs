//! The one sentence on a rollout that is read aloud when it becomes another while the page is open: how it stands, where it is, what it
//! waits for. It has no number that changes from look to look, so that nobody is told of every pod.

use super::waits;
use crate::ui::mood::{Mood, contender};
use shipper_core::status::{ApplicationStatus, ReleaseStatus, WaitingFor};

/// The sentence.
pub(super) fn of(mood: Mood, status: &ApplicationStatus) -> String {
    let place = contender(status).map_or_else(|| "has no release yet".to_owned(), place);
    let waits = match status.waiting.state {
        WaitingFor::None => String::new(),
        state => format!("; {}", waits(state).to_lowercase()),
    };
    format!("{}: {} {place}{waits}.", mood.label(), status.application)
}

fn place(release: &ReleaseStatus) -> String {
    if release.complete.is_some() {
        return format!("is complete at {}", release.version);
    }
    let name = release.steps.get(release.step).map_or("", String::as_str);
    format!("rolls out {}, step {} of {}, {name}", release.version, release.step + 1, release.steps.len())
}
