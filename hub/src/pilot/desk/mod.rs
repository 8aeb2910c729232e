//! The Git side of the loop: look at the repository, write to it. Everything here blocks.

mod write;

pub(super) use write::{Work, Wrote};

use super::config::PilotConfig;
use crate::fleet::guard::{Refused, judge};
use crate::fleet::{FleetView, ReadFleetError};
use shipper_core::AppKey;
use shipper_core::state::{FleetState, paths};
use shipper_git::{Oid, RemoteConfig, RemoteError, Store, StoreError};
use std::collections::BTreeSet;
use std::time::Duration;

/// Why the repository cannot be looked at now.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error("{0}")]
    Unreachable(StoreError),
    #[error(transparent)]
    Refused(#[from] Refused),
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
}

impl Desk {
    pub(super) fn open(config: PilotConfig) -> Result<Self, StoreError> {
        let deep = |remote: &RemoteConfig| RemoteConfig { shallow: false, ..remote.clone() };
        let main = Store::open(&config.data_dir.join("repository"), deep(&config.repository))?;
        let state = match &config.state_repository {
            Some(remote) => Some(Store::open(&config.data_dir.join("state-repository"), remote.clone())?),
            None => None,
        };
        Ok(Self {
            accepted: config.accept_history,
            config,
            main,
            state,
            view: FleetView::default(),
            dirty: BTreeSet::new(),
            last_main: None,
            last_state: None,
            judged: None,
            supersedes: None,
            known: None,
        })
    }

    pub(super) fn view(&self) -> &FleetView {
        &self.view
    }

    pub(super) fn main_store(&self) -> &Store {
        &self.main
    }

    /// A person accepts a commit as a new beginning.
    pub(super) fn accept(&mut self, commit: Oid) {
        self.accepted = Some(commit);
    }

    /// Fetches both branches, judges them, and reads what changed into the view.
    pub(super) fn look(&mut self) -> Result<(), LookError> {
        let (mut main, state) = self.fetch().map_err(LookError::Unreachable)?;
        self.follow_state(state)?;
        if let Some(source) = self.source()
            && self.judged != Some((source, main))
            && let Err(refused) = self.judge_main(Some(source), main)?
        {
            // Another hub may have read a newer main than this look began with.
            main = self.fetch_main().map_err(LookError::Unreachable)?;
            if self.judge_main(Some(source), main)?.is_err() {
                return Err(refused.into());
            }
        }
        self.judge_main(self.last_main, main)??;
        self.judged = self.source().map(|source| (source, main));
        let Some(main) = main else { return Ok(()) };
        let dirty = self
            .view
            .follow_main(&self.main, main)
            .map_err(|error| unreadable(&self.config.intent_branch, &error))?;
        self.dirty.extend(dirty);
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

    fn judge_main(&mut self, last: Option<Oid>, main: Option<Oid>) -> Result<Result<(), Refused>, LookError> {
        if last.is_some() && last == main {
            return Ok(Ok(()));
        }
        judge(&mut self.main, &self.config.intent_branch, last, main, self.accepted)
            .map_err(LookError::Unreachable)
    }

    /// The commit of `main` that the state branch rests on.
    fn source(&self) -> Option<Oid> {
        let state = self.view.records().fleet()?.ok()?;
        Oid::from_str(&state.source).ok()
    }

    fn follow_state(&mut self, state: Option<Oid>) -> Result<(), LookError> {
        let branch = self.config.state_branch.clone();
        if state != self.last_state && self.last_state.is_some() {
            let store = self.state.as_mut().unwrap_or(&mut self.main);
            judge(store, &branch, self.last_state, state, self.accepted)
                .map_err(LookError::Unreachable)??;
            let store = self.state.as_ref().unwrap_or(&self.main);
            if let (Some(last), Some(now), Some(known)) = (self.last_state, state, self.known.clone())
                && !store.is_ancestor(last, now).is_ok_and(|a| a == shipper_git::Ancestry::Descendant)
            {
                self.supersedes = Some((last, known));
            }
        }
        let store = self.state.as_ref().unwrap_or(&self.main);
        let dirty = self.view.follow_state(store, state).map_err(|error| unreadable(&branch, &error))?;
        self.dirty.extend(dirty);
        if let Some(commit) = state {
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
