//! The Git side of the loop: look at the repository, write to it. Everything here blocks.

mod clusters;
mod history;
mod missing;
mod write;

pub(super) use clusters::ClusterEvent;
pub(super) use write::{Work, WriteError, Wrote};

use super::config::PilotConfig;
use super::deeds::committed;
use super::trail::Trail;
use crate::fleet::guard::{Acceptance, Refused};
use crate::fleet::{Branches, FleetView, ReadFleetError};
use crate::store::AgentCommit;
use history::{Compared, MAIN_PIN, STATE_PIN, remember, state_at};
use missing::Confirmations;
use shipper_core::state::{FleetState, RemovedCluster, paths};
use shipper_core::{AppKey, ClusterName};
use shipper_git::{Oid, RemoteConfig, RemoteError, Snapshot, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Why the repository cannot be looked at now.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error("{0}")]
    Unreachable(StoreError),
    #[error(transparent)]
    Refused(Box<Refused>),
}

impl From<Refused> for LookError {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

/// How long the server asks to wait.
pub(super) fn retry_after(error: &StoreError) -> Option<Duration> {
    match error {
        StoreError::Remote(RemoteError::RateLimited { retry_after, .. }) => *retry_after,
        _ => None,
    }
}

/// The stores and the view.
pub(super) struct Desk {
    config: PilotConfig,
    main: Store,
    state: Option<Store>,
    view: FleetView,
    /// What leads to the next commit.
    pub(super) trail: Trail,
    /// Applications concerned by what was read, not planned yet.
    pub(super) dirty: BTreeSet<AppKey>,
    last_main: Option<Oid>,
    last_state: Option<Oid>,
    /// The source of the state branch and the commit of `main` that were judged last, with success.
    judged: Option<(Oid, Option<Oid>)>,
    /// A commit of either branch that a person accepted as a new beginning [X3].
    accepted: Option<Oid>,
    /// The state commit that the next one supersedes without descending from it [X5].
    supersedes: Option<(Oid, FleetState)>,
    /// The last fleet state seen, which outlives a state branch that is gone.
    known: Option<FleetState>,
    /// The history of `main` that is followed is one that people accepted; the state branch is to say so.
    turned: bool,
    compared: Compared,
    confirmations: Confirmations,
    /// What missing clusters were settled at: both branches, and the clusters with agents.
    settled: Option<(Branches, BTreeSet<ClusterName>)>,
    /// What people did to clusters since the last state commit.
    compared_clusters: clusters::Compared,
    /// Clusters that are removed, at the present commits.
    removed_clusters: BTreeMap<ClusterName, RemovedCluster>,
}

impl Desk {
    pub(super) fn open(config: PilotConfig) -> Result<Self, StoreError> {
        let deep = |remote: &RemoteConfig| RemoteConfig { shallow: false, ..remote.clone() };
        let main = Store::open(&config.data_dir.join("repository"), deep(&config.repository))?;
        let state = match &config.state_repository {
            Some(remote) => Some(Store::open(&config.data_dir.join("state-repository"), remote.clone())?),
            None => None,
        };
        let last_state = state.as_ref().unwrap_or(&main).pinned(STATE_PIN);
        Ok(Self {
            accepted: config.accept_history,
            trail: Trail::new(config.traces.clone()),
            config,
            view: FleetView::default(),
            dirty: BTreeSet::new(),
            last_main: main.pinned(MAIN_PIN),
            known: last_state.and_then(|commit| state_at(state.as_ref().unwrap_or(&main), commit)),
            last_state,
            judged: None,
            supersedes: None,
            turned: false,
            compared: Compared::default(),
            confirmations: Confirmations::default(),
            settled: None,
            compared_clusters: clusters::Compared::default(),
            removed_clusters: BTreeMap::new(),
            main,
            state,
        })
    }

    pub(super) fn view(&self) -> &FleetView {
        &self.view
    }

    pub(super) fn main_store(&self) -> &Store {
        &self.main
    }

    /// The state branch at the commit that was read; `None` = there is none, or the copy is damaged, which the next look heals.
    pub(super) fn state_branch(&self) -> Option<Snapshot> {
        self.state.as_ref().unwrap_or(&self.main).snapshot(self.view.branches().state?).ok()
    }

    /// The clusters that are removed, with the commits that confirmed it.
    pub(super) fn removed_clusters(&self) -> &BTreeMap<ClusterName, RemovedCluster> {
        &self.removed_clusters
    }

    /// A person accepts a commit as a new beginning.
    pub(super) fn accept(&mut self, commit: Oid) {
        self.accepted = Some(commit);
    }

