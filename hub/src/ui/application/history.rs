//! What happened: the releases with the commits that asked for them, and the timeline.

use super::records::Known;
use crate::store::TimelineEvent;
use crate::ui::commit::CommitLine;
use crate::ui::words::Moment;
use shipper_core::state::WithdrawalReason;
use shipper_core::status::{ApplicationStatus, ReleaseStatus};

/// Releases that the page shows.
const RELEASES: usize = 10;

/// A release.
pub(super) struct ReleaseRow {
    /// Its name.
    pub(super) name: String,
    /// What it is a version of.
    pub(super) version: String,
    /// `contender`, `incumbent` or `other`.
    pub(super) role: &'static str,
    /// What became of it.
    pub(super) state: String,
    /// When it was made.
    pub(super) created: Moment,
    /// The commit that asked for it.
    pub(super) commit: CommitLine,
    /// How it ended, for the commit that ended it.
    pub(super) ended: &'static str,
    /// That commit, where there is one.
    pub(super) withdrawn: Option<CommitLine>,
}

/// An entry of the timeline.
pub(super) struct Entry {
    /// When.
    pub(super) at: Moment,
    /// In one word.
    pub(super) reason: String,
    /// Where, if it is of one cluster.
    pub(super) cluster: Option<String>,
    /// In words.
    pub(super) message: String,
    /// The commit by which people asked for it, where they did.
    pub(super) commit: Option<CommitLine>,
}

/// The releases, newest first.
pub(super) fn releases(status: &ApplicationStatus, known: &Known) -> Vec<ReleaseRow> {
    let role = |release: &ReleaseStatus| match () {
        () if status.contender.as_ref() == Some(&release.name) => "contender",
        () if status.incumbent.as_ref() == Some(&release.name) => "incumbent",
        () => "other",
    };
    let row = |release: &ReleaseStatus| ReleaseRow {
        name: release.name.to_string(),
        version: release.version.clone(),
        role: role(release),
        state: state(release),
        created: Moment::of(release.created),
        commit: commit(&release.source, known),
        ended: match release.withdrawn.as_ref().map(|one| one.reason) {
            Some(WithdrawalReason::Superseded) => "Superseded by",
            _ => "Taken back by",
        },
        withdrawn: release
            .withdrawn
            .as_ref()
            .and_then(|one| one.commit.as_deref())
            .map(|id| commit(id, known)),
    };
    status.releases.iter().take(RELEASES).map(row).collect()
}

fn state(release: &ReleaseStatus) -> String {
    if let Some(withdrawal) = &release.withdrawn {
        let why = match withdrawal.reason {
            WithdrawalReason::Returned => "taken back",
            WithdrawalReason::Superseded => "superseded",
            WithdrawalReason::RolledBack => "rolled back by the hub",
        };
        return match &withdrawal.cause {
            Some(cause) => format!("{why}: {cause}"),
            None => why.to_owned(),
        };
    }
    match (&release.failed, release.complete) {
        (Some(failure), _) => format!("failed: {}", failure.message),
        (None, Some(_)) => "complete".to_owned(),
        (None, None) => {
            let step = release.steps.get(release.step).map_or("", String::as_str);
            format!("at step {} of {}, {step}", release.step + 1, release.steps.len())
        }
    }
}

fn commit(id: &str, known: &Known) -> CommitLine {
    known.commits.get(id).map_or_else(|| CommitLine::bare(id), CommitLine::of)
}

/// The timeline, newest first.
pub(super) fn timeline(events: &[TimelineEvent]) -> Vec<Entry> {
    let entry = |event: &TimelineEvent| Entry {
        at: Moment::of(event.at),
        reason: event.reason.clone(),
        cluster: event.cluster.as_ref().map(ToString::to_string),
        message: event.message.clone(),
        commit: event.commit.as_ref().map(CommitLine::of),
    };
    events.iter().map(entry).collect()
}
