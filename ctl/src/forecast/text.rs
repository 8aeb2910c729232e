//! A forecast for a terminal.

use std::fmt::Write as _;

use shipper_core::ClusterName;
use shipper_core::condition::Status;
use shipper_core::intent::Severity;

use super::{ApplicationForecast, ClusterForecast, Counts, Forecast, ObjectForecast, ShareOf};
use crate::objects::shown_in;
use crate::render::waiting_for;
use crate::terminal::{BAD, BUSY, FAINT, GOOD, STRONG, plain, styled};

/// Clusters that are named where an object differs.
const NAMED: usize = 5;

/// The forecast as text.
pub fn text(forecast: &Forecast) -> String {
    let short = |commit: &str| plain(commit.get(..10).unwrap_or(commit)).into_owned();
    let mut text = format!(
        "{FAINT}Merging {} into main at {}, as the hub would decide now{FAINT:#}\n",
        short(&forecast.head),
        short(&forecast.base)
    );
    for problem in &forecast.files {
        let (style, word) = match problem.severity {
            Severity::Error => (BAD, "refused"),
            Severity::Warning => (BUSY, "warning"),
        };
        let _ = writeln!(text, "{style}{word}{style:#} {}", plain(&problem.to_string()));
    }
    if forecast.applications.is_empty() {
        text.push_str("Nothing changes for any application.\n");
    }
    for application in &forecast.applications {
        text.push('\n');
        for (index, line) in sentences(application).iter().enumerate() {
            let line = plain(line);
            let _ = if index == 0 {
                writeln!(text, "{} {line}", styled(STRONG, &application.application.to_string()))
            } else {
                writeln!(text, "  {line}")
            };
        }
        for condition in &application.conditions {
            let style = if condition.status == Status::False { BAD } else { BUSY };
            let _ = writeln!(
                text,
                "  {style}{}{style:#} ({}): {}",
                condition.kind,
                condition.reason,
                plain(&condition.message)
            );
        }
        for cluster in &application.clusters {
            let _ = writeln!(
                text,
                "  {GOOD}{}{GOOD:#}: {}",
                plain(cluster.cluster.as_str()),
                plain(&change(cluster))
            );
        }
        for object in &application.objects {
            for line in shown_in(&object.change, &place(object, application.placed)).lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    text
}

/// What would happen to an application, in sentences without marks; the first goes on after its name.
pub(super) fn sentences(forecast: &ApplicationForecast) -> Vec<String> {
    let mut said = Vec::new();
    if forecast.removed {
        said.push("is removed from all its clusters".to_owned());
    }
    for release in &forecast.releases {
        let step = release.steps.get(release.step).map(String::as_str).unwrap_or_default();
        said.push(format!(
            "gets the new release {} of {}, at step {}/{} {step}",
            release.name,
            release.version,
            release.step + 1,
            release.steps.len()
        ));
    }
    for release in &forecast.withdrawn {
        said.push(format!("{release} is withdrawn"));
    }
    if let Some(step) = &forecast.step {
        said.push(format!("{} goes from step {} to {}", step.release, step.from, step.to));
    }
    if said.is_empty() {
        said.push("changes".to_owned());
    }
    let Counts { before, after } = forecast.pods;
    if before != after {
        let (word, by) =
            if after > before { ("adds", after - before) } else { ("takes away", before - after) };
        let pods = if by == 1 { "pod" } else { "pods" };
        said.push(format!("{word} {by} {pods}: {before} wanted now, {after} then"));
    }
    let message = if forecast.waiting.message.is_empty() {
        String::new()
    } else {
        format!(": {}", forecast.waiting.message)
    };
    said.push(format!("then waits for {}{message}", waiting_for(forecast.waiting.state)));
    said
}

/// In which of the clusters that an application is placed in an object would differ.
pub(super) fn place(object: &ObjectForecast, placed: usize) -> String {
    let names: Vec<&str> = object.clusters.iter().map(ClusterName::as_str).collect();
    match names.len() {
        0 => String::new(),
        all if all == placed && all > 1 => format!("in all {all} clusters"),
        some if some > NAMED => format!("in {} and {} more", names[..NAMED].join(", "), some - NAMED),
        _ => format!("in {}", names.join(", ")),
    }
}

/// What a cluster would be told, from what it is told now.
pub(super) fn change(cluster: &ClusterForecast) -> String {
    let list = |shares: &[ShareOf]| match shares {
        [] => "nothing".to_owned(),
        some => some.iter().map(share).collect::<Vec<_>>().join(", "),
    };
    let Counts { before, after } = cluster.pods;
    format!("{} -> {} ({before} -> {after} pods)", list(&cluster.before), list(&cluster.after))
}

fn share(share: &ShareOf) -> String {
    match (share.absent, share.traffic) {
        (true, _) => format!("{} gone", share.release),
        (false, None) => format!("{} {}%", share.release, share.capacity),
        (false, Some(traffic)) => format!("{} {}% traffic {traffic}", share.release, share.capacity),
    }
}
