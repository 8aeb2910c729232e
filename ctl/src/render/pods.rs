//! Pods that fail, by release and reason over all clusters: the same fault everywhere is one line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use shipper_core::catalogue;
use shipper_core::report::PodGroup;
use shipper_core::status::ApplicationStatus;

use super::application::more;
use crate::terminal::{BAD, FAINT, STRONG, plain};

struct Failure<'a> {
    count: u32,
    clusters: Vec<&'a str>,
    example: &'a PodGroup,
}

/// The failing pods; nothing where there are none.
pub(super) fn failing(status: &ApplicationStatus) -> String {
    let mut failures: BTreeMap<(&str, &str), Failure<'_>> = BTreeMap::new();
    for cluster in &status.clusters {
        for release in &cluster.releases {
            for group in &release.pods {
                let key = (release.name.as_str(), group.reason.as_str());
                let failure =
                    failures.entry(key).or_insert(Failure { count: 0, clusters: Vec::new(), example: group });
                failure.count += group.count;
                failure.clusters.push(cluster.cluster.as_str());
            }
        }
    }
    let mut text = String::new();
    for ((release, reason), failure) in failures {
        let pods = if failure.count == 1 { "pod" } else { "pods" };
        let _ = writeln!(
            text,
            "  {BAD}{}{BAD:#}: {} {pods} of {} in {}",
            plain(reason),
            failure.count,
            plain(release),
            plain(&failure.clusters.join(", "))
        );
        let example = failure.example;
        let message =
            if example.message.is_empty() { String::new() } else { format!(": {}", plain(&example.message)) };
        let _ = writeln!(
            text,
            "    {FAINT}for example{FAINT:#} {} {FAINT}in{FAINT:#} {}{message}",
            plain(&example.example),
            plain(failure.clusters.first().copied().unwrap_or_default())
        );
        text.push_str(&more(catalogue::of_pods(reason)));
    }
    if text.is_empty() { text } else { format!("\n{STRONG}Failing pods{STRONG:#}\n{text}") }
}
