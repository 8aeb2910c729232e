//! What is in trouble, over all clusters: pods and objects grouped by reason, with where, and the last words of one.

use crate::ui::words::{encode, list};
use shipper_core::catalogue::of_pods;
use shipper_core::status::ApplicationStatus;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Clusters that a group names.
const NAMED: usize = 6;

/// Pods or objects with the same reason.
pub(super) struct Group {
    /// The same while the numbers change, so that what a reader unfolded stays so.
    pub(super) id: String,
    /// The reason.
    pub(super) reason: String,
    /// How many of what, of which release.
    pub(super) what: String,
    /// Where.
    pub(super) clusters: String,
    /// One of them.
    pub(super) example: String,
    /// Where that one is.
    pub(super) within: String,
    /// What Kubernetes says of it.
    pub(super) words: String,
    /// What a person can do.
    pub(super) advice: String,
    /// Whether waiting alone does not seem to heal it.
    pub(super) urgent: bool,
    /// Whether these pods only are not ready yet, after too long, which says nothing of the cause.
    late: bool,
    count: u32,
}

struct Gathered<'a> {
    count: u32,
    late: bool,
    clusters: BTreeSet<&'a str>,
    example: (&'a str, &'a str, &'a str),
}

impl<'a> Gathered<'a> {
    fn of(example: (&'a str, &'a str, &'a str)) -> Self {
        Self { count: 0, late: false, clusters: BTreeSet::new(), example }
    }
}

/// All groups, the one that explains most first: what waiting does not heal before what may need time, a cause before what only is not
/// ready yet, and then the one with the most pods or objects.
pub(super) fn groups(status: &ApplicationStatus) -> Vec<Group> {
    let mut pods: BTreeMap<(&str, &str), Gathered<'_>> = BTreeMap::new();
    let mut objects: BTreeMap<(bool, String), Gathered<'_>> = BTreeMap::new();
    for cluster in &status.clusters {
        let name = cluster.cluster.as_str();
        for release in &cluster.releases {
            for group in release.pods.iter().filter(|group| cluster.has_failing(group)) {
                let key = (group.reason.as_str(), release.name.as_str());
                let example = (group.example.as_str(), name, group.message.as_str());
                let one = pods.entry(key).or_insert(Gathered::of(example));
                one.count += group.count;
                one.late |= group.is_starting();
                one.clusters.insert(name);
            }
        }
        for problem in &cluster.problems {
            let key = (problem.heals, problem.reason.to_string());
            let example = (problem.object.as_str(), name, problem.message.as_str());
            let one = objects.entry(key).or_insert(Gathered::of(example));
            one.count += 1;
            one.clusters.insert(name);
        }
    }
    let pods = pods.into_iter().map(|((reason, release), one)| {
        let plural = if one.count == 1 { "pod" } else { "pods" };
        let advice = of_pods(reason).map_or("", |entry| entry.person);
        let id = format!("{reason}-{release}");
        group(&id, reason.to_owned(), format!("{} {plural} of {release}", one.count), &one, (advice, true))
    });
    let objects = objects.into_iter().map(|((heals, reason), one)| {
        let plural = if one.count == 1 { "object" } else { "objects" };
        let entry = shipper_core::catalogue::entry(shipper_core::catalogue::Group::Object, &reason);
        let advice = entry.map_or("", |entry| entry.person);
        let id = format!("{reason}-{}", if heals { "heals" } else { "stays" });
        group(&id, reason, format!("{} {plural}", one.count), &one, (advice, !heals))
    });
    let mut groups: Vec<Group> = pods.chain(objects).collect();
    groups.sort_by_key(|group| (!group.urgent, group.late, Reverse(group.count)));
    groups
}

fn group(
    id: &str,
    reason: String,
    what: String,
    one: &Gathered<'_>,
    (advice, urgent): (&str, bool),
) -> Group {
    let clusters: Vec<&str> = one.clusters.iter().copied().collect();
    let (example, within, words) = one.example;
    Group {
        id: format!("g-{}", encode(id)),
        reason,
        what,
        clusters: list(&clusters, NAMED),
        example: example.to_owned(),
        within: within.to_owned(),
        words: words.to_owned(),
        advice: advice.replace('`', ""),
        urgent,
        late: one.late,
        count: one.count,
    }
}
