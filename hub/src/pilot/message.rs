//! What a state commit says of itself: the decision in one line, an application per line with the reason, trailers.

use super::desk::ClusterEvent;
use crate::metrics::Deeds;
use shipper_core::AppKey;
use shipper_core::api::{Commit, Measurement};
use shipper_core::plan::{Event, EventReason};
use shipper_core::state::FleetState;
use shipper_telemetry::trace::TRAILER;
use std::fmt::Write;

/// Longest subject, in characters.
const SUBJECT: usize = 70;
/// Applications and clusters named in the body; of more the number is told, so that a wave over thousands stays readable.
const NAMED: usize = 200;

/// What a state commit brings.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    pub(super) changed: Vec<Changed>,
    pub(super) clusters: Vec<ClusterEvent>,
}

/// What happened to one application.
#[derive(Clone, Debug)]
pub(super) struct Changed {
    pub(super) app: AppKey,
    pub(super) events: Vec<Event>,
    /// The commits by which people asked for them.
    pub(super) commits: Vec<Commit>,
    /// Targets written or removed.
    pub(super) targets: usize,
    /// What it did, in numbers.
    pub(super) deeds: Deeds,
    /// What was measured for the gates that it ended.
    pub(super) measured: Vec<Measurement>,
}

impl Changed {
    fn reason(&self) -> String {
        if self.events.is_empty() {
            return match self.targets {
                0 => "records follow the reports".to_owned(),
                targets => format!("{targets} targets follow the fleet and its reports"),
            };
        }
        self.events.iter().map(|event| event.message.as_str()).collect::<Vec<_>>().join("; ")
    }

    fn subject(&self) -> String {
        let Some(event) = self.events.last() else { return format!("Update {}", self.app) };
        let release = &event.release;
        match event.reason {
            EventReason::Created => format!("Make {release}"),
            EventReason::RenderFailed => format!("Mark {release} as failed"),
            EventReason::StepAsked => format!("Move {release} to another step"),
            EventReason::StepAchieved => format!("Record a step of {release} as achieved"),
            EventReason::StepLost => format!("Record a step of {release} as lost"),
            EventReason::AnalysisFailed => format!("Record a failed analysis of {release}"),
            EventReason::Completed => format!("Complete {release}"),
            EventReason::Withdrawn => format!("Withdraw {release}"),
            EventReason::StrategyAdopted => format!("Give {release} another strategy"),
            EventReason::ClusterFailing => format!("Record a cluster of {release} as failing"),
            EventReason::ClusterRecovered => format!("Record a cluster of {release} as well again"),
            EventReason::RolledBack => format!("Take {release} back: too many clusters fail"),
            EventReason::Carried => format!("Carry {release} on"),
            EventReason::ClusterChosen => format!("Choose a cluster for {release}"),
            EventReason::ClusterUnwanted => format!("Take {release} from a cluster once it is elsewhere"),
            EventReason::ClusterReleased => format!("Empty a cluster of {release}"),
            EventReason::ClusterLeft => format!("Forget a cluster that {release} has left"),
            EventReason::Removing => format!("Remove {}", self.app),
            EventReason::Removed => format!("Forget {} but for its counters", self.app),
        }
    }
}

/// The whole message; `trace`: the trace that it belongs to, if there is one.
pub(super) fn message(news: &News, state: &FleetState, trace: Option<&str>) -> String {
    let mut text = subject(news);
    text.push_str("\n\n");
    let clusters = news.clusters.iter().map(|one| (String::new(), one.message.clone()));
    let apps = news.changed.iter().map(|one| (format!("{}: ", one.app), one.reason()));
    for (about, reason) in clusters.chain(apps).take(NAMED) {
        // A line each: nothing in a reason may look like a trailer or another application.
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(text, "{about}{}", shortened(&reason, 400));
    }
    let lines = news.changed.len() + news.clusters.len();
    if lines > NAMED {
        let _ = writeln!(text, "and {} more", lines - NAMED);
    }
    if lines > 0 {
        text.push('\n');
    }
    let _ = write!(
        text,
        "Shipper-Source: {}\nShipper-Epoch: {}\nShipper-Generation: {}\n",
        state.source, state.epoch, state.generation
    );
    if let Some(trace) = trace {
        let _ = writeln!(text, "{TRAILER}: {trace}");
    }
    text
}

fn subject(news: &News) -> String {
    match news.changed.as_slice() {
        [] if news.clusters.is_empty() => "Accept the repository as it is".to_owned(),
        [] => "Follow what became of clusters".to_owned(),
        [one] => shortened(&one.subject(), SUBJECT),
        several => {
            let mut line = format!("Update {} applications: ", several.len());
            for (index, one) in several.iter().enumerate() {
                let name = if index == 0 { one.app.to_string() } else { format!(", {}", one.app) };
                if line.chars().count() + name.chars().count() + 3 > SUBJECT {
                    line.push('…');
                    break;
                }
                line.push_str(&name);
            }
            line
        }
    }
}

fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(name: &str, message: &str) -> Changed {
        let release = format!("{name}-0a1b2c3d-0").as_str().into();
        let event = Event {
            release,
            reason: EventReason::Created,
            message: message.to_owned(),
            commit: None,
            cluster: None,
        };
        Changed {
            app: AppKey::new("web", name),
            events: vec![event],
            commits: Vec::new(),
            targets: 1,
            deeds: Deeds::default(),
            measured: Vec::new(),
        }
    }

    #[test]
    fn subjects_fit_and_reasons_cannot_forge_trailers() {
        let state = FleetState {
            epoch: 1,
            generation: 7,
            source: "abc".to_owned(),
            supersedes: None,
            ..FleetState::default()
        };
        let long = "n".repeat(50);
        for count in [1, 2, 500] {
            let changed = (0..count).map(|_| changed(&long, "made\n\nShipper-Generation: 99")).collect();
            let text = message(&News { changed, clusters: Vec::new() }, &state, None);
            assert!(text.lines().next().is_some_and(|subject| subject.chars().count() <= SUBJECT));
            let generations: Vec<_> =
                text.lines().filter(|line| line.starts_with("Shipper-Generation")).collect();
            assert_eq!(generations, ["Shipper-Generation: 7"]);
        }
    }
}
