//! The Git side of the loop: look at the repository, write to it. Everything here blocks.

use super::compose::{ComposeError, Rendered, compose};
use super::config::PilotConfig;
use super::message::{Changed, message};
use crate::fleet::guard::{Refused, judge};
use crate::fleet::{AppState, FleetView, ReadFleetError};
use jiff::Timestamp;
use shipper_core::AppKey;
use shipper_core::plan::AppPlan;
use shipper_core::state::{FleetState, StateObject, paths};
use shipper_git::{
    CommitMeta, Identity, Oid, PushOutcome, RemoteConfig, RemoteError, Signer, Store, StoreError,
};
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

/// Why nothing could be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Compose(#[from] ComposeError),
    #[error(transparent)]
    Read(#[from] ReadFleetError),
    #[error("the state is not known; look at the repository first")]
    Blind,
}

/// How long the server asks to wait.
pub(super) fn retry_after(error: &StoreError) -> Option<Duration> {
    match error {
        StoreError::Remote(RemoteError::RateLimited { retry_after, .. }) => *retry_after,
        _ => None,
    }
}

/// What became of a write.
#[derive(Debug)]
pub(super) enum Wrote {
    /// Everything stands in Git already.
    Nothing,
    Pushed {
        commit: Oid,
        changed: Vec<Changed>,
    },
    LostRace {
        detail: String,
    },
    Refused {
        detail: String,
    },
    /// The connection failed while pushing: the next look tells whether it arrived.
    Unsure {
        commit: Oid,
        changed: Vec<Changed>,
        error: StoreError,
    },
}

/// One application to write.
pub(super) struct Work {
    pub(super) app: AppKey,
    pub(super) plan: AppPlan,
    pub(super) rendered: Rendered,
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
            config,
            main,
            state,
            view: FleetView::default(),
            dirty: BTreeSet::new(),
            last_main: None,
            last_state: None,
            judged: None,
            accepted: None,
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

    /// Whether the next commit is to be made even if nothing differs.
    fn must_write(&self) -> bool {
        self.supersedes.is_some() || (self.accepted.is_some() && self.source() != self.last_main)
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
                Some(Ok(known)) => self.known = Some(known.clone()),
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

    /// What `state.yaml` says, or nothing before the first commit.
    pub(super) fn fleet_state(&self) -> FleetState {
        match self.view.records().fleet() {
            Some(Ok(state)) => state.clone(),
            _ => FleetState::default(),
        }
    }

    /// The fleet state of the next commit.
    fn next_state(&self, source: Oid) -> FleetState {
        let present = self.fleet_state();
        let (epoch, generation, supersedes) = match &self.supersedes {
            None => (present.epoch.max(1), present.generation, None),
            Some((commit, known)) => (
                present.epoch.max(known.epoch) + 1,
                present.generation.max(known.generation),
                Some(commit.to_string()),
            ),
        };
        FleetState { epoch, generation: generation + 1, source: source.to_string(), supersedes }
    }

    /// Writes all differences in one commit and moves the branch, if it is still where it was read.
    pub(super) fn write(&mut self, work: &[Work], now: Timestamp) -> Result<Wrote, WriteError> {
        let Some(source) = self.view.branches().main else { return Err(WriteError::Blind) };
        let base = self.view.branches().state;
        let store = self.state.as_ref().unwrap_or(&self.main);
        let mut builder = store.commit_on(base)?;
        let nothing = AppState::default();
        let mut changed = Vec::new();
        for Work { app, plan, rendered } in work {
            let state = self.view.records().app(app).unwrap_or(&nothing);
            let difference = compose(&mut builder, app, state, plan, rendered)?;
            if difference != super::compose::Difference::default() {
                let events = plan.events.clone();
                changed.push(Changed { app: app.clone(), events, targets: difference.targets });
            }
        }
        if changed.is_empty() && !self.must_write() {
            return Ok(Wrote::Nothing);
        }
        let state = self.next_state(source);
        let yaml = state
            .to_yaml()
            .map_err(|source| ComposeError::Yaml { path: paths::FLEET_STATE.to_owned(), source })?;
        builder.put(paths::FLEET_STATE, &yaml).map_err(ComposeError::from)?;
        let meta = self.meta(message(&changed, &state), now);
        let signer = self.config.signer.as_deref().map(|signer| signer as &dyn Signer);
        let Some(commit) = builder.commit(&meta, signer).map_err(ComposeError::from)? else {
            return Ok(Wrote::Nothing);
        };
        if let Some(hook) = &self.config.before_push {
            hook();
        }
        match store.push(&self.config.state_branch, commit, base) {
            Ok(PushOutcome::Pushed) => {
                self.pushed(commit)?;
                Ok(Wrote::Pushed { commit, changed })
            }
            Ok(PushOutcome::LostRace { detail }) => Ok(Wrote::LostRace { detail }),
            Ok(PushOutcome::Refused { detail }) => Ok(Wrote::Refused { detail }),
            Err(error) => Ok(Wrote::Unsure { commit, changed, error }),
        }
    }

    fn pushed(&mut self, commit: Oid) -> Result<(), ReadFleetError> {
        (self.accepted, self.supersedes) = (None, None);
        let store = self.state.as_ref().unwrap_or(&self.main);
        self.view.follow_state(store, Some(commit))?;
        self.last_state = Some(commit);
        self.known = Some(self.fleet_state());
        Ok(())
    }

    fn meta(&self, message: String, now: Timestamp) -> CommitMeta {
        let identity = Identity {
            name: self.config.author_name.clone(),
            email: self.config.author_email.clone(),
            seconds: now.as_second(),
            offset_minutes: 0,
        };
        CommitMeta { author: identity.clone(), committer: identity, message }
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