    /// Fetches both branches, judges them, and reads what changed into the view. `agents` says which state commits agents followed
    /// before, `expected` which clusters have agents.
    pub(super) fn look(
        &mut self,
        agents: &[AgentCommit],
        expected: &BTreeSet<ClusterName>,
    ) -> Result<(), LookError> {
        let (mut main, state) = self.fetch().map_err(LookError::Unreachable)?;
        let mut accepted = self.acceptance(main);
        self.follow_state(state, agents, &accepted)?;
        if let Some(source) = self.source()
            && self.judged != Some((source, main))
            && let Err(refused) = self.judge_main(Some(source), main, &accepted)?
        {
            // Another hub may have read a newer main than this look began with.
            main = self.fetch_main().map_err(LookError::Unreachable)?;
            accepted = self.acceptance(main);
            if self.judge_main(Some(source), main, &accepted)?.is_err() {
                return Err(refused.into());
            }
        }
        self.judge_main(self.last_main, main, &accepted)??;
        self.judged = self.source().map(|source| (source, main));
        let Some(main) = main else { return Ok(()) };
        if self.view.branches().main.is_none() {
            self.settled = None;
        }
        let dirty = self
            .view
            .follow_main(&self.main, main)
            .map_err(|error| unreadable(&self.config.intent_branch, &error))?;
        self.dirty.extend(dirty);
        let concerned = self.settle_clusters(expected).map_err(LookError::Unreachable)?;
        self.dirty.extend(concerned);
        remember(&self.main, MAIN_PIN, main);
        if self.trail.is_on()
            && self.last_main.is_some_and(|last| last != main)
            && let Some(made) = committed(&main.to_string(), &self.main)
        {
            self.trail.found(main, made);
        }
        self.last_main = Some(main);
        Ok(())
    }

    fn fetch(&mut self) -> Result<(Option<Oid>, Option<Oid>), StoreError> {
        let (main, state) = (self.config.intent_branch.as_str(), self.config.state_branch.as_str());
        match &mut self.state {
            None => {
                let heads = self.main.fetch(&[main, state])?;
                Ok((heads.get(main).copied().flatten(), heads.get(state).copied().flatten()))
            }
            Some(store) => {
                // First what rests on the other.
                let state = store.fetch(&[state])?.get(state).copied().flatten();
                Ok((self.fetch_main()?, state))
            }
        }
    }

    fn fetch_main(&mut self) -> Result<Option<Oid>, StoreError> {
        let branch = self.config.intent_branch.as_str();
        Ok(self.main.fetch(&[branch])?.get(branch).copied().flatten())
    }

    /// The commit of `main` that the state branch rests on.
    fn source(&self) -> Option<Oid> {
        let state = self.view.records().fleet()?.ok()?;
        Oid::from_str(&state.source).ok()
    }

    fn follow_state(
        &mut self,
        state: Option<Oid>,
        agents: &[AgentCommit],
        accepted: &Acceptance,
    ) -> Result<(), LookError> {
        let branch = self.config.state_branch.clone();
        self.judge_state(state, accepted)?;
        let store = self.state.as_ref().unwrap_or(&self.main);
        let dirty = self.view.follow_state(store, state).map_err(|error| unreadable(&branch, &error))?;
        self.dirty.extend(dirty);
        if let Some(commit) = state {
            if self.last_state != state {
                self.compared.moved_to(commit);
            }
            match self.view.records().fleet() {
                Some(Ok(known)) => {
                    // What it takes over from is not known any more; that it does is what agents ask for.
                    if self.last_state.is_none() && self.accepted == state {
                        self.supersedes = Some((commit, known.clone()));
                    }
                    self.known = Some(known.clone());
                }
                other => {
                    let reason = match other {
                        Some(Err(reason)) => format!("{}: {reason}", paths::FLEET_STATE),
                        _ => format!("there is no {}", paths::FLEET_STATE),
                    };
                    return Err(Refused::Unreadable { branch, commit: commit.to_string(), reason }.into());
                }
            }
        }
        self.compare(state, agents, accepted)?;
        if let Some(commit) = state {
            remember(self.state.as_ref().unwrap_or(&self.main), STATE_PIN, commit);
        }
        self.last_state = state;
        Ok(())
    }
}

/// What cannot be read stops everything, unless it is the store's own damage, which the next fetch heals.
fn unreadable(branch: &str, error: &ReadFleetError) -> LookError {
    Refused::Unreadable {
        branch: branch.to_owned(),
        commit: error.commit.to_string(),
        reason: error.source.to_string(),
    }
    .into()
}
