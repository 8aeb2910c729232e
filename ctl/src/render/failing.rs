//! Which pods fail where, over all applications: the same fault everywhere is one line.

use std::fmt::{Display, Write as _};

use shipper_core::api::{ApplicationSummary, Failing};

use crate::terminal::{BAD, FAINT, STRONG, plain};

/// Reasons that are told; of more it is said how many.
const REASONS: usize = 5;
/// Characters of the last words of a pod.
const WORDS: usize = 200;

/// The reasons for which the most pods fail, each with an example; empty where none fails.
pub fn failing(all: &[ApplicationSummary]) -> String {
    let mut failing = Failing::default();
    all.iter().for_each(|one| failing.add(&one.application, &one.failing));
    let mut text = String::new();
    for one in failing.worst(REASONS) {
        let _ = writeln!(
            text,
            "  {BAD}{}{BAD:#}: {} of {} in {}",
            plain(&one.reason),
            counted(one.count, "pod"),
            counted(one.applications, "application"),
            counted(one.clusters, "cluster"),
        );
        let example = &one.example;
        let words: String = plain(&example.message).chars().take(WORDS).collect();
        let words = if words.is_empty() { words } else { format!(": {words}") };
        let _ = writeln!(
            text,
            "    {FAINT}for example{FAINT:#} {} {FAINT}of{FAINT:#} {} {FAINT}in{FAINT:#} {}{words}",
            plain(&example.pod),
            plain(&example.application.to_string()),
            plain(example.cluster.as_str()),
        );
    }
    if text.is_empty() {
        return text;
    }
    match failing.reasons().saturating_sub(REASONS) {
        0 => {}
        more => {
            let _ = writeln!(text, "  and for {}", counted(more, "other reason"));
        }
    }
    format!("\n{STRONG}Failing pods{STRONG:#}\n{text}")
}

fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    format!("{number} {thing}{}", if number == N::from(1) { "" } else { "s" })
}
