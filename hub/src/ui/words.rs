//! How things are said on the pages.

use jiff::Timestamp;
use shipper_core::command::Command;
use std::fmt::Write as _;

/// A moment: for programs to the millisecond, for people to the second in UTC. The script makes it relative where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// RFC 3339.
    pub exact: String,
    /// `2026-11-23 05:12:30 UTC`.
    pub text: String,
}

impl Moment {
    /// A moment.
    pub fn of(at: Timestamp) -> Self {
        Self { exact: format!("{at:.3}"), text: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string() }
    }
}

/// `10m`, `1h 30m`.
pub fn length_of(length: std::time::Duration) -> String {
    format!("{:#}", jiff::SignedDuration::try_from(length).unwrap_or(jiff::SignedDuration::MAX))
}

/// The beginning of a commit id.
pub fn short(commit: &str) -> String {
    commit.chars().take(10).collect()
}

/// At most so many characters, with a mark where something was left out.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

/// `1 pod`, `3 pods`.
pub fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// `a`, `a and b`, `a, b and 3 more`.
pub fn list<T: std::fmt::Display>(items: &[T], most: usize) -> String {
    let shown = if items.len() > most { most.saturating_sub(1).max(1) } else { items.len() };
    let mut text = String::new();
    for (index, item) in items.iter().take(shown).enumerate() {
        let last = index + 1 == items.len() && index > 0;
        let _ = write!(
            text,
            "{}{item}",
            if last {
                " and "
            } else if index > 0 {
                ", "
            } else {
                ""
            }
        );
    }
    if shown < items.len() {
        let _ = write!(text, " and {} more", items.len() - shown);
    }
    text
}

/// Text as a part of an address or as a value in its query.
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// The page of an application.
pub fn application(app: &shipper_core::AppKey) -> String {
    format!("/applications/{}/{}", encode(&app.namespace), encode(&app.name))
}

/// The page of a cluster.
pub fn cluster(name: &str) -> String {
    format!("/clusters/{}", encode(name))
}

/// A command that is about an application.
pub fn command(verb: &'static str, app: &shipper_core::AppKey) -> Command {
    Command::new(verb).word(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(list(&["a"], 3), "a");
        assert_eq!(list(&["a", "b"], 3), "a and b");
        assert_eq!(list(&["a", "b", "c", "d"], 3), "a, b and 2 more");
        assert_eq!(list::<&str>(&[], 3), "");
    }

    #[test]
    fn text_is_cut_at_characters() {
        assert_eq!(cut("größer als", 6), "größe…");
        assert_eq!(cut("kurz", 4), "kurz");
    }
}
