//! The releases of an application, a line each.

use comfy_table::{Cell, Color};
use jiff::Timestamp;
use shipper_core::api::{ReleaseView, Role};
use shipper_core::state::WithdrawalReason;

use super::application::ago;
use super::table::{print, table_of};
use crate::terminal::plain;

/// Newest first; `wide` with pods and whole commits.
pub fn history(releases: &[ReleaseView], now: Timestamp, wide: bool, width: Option<u16>) -> String {
    if releases.is_empty() {
        return "No release yet.\n".to_owned();
    }
    let mut header = vec!["RELEASE", "VERSION", "STATE", "STEP", "MADE", "COMMIT"];
    if wide {
        header.extend(["PODS", "CLUSTERS"]);
    }
    let mut table = table_of(&header, width);
    for view in releases {
        let release = &view.release;
        let step = release.steps.get(release.step).map(String::as_str).unwrap_or_default();
        let commit = if wide { &release.source } else { release.source.get(..10).unwrap_or(&release.source) };
        let mut cells = vec![
            Cell::new(plain(release.name.as_str())),
            Cell::new(plain(&release.version)),
            state(view),
            Cell::new(format!("{}/{} {}", release.step + 1, release.steps.len(), plain(step))),
            Cell::new(ago(release.created, now)),
            Cell::new(plain(commit)),
        ];
        if wide {
            cells.push(Cell::new(format!("{}/{}", view.pods.available, view.pods.desired)));
            cells.push(Cell::new(view.clusters));
        }
        table.add_row(cells);
    }
    print(&table) + "\n"
}

/// What became of it.
fn state(view: &ReleaseView) -> Cell {
    let release = &view.release;
    if let Some(failure) = &release.failed {
        return Cell::new(format!("failed: {}", plain(&failure.message))).fg(Color::Red);
    }
    if let Some(withdrawal) = &release.withdrawn {
        return match withdrawal.reason {
            WithdrawalReason::RolledBack => Cell::new("rolled back by the hub").fg(Color::Red),
            _ => Cell::new("withdrawn"),
        };
    }
    let complete = if release.complete.is_some() { ", complete" } else { "" };
    match view.role {
        Some(Role::Contender) if release.complete.is_none() => {
            Cell::new("contender, rolling out").fg(Color::Yellow)
        }
        Some(Role::Contender) => Cell::new(format!("contender{complete}")),
        Some(Role::Incumbent) => Cell::new("incumbent"),
        None if release.complete.is_some() => Cell::new("complete"),
        None => Cell::new("superseded"),
    }
}
