//! Pods that start or fail, by release and reason over all clusters: the same fault everywhere is one line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use shipper_core::catalogue;
use shipper_core::report::PodGroup;
use shipper_core::status::ApplicationStatus;

use super::application::more;
use crate::terminal::{BAD, BUSY, FAINT, STRONG, plain};

struct Group<'a> {
    count: u32,
    clusters: Vec<&'a str>,
    example: &'a PodGroup,
}

/// The pods that fail, then those that may only need time; nothing where there are none.
pub(super) fn of(status: &ApplicationStatus) -> String {
    let (mut failing, mut starting) = (BTreeMap::new(), BTreeMap::new());
    for cluster in &status.clusters {
        for release in &cluster.releases {
            for group in release.pods.iter().filter(|group| group.count > 0) {
                let all = if cluster.has_failing(group) { &mut failing } else { &mut starting };
                let key = (release.name.as_str(), group.reason.as_str());
                let known =
                    all.entry(key).or_insert(Group { count: 0, clusters: Vec::new(), example: group });
                known.count += group.count;
                known.clusters.push(cluster.cluster.as_str());
            }
        }
    }
    let mut text = told("Failing pods", BAD, failing, true);
    text.push_str(&told("Starting pods", BUSY, starting, false));
    text
}

/// By release and reason.
type Groups<'a> = BTreeMap<(&'a str, &'a str), Group<'a>>;

/// A line for each group; `in_full`: with an example, and where the reason is explained.
fn told(title: &str, style: Style, groups: Groups<'_>, in_full: bool) -> String {
    let mut text = String::new();
    for ((release, reason), group) in groups {
        let pods = if group.count == 1 { "pod" } else { "pods" };
        let _ = writeln!(
            text,
            "  {style}{}{style:#}: {} {pods} of {} in {}",
            plain(reason),
            group.count,
            plain(release),
            plain(&group.clusters.join(", "))
        );
        if !in_full {
            continue;
        }
        let example = group.example;
        let message =
            if example.message.is_empty() { String::new() } else { format!(": {}", plain(&example.message)) };
        let _ = writeln!(
            text,
            "    {FAINT}for example{FAINT:#} {} {FAINT}in{FAINT:#} {}{message}",
            plain(&example.example),
            plain(group.clusters.first().copied().unwrap_or_default())
        );
        text.push_str(&more(catalogue::of_pods(reason)));
    }
    if text.is_empty() { text } else { format!("\n{STRONG}{title}{STRONG:#}\n{text}") }
}
