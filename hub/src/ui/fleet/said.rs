//! What a line of the fleet says of an application, and a cell of a cluster.

use crate::ui::mood::{Mood, contender};
use crate::ui::words::{cut, list};
use shipper_core::ClusterName;
use shipper_core::status::{ApplicationStatus, ClusterStatus};
use std::collections::BTreeMap;

/// What the cells show, in words, with the names of those that are not at rest: `eu-1 failing, 3 at rest`.
pub(super) fn named(columns: &BTreeMap<&ClusterName, usize>, moods: &[Option<Mood>]) -> String {
    let mut kinds: Vec<Mood> = moods.iter().copied().flatten().collect();
    kinds.sort();
    kinds.dedup();
    let told = |mood: &Mood| {
        let within = columns.iter().filter(|(_, column)| moods[**column] == Some(*mood));
        let names: Vec<&ClusterName> = within.map(|(name, _)| *name).collect();
        let label = mood.label().to_lowercase();
        match names.as_slice() {
            few if few.len() <= 2 && *mood != Mood::Settled => format!("{} {label}", list(few, 2)),
            many => format!("{} {label}", many.len()),
        }
    };
    kinds.iter().map(told).collect::<Vec<_>>().join(", ")
}

/// What a line says of an application.
pub(super) fn message(mood: Mood, status: &ApplicationStatus) -> String {
    if mood == Mood::Failing {
        if let Some(failure) = contender(status).and_then(|release| release.failed.as_ref()) {
            return failure.message.clone();
        }
        let mut failing = status.clusters.iter().filter(|cluster| Mood::within(cluster) == Mood::Failing);
        if let Some(first) = failing.next() {
            let others = match failing.count() {
                0 => String::new(),
                1 => " and 1 other cluster".to_owned(),
                more => format!(" and {more} other clusters"),
            };
            return format!("{}{others}: {}", first.cluster, trouble(first));
        }
    }
    status.waiting.message.clone()
}

/// What fails in a cluster.
pub(in crate::ui) fn trouble(cluster: &ClusterStatus) -> String {
    if let Some(failing) = &cluster.failing {
        return failing.message.clone();
    }
    if let Some(problem) = cluster.problems.iter().find(|problem| !problem.heals) {
        return format!("{}: {}", problem.object, problem.message);
    }
    let groups = cluster.releases.iter().flat_map(|release| &release.pods);
    match groups.into_iter().find(|group| !group.is_starting()) {
        Some(group) => format!("{}: {}", group.reason, group.message),
        None => cluster.message.clone(),
    }
}

/// What a cell says.
pub(super) fn told(mood: Mood, cluster: &ClusterStatus) -> String {
    let words = match mood {
        Mood::Failing => trouble(cluster),
        _ => cluster.message.clone(),
    };
    let words = cut(&words, 80);
    let mood = mood.label().to_lowercase();
    if words.is_empty() { mood } else { format!("{mood}: {words}") }
}
