//! Statuses as text: one look says whether it rolls out, what it waits for, and which pods fail where.

mod application;
mod bars;
mod blocks;
mod cluster;
mod clusters;
mod columns;
mod events;
mod failing;
mod fleet;
mod history;
mod live;
mod measurements;
mod pods;
mod steps;
mod table;
mod why;

pub use application::application;
pub use blocks::blocks;
pub use cluster::{cluster, clusters_overview};
pub use events::events;
pub use failing::failing;
pub use fleet::{overview, remarks};
pub use history::history;
pub use live::{change, live};
pub use measurements::measurements;
pub(crate) use table::{print, table_of};
pub use why::why;

use anstyle::Style;
use jiff::Timestamp;
use shipper_core::status::WaitingFor;

use crate::terminal::{BAD, BUSY, GOOD};

/// A moment to the second, with the zone that it is in: whoever reads it has another clock before them.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// What is waited for, in a few words.
pub(crate) fn waiting_for(state: WaitingFor) -> &'static str {
    match state {
        WaitingFor::None => "nothing",
        other => other.word(),
    }
}

/// How urgent it looks.
pub(crate) fn urgency(state: WaitingFor) -> Style {
    match state {
        WaitingFor::Blocked => BAD,
        WaitingFor::None => GOOD,
        _ => BUSY,
    }
}
