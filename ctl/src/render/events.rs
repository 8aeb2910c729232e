//! The timeline, a line for each entry.

use std::fmt::Write as _;

use shipper_core::api::TimelineEvent;

use crate::terminal::{FAINT, STRONG, plain};

/// Entries in the order given. `named`: with the application.
pub fn events<'e>(entries: impl IntoIterator<Item = &'e TimelineEvent>, named: bool) -> String {
    let mut text = String::new();
    for entry in entries {
        let _ = write!(text, "{FAINT}{}{FAINT:#} ", entry.at.strftime("%Y-%m-%d %H:%M:%S"));
        if let Some(application) = entry.application.as_ref().filter(|_| named) {
            let _ = write!(text, "{STRONG}{}{STRONG:#} ", plain(&application.to_string()));
        }
        if let Some(cluster) = &entry.cluster {
            let _ = write!(text, "{} ", plain(cluster.as_str()));
        }
        let _ = writeln!(text, "{}: {}", plain(&entry.reason), plain(&entry.message));
    }
    text
}
