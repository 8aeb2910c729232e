//! What the records hold of an application beyond its status, for whoever looks closely: the releases as they were made, and the
//! commits that people made for them. Asked of the loop ([`crate::questions`]), which alone has the repository.

use crate::fleet::AppState;
use jiff::Timestamp;
use shipper_core::ReleaseName;
use shipper_core::state::{Cause, ReleaseRecord};
use shipper_git::{Oid, Store};
use std::collections::{BTreeMap, BTreeSet};

/// What the records hold of an application.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// Its releases.
    pub releases: BTreeMap<ReleaseName, ReleaseRecord>,
    /// The commits of `main` that they name, by their ids; those that are not to be had are left out.
    pub commits: BTreeMap<String, Commit>,
}

/// A commit that somebody made on `main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id, in hex.
    pub id: String,
    /// Whose it is.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
    /// When it was committed, by the committer's clock.
    pub at: Option<Timestamp>,
}

impl Details {
    /// Reads the commits that the records name from the copy of `main`.
    pub(crate) fn of(state: &AppState, main: &Store) -> Self {
        let ids: BTreeSet<&str> = state.releases.values().flat_map(commits_of).collect();
        let commits = ids.into_iter().filter_map(|id| Some((id.to_owned(), Commit::read(id, main)?)));
        Self { commits: commits.collect(), releases: state.releases.to_map() }
    }
}

impl Commit {
    fn read(id: &str, main: &Store) -> Option<Self> {
        let oid = id.parse::<Oid>().ok().filter(|oid| main.contains(*oid))?;
        let snapshot = main.snapshot(oid).ok()?;
        let at = snapshot.committer().ok().map(|committer| committer.seconds);
        Some(Self {
            id: id.to_owned(),
            author: snapshot.author().ok()?.name,
            subject: snapshot.message().ok()?.lines().next().unwrap_or_default().trim().to_owned(),
            at: at.and_then(|seconds| Timestamp::from_second(seconds).ok()),
        })
    }
}

/// The commits that a release names: what asked for it, what moved it, what took it back.
fn commits_of(release: &ReleaseRecord) -> impl Iterator<Item = &str> {
    let ordered = match &release.position.cause {
        Cause::Ordered { commit } => Some(commit.as_str()),
        Cause::Created | Cause::GatePassed | Cause::Carried => None,
    };
    let withdrawn = release.withdrawn.as_ref().and_then(|withdrawal| withdrawal.commit.as_deref());
    [Some(release.source.as_str()), ordered, withdrawn].into_iter().flatten().filter(|id| !id.is_empty())
}
