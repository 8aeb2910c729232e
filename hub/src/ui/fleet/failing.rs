//! Which pods fail where, over the whole fleet: a line for each reason, so that a fault that is everywhere is seen to be one.

use crate::access::View;
use crate::ui::words::{application, cluster, count, cut, encode};
use shipper_core::api::FailingPods;

/// Reasons that the page names; of more it says how many.
const REASONS: usize = 5;
/// Characters of a reason, which whoever makes pods may choose.
const REASON: usize = 60;
/// Characters of a reason that are searched for.
const SEARCHED: usize = 200;
/// Characters of the last words of a pod.
const WORDS: usize = 160;

/// The reasons with the most pods.
#[derive(Default)]
pub(super) struct Failing {
    pub(super) lines: Vec<Line>,
    /// That there are so many others, where there are.
    pub(super) more: Option<String>,
}

/// Pods that fail for the same reason.
pub(super) struct Line {
    pub(super) reason: String,
    /// The search for all of them.
    pub(super) all: String,
    /// How many, of how many applications, in how many clusters.
    pub(super) what: String,
    pub(super) pod: String,
    pub(super) application: String,
    pub(super) application_address: String,
    pub(super) cluster: String,
    pub(super) cluster_address: String,
    /// What Kubernetes says of that pod.
    pub(super) words: String,
}

/// What fails, of what the asker sees.
pub(super) fn of(view: &View) -> Failing {
    view.look_at_failing(|failing| {
        let more = failing.reasons().saturating_sub(REASONS);
        Failing {
            lines: failing.worst(REASONS).into_iter().map(line).collect(),
            more: (more > 0).then(|| count(more, "other reason")),
        }
    })
}

fn line(one: FailingPods) -> Line {
    let example = one.example;
    let pods = count(usize::try_from(one.count).unwrap_or(usize::MAX), "pod");
    let (applications, clusters) = (count(one.applications, "application"), count(one.clusters, "cluster"));
    Line {
        all: format!("/search?q={}", encode(&one.reason.chars().take(SEARCHED).collect::<String>())),
        reason: cut(&one.reason, REASON),
        what: format!("{pods} of {applications} in {clusters}"),
        pod: cut(&example.pod, WORDS),
        application_address: application(&example.application),
        application: example.application.to_string(),
        cluster_address: cluster(example.cluster.as_str()),
        cluster: example.cluster.to_string(),
        words: cut(&example.message, WORDS),
    }
}
