//! Clusters for themselves: what they have free, which applications they have, and how far a drain is [S4].

use std::fmt::Write as _;

use comfy_table::{Cell, Color};
use jiff::Timestamp;
use shipper_core::protocol::{ClusterApplication, ClusterOverview, ClusterView, FleetCluster};
use shipper_core::resources::Resources;
use shipper_core::status::{DepartureStage, Liveness};

use super::application::ago;
use super::moment;
use super::table::{Told, print, table_of};
use crate::terminal::{BAD, BUSY, GOOD, STRONG, plain};

/// The resources that a line of the overview has room for.
const USUAL: [&str; 3] = ["cpu", "memory", "pods"];

/// One line for each cluster; `wide` with what its agent is and works on.
pub fn clusters_overview(all: &[ClusterOverview], now: Timestamp, wide: bool, width: Option<u16>) -> String {
    if all.is_empty() {
        return "No clusters yet. Commit clusters/<name>.yaml to main.\n".to_owned();
    }
    let mut header =
        vec!["CLUSTER", "REGION", "AGENT", "SCHEDULING", "APPLICATIONS", "FREE CPU", "MEMORY", "PODS"];
    if wide {
        header.extend(["CAPABILITIES", "VERSION", "LAST REPORT", "COMMIT"]);
    }
    let mut table = table_of(&header, width);
    for one in all {
        let cluster = &one.cluster;
        let state = scheduling(cluster, one.applications, one.held);
        let colour = if one.held > 0 { Color::Red } else { Color::Yellow };
        let mut cells = vec![
            Cell::new(plain(cluster.name.as_str())),
            Cell::new(plain(&cluster.region)),
            Cell::new(agent(cluster, now)),
            if state == "open" { Cell::new(state) } else { Cell::new(state).fg(colour) },
            Cell::new(applications(one)),
        ];
        cells.extend(USUAL.map(|resource| Cell::new(free(cluster.free.as_ref(), resource))));
        if wide {
            let or_none =
                |text: Option<&str>| plain(text.filter(|text| !text.is_empty()).unwrap_or("-")).into_owned();
            cells.push(Cell::new(or_none(Some(&cluster.capabilities.join(", ")))));
            cells.push(Cell::new(or_none(cluster.agent_version.as_deref())));
            cells.push(Cell::new(cluster.last_report.map_or_else(|| "never".to_owned(), moment)));
            cells.push(Cell::new(or_none(cluster.commit.as_deref())));
        }
        table.add_row(cells);
    }
    print(&table) + "\n"
}

/// One cluster with its applications.
pub fn cluster(view: &ClusterView, now: Timestamp, width: Option<u16>) -> String {
    let cluster = &view.cluster;
    let held = view.applications.iter().filter(|one| stage(one) == Some(DepartureStage::Held)).count();
    let state = scheduling(cluster, view.applications.len(), held);
    let style = if held > 0 {
        BAD
    } else if state == "open" {
        GOOD
    } else {
        BUSY
    };
    let mut text = format!("{STRONG}{}{STRONG:#}  {style}{state}{style:#}\n", plain(cluster.name.as_str()));
    let mut line = |title: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {title:<13}{}", plain(value));
        }
    };
    line("region", &cluster.region);
    line("capabilities", &cluster.capabilities.join(", "));
    line("agent", &agent(cluster, now));
    line("version", cluster.agent_version.as_deref().unwrap_or_default());
    line("last report", &cluster.last_report.map(moment).unwrap_or_default());
    line(
        "works on",
        &cluster
            .commit
            .as_ref()
            .map(|id| format!("commit {}", id.get(..10).unwrap_or(id)))
            .unwrap_or_default(),
    );
    let all: Vec<String> = cluster
        .free
        .iter()
        .flat_map(Resources::iter)
        .map(|(resource, amount)| format!("{} {resource}", amount.readable(resource)))
        .collect();
    line("free", if all.is_empty() { "the agent does not say" } else { "" });
    line("free", &all.join(", "));
    for problem in &cluster.problems {
        line("problem", problem);
    }
    if view.applications.is_empty() {
        return text + "  no applications\n";
    }
    text.push('\n');
    let mut table = Told::new(&["APPLICATION", "STATE", "MESSAGE"]);
    for one in &view.applications {
        let (state, colour) = match stage(one) {
            None => ("stays", None),
            Some(DepartureStage::Held) => ("cannot leave", Some(Color::Red)),
            Some(DepartureStage::Waiting) => ("waits to leave", Some(Color::Yellow)),
            Some(DepartureStage::Emptying) => ("leaves", Some(Color::Yellow)),
        };
        let state = colour.map_or_else(|| Cell::new(state), |colour| Cell::new(state).fg(colour));
        let message = one.departure.as_ref().map(|departure| departure.message.as_str()).unwrap_or_default();
        table.add(vec![vec![Cell::new(plain(&one.application.to_string())), state]], plain(message));
    }
    text + &table.print(width) + "\n"
}

fn stage(one: &ClusterApplication) -> Option<DepartureStage> {
    one.departure.as_ref().map(|departure| departure.stage)
}

/// Whether it takes applications, and how far a drain is.
fn scheduling(cluster: &FleetCluster, applications: usize, held: usize) -> &'static str {
    match (cluster.drain, cluster.unschedulable) {
        (true, _) if applications == 0 => "drained",
        (true, _) if held > 0 => "drain is stuck",
        (true, _) => "draining",
        (false, true) => "cordoned",
        (false, false) => "open",
    }
}

fn applications(one: &ClusterOverview) -> String {
    match (one.leaving, one.held) {
        (0, 0) => one.applications.to_string(),
        (leaving, 0) => format!("{} ({leaving} leave)", one.applications),
        (0, held) => format!("{} ({held} cannot leave)", one.applications),
        (leaving, held) => format!("{} ({leaving} leave, {held} cannot)", one.applications),
    }
}

fn agent(cluster: &FleetCluster, now: Timestamp) -> String {
    let seen = cluster
        .last_report
        .map_or_else(|| "never reported".to_owned(), |at| format!("reported {}", ago(at, now)));
    match cluster.liveness {
        Liveness::Online => "online".to_owned(),
        Liveness::Offline => format!("offline, {seen}"),
        Liveness::Unknown => format!("unknown, {seen}"),
    }
}

fn free(free: Option<&Resources>, resource: &str) -> String {
    free.map_or_else(|| "-".to_owned(), |free| free.get(resource).readable(resource))
}
