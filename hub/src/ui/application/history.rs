//! What happened: the releases with the commits that asked for them, and the timeline.

use super::records::Known;
use crate::store::TimelineEvent;
use crate::ui::words::{Moment, cut, short};
use shipper_core::ReleaseName;
use shipper_core::state::{Cause, WithdrawalReason};
use shipper_core::status::{ApplicationStatus, ReleaseStatus};
use std::collections::BTreeSet;

/// Releases that the page shows.
const RELEASES: usize = 10;
/// Characters of a commit's subject.
const SUBJECT: usize = 100;

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

/// A commit on a line.
pub(super) struct CommitLine {
    /// The beginning of its id.
    pub(super) id: String,
    /// Whose it is, where that is known.
    pub(super) author: Option<String>,
    /// Its subject.
    pub(super) subject: Option<String>,
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
    /// The commit that brought it about, where one did and is known.
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
    let commit = known.commits.get(id);
    CommitLine {
        id: short(id),
        author: commit.map(|commit| cut(&commit.author, 60)),
        subject: commit.map(|commit| cut(&commit.subject, SUBJECT)),
    }
}

/// The timeline, newest first.
pub(super) fn timeline(status: &ApplicationStatus, events: &[TimelineEvent], known: &Known) -> Vec<Entry> {
    let mut asked = BTreeSet::new();
    let entry = |event: &TimelineEvent| Entry {
        at: Moment::of(event.at),
        reason: event.reason.clone(),
        cluster: event.cluster.as_ref().map(ToString::to_string),
        message: event.message.clone(),
        commit: cause(status, event, known, &mut asked).map(|id| commit(&id, known)),
    };
    events.iter().map(entry).collect()
}

/// The commit that brought an entry about. Its release is the first word of its message.
fn cause(
    status: &ApplicationStatus,
    event: &TimelineEvent,
    known: &Known,
    asked: &mut BTreeSet<ReleaseName>,
) -> Option<String> {
    let name = event.message.split(' ').next().unwrap_or_default();
    let release = status.releases.iter().find(|release| release.name.as_str() == name)?;
    match event.reason.as_str() {
        "Created" => Some(release.source.clone()),
        "Withdrawn" => release.withdrawn.as_ref()?.commit.clone(),
        // The record names the commit of the newest order alone.
        "StepAsked" if asked.insert(release.name.clone()) => {
            match &known.releases.get(&release.name)?.position.cause {
                Cause::Ordered { commit } => Some(commit.clone()),
                Cause::Created | Cause::GatePassed | Cause::Carried => None,
            }
        }
        _ => None,
    }
}
