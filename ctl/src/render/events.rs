//! The timeline, a line for each entry.

use std::fmt::Write as _;

use shipper_core::api::{Commit, TimelineEvent};

use super::moment;
use crate::terminal::{FAINT, STRONG, plain};

/// Characters of a commit's id, as `git log --oneline` has about as many.
const ID: usize = 10;

/// Entries in the order given, with who asked for what people asked for. `named`: with the application;
/// `wide`: with the whole id of a commit, and what it says.
pub fn events<'e>(entries: impl IntoIterator<Item = &'e TimelineEvent>, named: bool, wide: bool) -> String {
    let mut text = String::new();
    for entry in entries {
        let _ = write!(text, "{FAINT}{}{FAINT:#} ", moment(entry.at));
        if let Some(application) = entry.application.as_ref().filter(|_| named) {
            let _ = write!(text, "{STRONG}{}{STRONG:#} ", plain(&application.to_string()));
        }
        if let Some(cluster) = &entry.cluster {
            let _ = write!(text, "{} ", plain(cluster.as_str()));
        }
        let _ = write!(text, "{}: {}", plain(&entry.reason), plain(&entry.message));
        if let Some(commit) = &entry.commit {
            let _ = write!(text, " {FAINT}({}){FAINT:#}", by(commit, wide));
        }
        text.push('\n');
    }
    text
}

/// `Ada, 1d5ce5cd9e`; the id alone where the author is not known.
fn by(commit: &Commit, wide: bool) -> String {
    let id = if wide { commit.id.clone() } else { commit.id.chars().take(ID).collect() };
    let author = commit.author.as_deref().map(|author| format!("{author}, "));
    let subject = commit.subject.as_deref().filter(|_| wide).map(|subject| format!(": {subject}"));
    plain(&(author.unwrap_or_default() + &id + &subject.unwrap_or_default())).into_owned()
}
