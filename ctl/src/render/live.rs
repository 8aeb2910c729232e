//! One rollout as it goes: a picture that is drawn again and again, or a line for each change.

use std::fmt::Write as _;

use jiff::Timestamp;
use shipper_core::api::{ApplicationSummary, ReleasePods, Role, TimelineEvent};
use shipper_core::status::ApplicationStatus;

use super::application::whole;
use super::bars::bar;
use super::{events, waiting_for};
use crate::terminal::{FAINT, STRONG, plain};

/// Columns of a bar.
const COLUMNS: usize = 24;

/// The application in full, with a bar for each release over all clusters, and what happened last, oldest first. `messages`: with what
/// every cluster says.
pub fn live(
    status: &ApplicationStatus,
    happened: &[TimelineEvent],
    now: Timestamp,
    width: Option<u16>,
    messages: bool,
) -> String {
    let mut text = String::new();
    for pods in ReleasePods::all(status).iter().filter(|pods| pods.pods.desired > 0 || pods.pods.pods > 0) {
        let role = match pods.role {
            Some(Role::Contender) => "contender",
            Some(Role::Incumbent) => "incumbent",
            None => "leaving",
        };
        let counts = &pods.pods;
        let bar = bar(counts.available, counts.desired, COLUMNS);
        let extra = counts.pods.saturating_sub(counts.available.max(counts.desired));
        let extra = if extra > 0 { format!(" +{extra}") } else { String::new() };
        let _ = writeln!(
            text,
            "  {role:<10} {bar} {}/{}{extra} pods  {FAINT}{}{FAINT:#}",
            counts.available,
            counts.desired,
            plain(pods.release.as_str())
        );
    }
    if !text.is_empty() {
        text.insert(0, '\n');
    }
    let mut whole = whole(status, now, width, messages) + &text;
    if !happened.is_empty() {
        let _ =
            write!(whole, "\n{STRONG}What happened{STRONG:#}\n{}", indented(&events(happened, false, false)));
    }
    whole
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// The state of a rollout in one line, for pipes: a line is worth printing when it says something else than the last.
pub fn change(status: &ApplicationStatus) -> String {
    let line = ApplicationSummary::of(status);
    let mut text = format!("{} {}", plain(&status.application.to_string()), line.state.words());
    if let (Some(contender), Some(step)) = (&line.contender, line.step) {
        let done = status
            .contender_status()
            .and_then(|release| release.achieved.as_ref())
            .is_some_and(|achieved| achieved.step == step);
        let name = line.step_name.as_deref().unwrap_or_default();
        let word = if done { "done" } else { "under way" };
        let _ = write!(
            text,
            ": {} at step {}/{} {} {word}",
            plain(contender.as_str()),
            step + 1,
            line.steps,
            plain(name)
        );
    }
    let pods: Vec<String> = ReleasePods::all(status)
        .iter()
        .filter(|pods| pods.pods.desired > 0 || pods.pods.pods > 0)
        .map(|pods| format!("{} {}/{}", plain(pods.release.as_str()), pods.pods.available, pods.pods.desired))
        .collect();
    if !pods.is_empty() {
        let _ = write!(text, "; pods {}", pods.join(", "));
    }
    let _ = write!(text, "; waits for {}", waiting_for(line.waiting.state));
    if !line.waiting.message.is_empty() {
        let _ = write!(text, ": {}", plain(&line.waiting.message));
    }
    text
}
