//! The table of clusters: capacity and traffic of every release in each.

use comfy_table::{Cell, Color};
use shipper_core::ReleaseName;
use shipper_core::status::{ApplicationStatus, ClusterRelease, ClusterStatus, Liveness, WaitingFor};

use super::table::Told;
use super::waiting_for;
use crate::terminal::plain;

/// One line for each release in each cluster; `messages`: with what each cluster says.
pub(super) fn table(status: &ApplicationStatus, width: Option<u16>, messages: bool) -> String {
    let mut table = Told::new(&["CLUSTER", "RELEASE", "CAPACITY", "TRAFFIC", "WAITS FOR", "MESSAGE"]);
    for cluster in &status.clusters {
        let mut releases: Vec<&ClusterRelease> = cluster.releases.iter().collect();
        releases.sort_by_key(|release| order(status, &release.name));
        let mut rows = Vec::new();
        for release in &releases {
            let [name, capacity, traffic] = [name(status, release), capacity(release), traffic(release)];
            rows.push(vec![Cell::new(""), name, capacity, traffic, Cell::new("")]);
        }
        if rows.is_empty() {
            rows.push(["", "-", "-", "-", ""].map(Cell::new).to_vec());
        }
        if let Some([first, .., last]) = rows.first_mut().map(Vec::as_mut_slice) {
            (*first, *last) = (label(cluster), waits(cluster));
        }
        table.add(rows, if messages { message(cluster) } else { String::new() });
    }
    table.print(width)
}

/// Contender, incumbent, then the newest of the rest.
fn order(status: &ApplicationStatus, name: &ReleaseName) -> (u8, usize) {
    let rank = if status.contender.as_ref() == Some(name) {
        0
    } else if status.incumbent.as_ref() == Some(name) {
        1
    } else {
        2
    };
    (rank, status.releases.iter().position(|release| release.name == *name).unwrap_or(usize::MAX))
}

fn label(cluster: &ClusterStatus) -> Cell {
    let name = plain(cluster.cluster.as_str());
    match cluster.liveness {
        Liveness::Online if cluster.failing.is_some() => {
            Cell::new(format!("{name} (failing)")).fg(Color::Red)
        }
        Liveness::Online => Cell::new(name),
        Liveness::Offline => Cell::new(format!("{name} (offline)")).fg(Color::Red),
        Liveness::Unknown => Cell::new(format!("{name} (unknown)")).fg(Color::Yellow),
    }
}

fn name(status: &ApplicationStatus, release: &ClusterRelease) -> Cell {
    let name = plain(release.name.as_str());
    match order(status, &release.name).0 {
        0 | 1 => Cell::new(name),
        _ => Cell::new(format!("{name} (leaving)")),
    }
}

/// Available of wanted, and what is there beyond that.
fn capacity(release: &ClusterRelease) -> Cell {
    let capacity = &release.capacity;
    let extra = capacity.pods.saturating_sub(capacity.available.max(capacity.desired));
    let extra = if extra > 0 { format!(" +{extra}") } else { String::new() };
    let cell = Cell::new(format!("{}/{}{extra}", capacity.available, capacity.desired));
    let failing = release.pods.iter().any(|group| group.count > 0 && !group.is_starting());
    if capacity.achieved { cell } else { cell.fg(if failing { Color::Red } else { Color::Yellow }) }
}

fn traffic(release: &ClusterRelease) -> Cell {
    match &release.traffic {
        None => Cell::new("-"),
        Some(traffic) => {
            let cell = Cell::new(format!("{}/{}", traffic.ready, traffic.wanted));
            if traffic.achieved { cell } else { cell.fg(Color::Yellow) }
        }
    }
}

fn waits(cluster: &ClusterStatus) -> Cell {
    match cluster.waiting {
        WaitingFor::None => Cell::new("-"),
        state => Cell::new(waiting_for(state)).fg(Color::Yellow),
    }
}

fn message(cluster: &ClusterStatus) -> String {
    let message = plain(&cluster.message);
    let unattended = "unattended: new pods get no traffic until its agent is back";
    match (message.is_empty(), cluster.unattended) {
        (_, false) => message.into_owned(),
        (true, true) => unattended.to_owned(),
        (false, true) => format!("{message}; {unattended}"),
    }
}
