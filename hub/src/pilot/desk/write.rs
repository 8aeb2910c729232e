//! Writing: all differences in one commit, pushed as a compare-and-swap.

use super::super::compose::{ComposeError, Difference, Rendered, compose};
use super::super::deeds::deeds;
use super::super::measured::measured;
use super::super::message::{Changed, News, message};
use super::Desk;
use super::history::{STATE_PIN, remember};
use crate::details::Commits;
use crate::fleet::{AppState, ReadFleetError};
use jiff::{SignedDuration, Timestamp};
use shipper_core::AppKey;
use shipper_core::plan::AppPlan;
use shipper_core::state::{AppRecord, FleetState, StateObject, paths};
use shipper_git::{CommitBuilder, CommitMeta, Identity, Oid, PushOutcome, Signer, StoreError};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How far the counters of targets are raised by a hub that takes over from a history that is lost: more than any application can have
/// used in it.
const LEAP: u64 = 1_000_000;

/// Why nothing could be written.
#[derive(Debug, thiserror::Error)]
pub(in crate::pilot) enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Compose(#[from] ComposeError),
    #[error(transparent)]
    Read(#[from] ReadFleetError),
    #[error("the state is not known; look at the repository first")]
    Blind,
}

/// What became of a write.
#[derive(Debug)]
pub(in crate::pilot) enum Wrote {
    /// Everything stands in Git already.
    Nothing,
    Pushed {
        commit: Oid,
        news: News,
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
        news: News,
        error: StoreError,
    },
}

/// One application to write.
pub(in crate::pilot) struct Work {
    pub(in crate::pilot) app: AppKey,
    pub(in crate::pilot) plan: AppPlan,
    pub(in crate::pilot) rendered: Rendered,
}

impl Desk {
    /// What `state.yaml` says, or nothing before the first commit.
    pub(in crate::pilot) fn fleet_state(&self) -> FleetState {
        match self.view.records().fleet() {
            Some(Ok(state)) => state.clone(),
            _ => FleetState::default(),
        }
    }

    /// The fleet state of the next commit, by a hub on this store.
    fn next_state(&self, source: Oid, own: &str) -> FleetState {
        let present = self.fleet_state();
        let from_another = present.store.as_deref().is_some_and(|store| store != own);
        let (epoch, generation, supersedes) = match &self.supersedes {
            // Every commit of an epoch says it: an agent may have missed the first.
            None => {
                let epoch = present.epoch.max(1) + u64::from(from_another);
                (epoch, present.generation, present.supersedes)
            }
            Some((commit, known)) => (
                present.epoch.max(known.epoch) + 1,
                present.generation.max(known.generation),
                Some(commit.to_string()),
            ),
        };
        FleetState {
            epoch,
            generation: generation + 1,
            store: Some(own.to_owned()),
            source: source.to_string(),
            supersedes,
            removed_clusters: self.removed_clusters.clone(),
        }
    }

    /// The first commit of an epoch that does not descend from what was in force: it says so, and raises every counter of targets above
    /// what may have been used in the history that is lost, so that no report from there is ever taken for one on a target of this one.
    fn take_over(&self, builder: &mut CommitBuilder) -> Result<(), ComposeError> {
        for (app, state) in self.view.records().apps() {
            let Some(record) = &state.record else { continue };
            let record = AppRecord { target_generation: record.target_generation + LEAP, ..record.clone() };
            let path = paths::app_record(app);
            match record.to_yaml() {
                Ok(bytes) => builder.put(&path, &bytes)?,
                Err(source) => return Err(ComposeError::Yaml { path, source }),
            };
        }
        Ok(())
    }

    /// Writes all differences in one commit and moves the branch, if it is still where it was read.
    /// `own` is the store of this hub, which the commit names [A6].
    pub(in crate::pilot) fn write(
        &mut self,
        work: &[Work],
        now: Timestamp,
        own: &str,
    ) -> Result<Wrote, WriteError> {
        let began = Instant::now();
        let Some(source) = self.view.branches().main else { return Err(WriteError::Blind) };
        let clusters = self.cluster_events();
        let base = self.view.branches().state;
        let store = self.state.as_ref().unwrap_or(&self.main);
        let mut builder = store.commit_on(base)?;
        let nothing = AppState::default();
        let (mut changed, mut known) = (Vec::new(), Commits::of(&self.main));
        let takes_over = self.supersedes.is_some();
        if takes_over {
            // What was planned was planned on the counters as they were: it is planned again after this.
            self.take_over(&mut builder)?;
            self.dirty.extend(work.iter().map(|work| work.app.clone()));
        }
        for Work { app, plan, rendered } in work.iter().filter(|_| !takes_over) {
            let state = self.view.records().app(app).unwrap_or(&nothing);
            let difference = compose(&mut builder, app, state, plan, rendered)?;
            if difference != Difference::default() {
                let (app, events) = (app.clone(), plan.events.clone());
                let asked: BTreeSet<&str> =
                    events.iter().filter_map(|event| event.commit.as_deref()).collect();
                let commits = asked.into_iter().map(|id| known.get(id)).collect();
                let deeds = deeds(state, plan, now, &self.main);
                let measured = measured(&app, state, plan, now);
                changed.push(Changed { app, events, commits, targets: difference.targets, deeds, measured });
            }
        }
        let news = News { changed, clusters };
        if news.changed.is_empty() && news.clusters.is_empty() && !self.must_write(own) {
            self.trail.forget();
            return Ok(Wrote::Nothing);
        }
        let state = self.next_state(source, own);
        let yaml = state
            .to_yaml()
            .map_err(|source| ComposeError::Yaml { path: paths::FLEET_STATE.to_owned(), source })?;
        builder.put(paths::FLEET_STATE, &yaml).map_err(ComposeError::from)?;
        let trace = self.trail.begin(now);
        let meta = self.meta(message(&news, &state, trace.as_deref()), now);
        let signer = self.config.signer.as_deref().map(|signer| signer as &dyn Signer);
        let Some(commit) = builder.commit(&meta, signer).map_err(ComposeError::from)? else {
            return Ok(Wrote::Nothing);
        };
        tracing::debug!(%commit, "composed");
        if let Some(hook) = &self.config.before_push {
            hook();
        }
        let pushing = began.elapsed();
        let outcome = store.push(&self.config.state_branch, commit, base);
        let at = |since: Duration| {
            SignedDuration::try_from(since).ok().and_then(|since| now.checked_add(since).ok())
        };
        let times = (at(pushing).unwrap_or(now), at(began.elapsed()).unwrap_or(now));
        let told = match &outcome {
            Ok(PushOutcome::Pushed) => Ok(commit),
            Ok(PushOutcome::LostRace { detail } | PushOutcome::Refused { detail }) => Err(detail.clone()),
            Err(error) => Err(error.to_string()),
        };
        self.trail.end(times, told, news.changed.iter().map(|one| &one.app));
        match outcome {
            Ok(PushOutcome::Pushed) => {
                self.pushed(commit, takes_over)?;
                Ok(Wrote::Pushed { commit, news })
            }
            Ok(PushOutcome::LostRace { detail }) => Ok(Wrote::LostRace { detail }),
            Ok(PushOutcome::Refused { detail }) => Ok(Wrote::Refused { detail }),
            Err(error) => Ok(Wrote::Unsure { commit, news, error }),
        }
    }

    fn pushed(&mut self, commit: Oid, takes_over: bool) -> Result<(), ReadFleetError> {
        (self.accepted, self.supersedes, self.turned) = (None, None, false);
        let store = self.state.as_ref().unwrap_or(&self.main);
        let dirty = self.view.follow_state(store, Some(commit))?;
        if takes_over {
            self.dirty.extend(dirty);
        }
        remember(store, STATE_PIN, commit);
        self.compared.moved_to(commit);
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

    /// Whether the next commit is to be made even if nothing differs.
    fn must_write(&self, own: &str) -> bool {
        let turned = self.turned || self.accepted.is_some();
        let present = self.fleet_state();
        self.supersedes.is_some()
            || present.store.is_some_and(|store| store != own)
            || (turned && self.source() != self.last_main)
            || self.removed_clusters != present.removed_clusters
    }
}
