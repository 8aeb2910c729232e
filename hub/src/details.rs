//! What the records hold of an application beyond its status, for whoever looks closely: the releases as they were made, the commits that
//! people made for them, the images that they run, and where they run. Asked of the loop ([`crate::questions`]), which alone has the repository.

use crate::fleet::AppState;
use crate::images::Images;
use shipper_core::ReleaseName;
use shipper_core::api::Commit;
use shipper_core::state::{Cause, Placement, ReleaseRecord};
use shipper_git::{Oid, Store};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Characters of an author or a subject that are kept: anybody who commits writes as many as they like.
const WORDS: usize = 200;

/// What the records hold of an application.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// Its releases.
    pub releases: BTreeMap<ReleaseName, ReleaseRecord>,
    /// The commits of `main` that they name, by their ids.
    pub commits: BTreeMap<String, Commit>,
    /// The images that contender and incumbent run, where that is known.
    pub images: BTreeMap<ReleaseName, Images>,
    /// Where it runs; `None` = no cluster was chosen yet.
    pub placement: Option<Arc<Placement>>,
}

impl Details {
    /// Reads the commits that the records name from the copy of `main`.
    pub(crate) fn of(state: &AppState, main: &Store) -> Self {
        let mut commits = Commits::of(main);
        state.releases.values().flat_map(commits_of).for_each(|id| drop(commits.get(id)));
        let placement = state.record.as_ref().and_then(|record| record.placement.clone());
        Self { commits: commits.read, releases: state.releases.to_map(), images: BTreeMap::new(), placement }
    }
}

/// Commits of `main`, each of them read once.
pub(crate) struct Commits<'a> {
    main: &'a Store,
    read: BTreeMap<String, Commit>,
}

impl<'a> Commits<'a> {
    /// Commits in the copy of `main`.
    pub(crate) fn of(main: &'a Store) -> Self {
        Self { main, read: BTreeMap::new() }
    }

    /// The commit of this id; of one that is not to be had, the id alone.
    pub(crate) fn get(&mut self, id: &str) -> Commit {
        if let Some(known) = self.read.get(id) {
            return known.clone();
        }
        let commit =
            self.look(id).unwrap_or_else(|| Commit { id: id.to_owned(), author: None, subject: None });
        self.read.insert(id.to_owned(), commit.clone());
        commit
    }

    fn look(&self, id: &str) -> Option<Commit> {
        let oid = id.parse::<Oid>().ok().filter(|oid| self.main.contains(*oid))?;
        let snapshot = self.main.snapshot(oid).ok()?;
        let message = snapshot.message().ok()?;
        let beginning = |text: &str| text.chars().take(WORDS).collect();
        Some(Commit {
            id: id.to_owned(),
            author: Some(beginning(&snapshot.author().ok()?.name)),
            subject: Some(beginning(message.lines().next().unwrap_or_default().trim())),
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
