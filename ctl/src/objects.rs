//! What differs between two sets of manifests, as a terminal shows it.

use std::fmt::Write as _;

use shipper_core::manifest::compare::{Changed, ObjectChange};

use crate::terminal::{BAD, FAINT, GOOD, STRONG, plain};

/// The changes as text, in colours.
pub fn shown(changes: &[ObjectChange]) -> String {
    changes.iter().map(|change| shown_in(change, "")).collect()
}

/// A change as text, in colours; `place`: where it holds, in words.
pub fn shown_in(change: &ObjectChange, place: &str) -> String {
    let word = match change.change {
        Changed::Added => format!("{GOOD}new{GOOD:#}"),
        Changed::Removed => format!("{BAD}gone{BAD:#}"),
        Changed::Changed => "changed".to_owned(),
    };
    let mut text = format!("{STRONG}{}{STRONG:#} {word}", plain(&change.object));
    if !place.is_empty() {
        let _ = write!(text, " {FAINT}{}{FAINT:#}", plain(place));
    }
    text.push('\n');
    for line in change.diff.lines() {
        let style = match line.chars().next() {
            Some('+') => GOOD,
            Some('-') => BAD,
            Some('@') => FAINT,
            _ => anstyle::Style::new(),
        };
        let _ = writeln!(text, "{style}{}{style:#}", plain(line));
    }
    text
}
