//! All applications at a look, and what is wrong with the fleet as a whole.

use std::fmt::Write as _;

use anstyle::Style;
use jiff::Timestamp;
use shipper_core::ReleaseName;
use shipper_core::api::ApplicationSummary;
use shipper_core::intent::Severity;
use shipper_core::protocol::HubStatus;
use shipper_core::status::{Liveness, WaitingFor};

use super::application::{ago, conditions, state};
use super::columns::{Text, columns};
use super::waiting_for;
use crate::terminal::{BAD, BUSY, GOOD, STRONG, plain};

/// One line for each application; `wide` with versions, incumbents and pods.
pub fn overview(all: &[ApplicationSummary], wide: bool, width: Option<u16>) -> String {
    if all.is_empty() {
        return "No applications yet. Commit applications/<namespace>/<name>.yaml to main.\n".to_owned();
    }
    let mut header = vec!["APPLICATION", "STATE", "CONTENDER", "STEP", "CLUSTERS", "WAITS FOR", "MESSAGE"];
    if wide {
        header.splice(3..3, ["VERSION", "INCUMBENT"]);
        header.insert(7, "PODS");
    }
    let rows = all.iter().map(|one| line(one, wide)).collect();
    columns(&header, rows, width)
}

/// What the table says of an application.
fn line(one: &ApplicationSummary, wide: bool) -> Vec<Text<'_>> {
    let (style, words) = state(one.state);
    let step = one.step.map_or_else(
        || "-".to_owned(),
        |step| {
            let name = one.step_name.as_deref().unwrap_or_default();
            format!("{}/{} {}", step + 1, one.steps, plain(name))
        },
    );
    let ready = one.clusters.total - one.clusters.waiting;
    let waits = match one.waiting.state {
        WaitingFor::None => "-",
        state => waiting_for(state),
    };
    let name = format!("{}/{}", plain(&one.application.namespace), plain(&one.application.name));
    let mut line = Vec::with_capacity(10);
    line.extend([
        Text::own(name),
        Text::own(words).styled(if style == GOOD { Style::new() } else { style }),
        release(one.contender.as_ref()),
        Text::own(step),
        Text::own(format!("{ready}/{}", one.clusters.total)),
        Text::own(waits),
        Text::of(&one.waiting.message),
    ]);
    if wide {
        let version = Text::of(one.version.as_deref().unwrap_or("-"));
        line.splice(3..3, [version, release(one.incumbent.as_ref())]);
        line.insert(7, Text::own(format!("{}/{}", one.pods.available, one.pods.desired)));
    }
    line
}

fn release(name: Option<&ReleaseName>) -> Text<'_> {
    Text::of(name.map_or("-", ReleaseName::as_str))
}

/// Refused files, clusters in trouble, conditions of the whole: empty where all is well. `file` limits the files to those
/// whose path it accepts.
pub fn remarks(hub: &HubStatus, now: Timestamp, file: impl Fn(&str) -> bool) -> String {
    let mut files = String::new();
    for problem in hub.problems.iter().filter(|problem| file(&problem.file)) {
        let (style, word) = match problem.severity {
            Severity::Error => (BAD, "refused"),
            Severity::Warning => (BUSY, "warning"),
        };
        let _ = writeln!(files, "  {style}{word}{style:#} {}", plain(&problem.to_string()));
    }
    let mut clusters = String::new();
    for cluster in &hub.clusters {
        if cluster.liveness == Liveness::Offline {
            let seen = cluster.last_report;
            let seen = seen
                .map_or_else(|| "never reported".to_owned(), |at| format!("last report {}", ago(at, now)));
            let _ = writeln!(clusters, "  {BAD}{} is offline{BAD:#}, {seen}", plain(cluster.name.as_str()));
        }
        for problem in &cluster.problems {
            let _ = writeln!(clusters, "  {}: {}", plain(cluster.name.as_str()), plain(problem));
        }
    }
    let mut text = String::new();
    for (title, lines) in [("Files on main", files), ("Clusters", clusters)] {
        if !lines.is_empty() {
            let _ = write!(text, "\n{STRONG}{title}{STRONG:#}\n{lines}");
        }
    }
    text + &conditions(&hub.conditions)
}
