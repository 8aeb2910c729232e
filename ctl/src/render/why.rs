//! Decisions as sentences: what is waited for, then how that came about, decision by decision.

use std::fmt::Write as _;

use shipper_core::status::Liveness;
use shipper_core::why::{Because, Evidence, Source, Why};

use super::{moment, urgency, waiting_for};
use crate::terminal::{BAD, FAINT, STRONG, plain, styled};

/// Everything that the hub says, as text.
pub fn why(why: &Why) -> String {
    let state = why.waiting.state;
    // Where clusters are waited for, what each of them lacks is told with its evidence below.
    let message = match why.waiting.clusters.as_slice() {
        [] => format!(": {}", plain(&why.waiting.message)),
        [only] => format!(" in {}", plain(only.as_str())),
        several => format!(" in {} clusters", several.len()),
    };
    let style = urgency(state);
    let mut text = format!(
        "{} waits for {style}{}{style:#}{message}\n{FAINT}main at {}, {}{FAINT:#}\n\n",
        styled(STRONG, &why.application.to_string()),
        waiting_for(state),
        plain(why.source.get(..10).unwrap_or(&why.source)),
        moment(why.at),
    );
    for decision in &why.decisions {
        print(&mut text, decision, 0);
    }
    text
}

fn print(text: &mut String, because: &Because, depth: usize) {
    let indent = "  ".repeat(depth);
    let (first, rest) = match because.decision.split_once('\n') {
        Some((first, rest)) => (first, Some(rest)),
        None => (because.decision.as_str(), None),
    };
    let rule = because.rule;
    let _ = writeln!(text, "{indent}- {} {FAINT}[{rule}: {}]{FAINT:#}", plain(first), rule.title());
    for line in rest.into_iter().flat_map(str::lines) {
        let _ = writeln!(text, "{indent}  {}", plain(line));
    }
    if let Some(commit) = &because.commit {
        let _ =
            writeln!(text, "{indent}  {FAINT}commit{FAINT:#} {}", plain(commit.get(..10).unwrap_or(commit)));
    }
    for evidence in &because.evidence {
        let _ = writeln!(text, "{indent}  {}", self::evidence(evidence));
    }
    for cause in &because.because {
        print(text, cause, depth + 1);
    }
}

/// What a report proves: something only if it speaks of the target that is in force.
fn evidence(evidence: &Evidence) -> String {
    let says =
        if evidence.says.is_empty() { String::new() } else { format!(" {}", evidence.says.join("; ")) };
    let away =
        if evidence.liveness == Liveness::Offline { format!("{BAD}offline{BAD:#}, ") } else { String::new() };
    let away = format!("{}: {away}", plain(evidence.cluster.as_str()));
    let which = evidence.report.as_ref().map(source).unwrap_or_default();
    match (evidence.target_generation, evidence.reported_generation) {
        (None, _) => format!("{away}{FAINT}no target{FAINT:#}"),
        (Some(target), None) => format!("{away}{BAD}no report{BAD:#} {FAINT}on target {target}{FAINT:#}"),
        (Some(target), Some(reported)) if target == reported => {
            format!("{away}{FAINT}report{which} on target {target}:{FAINT:#}{}", plain(&says))
        }
        (Some(target), Some(reported)) => format!(
            "{away}{BAD}report{which} on target {reported}, not {target}{BAD:#}{FAINT}, which proves nothing:{FAINT:#}{}",
            plain(&says)
        ),
    }
}

/// Which report it is: its number, its session, and the state commit that the agent worked on.
fn source(source: &Source) -> String {
    let commit = source.commit.as_deref().map(|commit| commit.get(..10).unwrap_or(commit));
    let commit = commit.map(|commit| format!(", state {}", plain(commit))).unwrap_or_default();
    format!(" {} of session {}{commit},", source.sequence, plain(&source.session))
}
