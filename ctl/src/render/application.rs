//! One application: what it is about, its clusters, its failing pods, what else is not as it should be.

use std::fmt::Write as _;

use jiff::Timestamp;
use shipper_core::api::RolloutState;
use shipper_core::catalogue::{self, Entry, Group};
use shipper_core::condition::{Condition, ConditionType, Status};
use shipper_core::status::{ApplicationStatus, ReleaseStatus};

use super::{clusters, moment, pods, steps, urgency, waiting_for};
use crate::terminal::{BAD, BUSY, FAINT, GOOD, STRONG, plain, styled};

/// An application in full. `now` gives the ages, `width` the columns of the terminal; `wide`: with all its releases and what every
/// cluster works on.
pub fn application(status: &ApplicationStatus, now: Timestamp, wide: bool, width: Option<u16>) -> String {
    let text = whole(status, now, width, true);
    if wide { text + &releases(status) + &targets(status) } else { text }
}

/// Every release that is kept, with its commit in full.
fn releases(status: &ApplicationStatus) -> String {
    let mut text = format!("\n{STRONG}Releases{STRONG:#}\n");
    for release in &status.releases {
        let _ = writeln!(
            text,
            "  {}  {}, commit {}, made {}",
            plain(release.name.as_str()),
            plain(&release.version),
            plain(&release.source),
            moment(release.created)
        );
    }
    text
}

/// Which target every cluster is to have, and which it reported on.
fn targets(status: &ApplicationStatus) -> String {
    let mut text = format!("\n{STRONG}Targets{STRONG:#}\n");
    let number = |generation: Option<u64>| generation.map_or_else(|| "none".to_owned(), |it| it.to_string());
    for cluster in &status.clusters {
        let (wanted, reported) = (number(cluster.target_generation), number(cluster.reported_generation));
        let name = plain(cluster.cluster.as_str());
        let _ = writeln!(text, "  {name}  generation {wanted}, reported {reported}");
    }
    text
}

/// The same, with or without what every cluster says.
pub(super) fn whole(
    status: &ApplicationStatus,
    now: Timestamp,
    width: Option<u16>,
    messages: bool,
) -> String {
    let mut text = header(status, now);
    let table = if status.clusters.is_empty() {
        String::new()
    } else {
        format!("\n{}\n", clusters::table(status, width, messages))
    };
    // Where there is no room for everything, which pods fail counts more than how each cluster fares.
    let parts = if messages { [table, pods::of(status)] } else { [pods::of(status), table] };
    text.push_str(&parts.concat());
    text.push_str(&problems(status));
    text.push_str(&conditions(&status.conditions));
    text
}

/// The state of an application in two words.
pub(super) fn state(state: RolloutState) -> (anstyle::Style, &'static str) {
    let style = match state {
        RolloutState::Complete => GOOD,
        state if state.needs_somebody() => BAD,
        _ => BUSY,
    };
    (style, state.words())
}

fn header(status: &ApplicationStatus, now: Timestamp) -> String {
    let (style, state) = state(RolloutState::of(status));
    let mut text = format!("{}: {style}{state}{style:#}\n", styled(STRONG, &status.application.to_string()));
    let mut field = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    if let Some(release) = status.contender_status() {
        field("contender", release_line(release, now));
    }
    let incumbent = status.incumbent.as_ref();
    if let Some(release) = status.releases.iter().find(|release| Some(&release.name) == incumbent) {
        field("incumbent", release_line(release, now));
    }
    if let Some(release) = status.contender_status() {
        field("steps", steps::ladder(release));
    }
    // A release taken back explains why the one before is the contender again.
    let newest = status.releases.first().filter(|newest| Some(&newest.name) != status.contender.as_ref());
    if let Some((release, withdrawal)) = newest.and_then(|newest| Some((newest, newest.withdrawn.as_ref()?)))
    {
        field("withdrawn", format!("{} {}", plain(release.name.as_str()), ago(withdrawal.at, now)));
    }
    field("waits for", waits(status));
    text
}

/// What is waited for in a sentence. Of several clusters the first one's words stand for all: the table has the rest.
fn waits(status: &ApplicationStatus) -> String {
    let waiting = &status.waiting;
    let style = urgency(waiting.state);
    format!("{style}{}{style:#}: {}", waiting_for(waiting.state), plain(&status.sentence()))
}

fn release_line(release: &ReleaseStatus, now: Timestamp) -> String {
    let commit = release.source.get(..10).unwrap_or(&release.source);
    format!(
        "{}  {FAINT}{}, commit {}, {}{FAINT:#}",
        styled(STRONG, release.name.as_str()),
        plain(&release.version),
        plain(commit),
        ago(release.created, now)
    )
}

/// An age in its largest unit.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86400),
    }
}

fn problems(status: &ApplicationStatus) -> String {
    let mut text = String::new();
    for cluster in &status.clusters {
        for problem in &cluster.problems {
            let heals = if problem.heals { "may heal by itself" } else { "needs you" };
            let _ = writeln!(
                text,
                "  {} {}: {BAD}{}{BAD:#} {} {FAINT}({heals}){FAINT:#}",
                plain(cluster.cluster.as_str()),
                plain(&problem.object),
                problem.reason,
                plain(&problem.message)
            );
            text.push_str(&more(Some(problem.reason.entry())));
        }
    }
    if text.is_empty() { text } else { format!("\n{STRONG}Objects in trouble{STRONG:#}\n{text}") }
}

/// Where a reason is explained.
pub(super) fn more(entry: Option<Entry>) -> String {
    entry.map(|entry| format!("    {FAINT}{}{FAINT:#}\n", entry.url())).unwrap_or_default()
}

/// Conditions that are not as one would wish.
pub(super) fn conditions(conditions: &[Condition]) -> String {
    let mut text = String::new();
    for condition in conditions.iter().filter(|condition| !is_expected(condition)) {
        let style = if condition.status == Status::False { BAD } else { BUSY };
        let _ = writeln!(
            text,
            "  {style}{} is {:?}{style:#} ({}): {}",
            condition.kind,
            condition.status,
            condition.reason,
            plain(&condition.message)
        );
        text.push_str(&more(catalogue::entry(Group::Condition, condition.reason.name())));
    }
    if text.is_empty() { text } else { format!("\n{STRONG}Conditions{STRONG:#}\n{text}") }
}

fn is_expected(condition: &Condition) -> bool {
    match condition.kind {
        // What is under way stands in the header.
        ConditionType::RollingOut | ConditionType::Complete => true,
        ConditionType::Blocked => false,
        _ => condition.status == Status::True,
    }
}
