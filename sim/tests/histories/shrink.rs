//! The smallest part of a failing history that still fails: deeds are left out, half of them at first and one by one at last, as long
//! as the same rule is broken.

use crate::history::History;
use std::collections::BTreeSet;

/// Histories tried at most for one failure.
const TRIES: usize = 400;

/// The deeds that it takes, what is broken then, and how to replay it.
pub fn shrink(seed: u64, violation: &str) -> String {
    let rule = rule_of(violation);
    let mut kept: Vec<usize> = (0..History::new(seed, false).deeds()).collect();
    let all = kept.len();
    let mut told = violation.to_owned();
    let mut tries = 0;
    let mut part = kept.len().div_ceil(2);
    while part > 0 {
        let mut from = 0;
        while from < kept.len() && tries < TRIES {
            let without: Vec<usize> = kept
                .iter()
                .enumerate()
                .filter(|(at, _)| !(from..from + part).contains(at))
                .map(|(_, deed)| *deed)
                .collect();
            tries += 1;
            match History::new(seed, false).only(BTreeSet::from_iter(without.iter().copied())).run() {
                Err(violation) if rule_of(&violation) == rule => (kept, told) = (without, violation),
                _ => from += part,
            }
        }
        part = if part == 1 { 0 } else { part.div_ceil(2) };
    }
    let deeds: Vec<String> = kept.iter().map(ToString::to_string).collect();
    format!(
        "{told}\n{} of {all} deeds are enough; replay: SHIPPER_SEED={seed} SHIPPER_DEEDS={} cargo test -p shipper-sim --test histories c2 -- --nocapture",
        kept.len(),
        if deeds.is_empty() { "none".to_owned() } else { deeds.join(",") }
    )
}

/// Which rule is broken: its label, as in `C2 floor` or `A1`, or how the message begins.
fn rule_of(violation: &str) -> String {
    let label = |word: &&str| {
        let word = word.trim_end_matches(':');
        let digits = word.trim_start_matches(|c: char| c.is_ascii_uppercase());
        word.len() == digits.len() + 1 && !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    };
    let found = violation.split_whitespace().find(label);
    found.map_or_else(
        || violation.split_whitespace().skip(1).take(4).collect::<Vec<_>>().join(" "),
        str::to_owned,
    )
}
