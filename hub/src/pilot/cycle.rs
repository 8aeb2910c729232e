//! One turn of the loop.

use super::desk::{Desk, LookError, Work, Wrote, retry_after};
use super::lookups::look_up;
use super::message::News;
use super::wakes::Message;
use super::world::{Planned, World};
use super::{Held, Pilot};
use jiff::SignedDuration;
use shipper_core::AppKey;
use shipper_core::condition::{Reason, Status};
use shipper_git::{Oid, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What became of one turn on the thread that may block.
struct Turn {
    looked: Option<Result<(), LookError>>,
    /// `None` = nothing may be planned now.
    planned: Option<Planned>,
    /// Still to be planned.
    later: BTreeSet<AppKey>,
    /// The look brought something new.
    found: bool,
    stands_by: bool,
}

impl Pilot {
    /// Look, plan, write; whatever wakes the loop meanwhile is marked for the next turn.
    pub(super) async fn cycle(&mut self) {
        self.take_messages();
        let look = self.look && !self.looks.holds(Instant::now());
        self.look &= !look;
        let apps = std::mem::take(&mut self.wakes.marks.apps);
        let clusters = std::mem::take(&mut self.wakes.marks.clusters);
        self.dirty.extend(apps);
        let dirty = std::mem::take(&mut self.dirty);
        let (accepted, may_write) = (self.accepted, !self.pushes.holds(Instant::now()));
        let (stood_by, most) = (self.stands_by, self.config.turn);
        let turn = self
            .blocking(move |world| {
                let looked = look.then(|| world.look());
                let mut dirty = dirty;
                dirty.extend(world.in_clusters(&clusters));
                let follow = looked.as_ref().map_or(accepted, Result::is_ok);
                if !follow || !may_write {
                    return Turn { looked, planned: None, later: dirty, found: false, stands_by: stood_by };
                }
                let news = std::mem::take(&mut world.desk.dirty);
                let found = !news.is_empty();
                if !world.standing().may_act() {
                    // What was planned before rests on what another hub knows better; all of it is planned anew once this one acts.
                    return Turn { looked, planned: None, later: BTreeSet::new(), found, stands_by: true };
                }
                dirty.extend(news);
                if stood_by {
                    dirty.extend(world.all());
                }
                let (now, later) = world.portions.take(dirty, most);
                Turn { looked, planned: Some(world.plan(&now)), later, found, stands_by: false }
            })
            .await;
        let Some(Turn { looked, planned, later, found, stands_by }) = turn else { return };
        self.stands(stands_by);
        if let Some(looked) = looked {
            self.looked(looked, found);
        }
        let behind = !later.is_empty();
        self.dirty.extend(later);
        if let Some(planned) = planned {
            self.follow(planned).await;
        }
        if let Some(world) = self.world.0.as_deref() {
            if self.accepted {
                world.standing();
            }
            self.publisher.hub(&world.desk, &world.missing, behind);
        }
    }

    /// Where the hub stands now. What it said of applications while it acted is not true any more once others do.
    fn stands(&mut self, by: bool) {
        let before = std::mem::replace(&mut self.stands_by, by);
        if by && !before {
            tracing::warn!("the hubs of another database act; this one stands by");
            self.shared.statuses.clear();
        } else if before && !by {
            tracing::warn!("this hub acts from now on");
        }
    }

    fn take_messages(&mut self) {
        let now = Instant::now();
        let Some(world) = self.world.0.as_deref_mut() else { return };
        let mut again: Vec<(AppKey, Duration)> = Vec::new();
        for message in std::mem::take(&mut self.wakes.marks.messages) {
            match message {
                Message::Rendered(done, times) => {
                    let app = done.app.clone();
                    world.desk.trail.rendered(&app, times);
                    if let Some(wait) = world.renders.finish(*done, now) {
                        again.push((app.clone(), wait));
                    }
                    self.dirty.insert(app);
                }
                Message::LookedUp(found) => {
                    let (app, wait) = world.lookups.finish(*found, now);
                    again.extend(wait.map(|wait| (app.clone(), wait)));
                    self.dirty.insert(app);
                }
                Message::Accept(commit) => {
                    world.desk.accept(commit);
                    self.look = true;
                }
                Message::Asked(question) => {
                    // Who asked may have given up.
                    let _ = question.answer.send(world.why(&question.about));
                }
                Message::AskedDetails(question) => {
                    let _ = question.answer.send(world.details(&question.about));
                }
                Message::AskedRendered(question) => {
                    let _ = question.answer.send(world.rendered(&question.about));
                }
                Message::AskedDecided(question) => {
                    // What could not be written was not said either.
                    let open = self.dirty.contains(&question.about.application);
                    let _ = question.answer.send(Some(!open && world.decided(&question.about)));
                }
                Message::Changed => self.look = true,
            }
        }
        for (app, wait) in again {
            self.retry(&app, wait);
        }
    }

    fn retry(&mut self, app: &AppKey, wait: Duration) {
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        self.retries.set(app, self.shared.clock.now().checked_add(wait).ok());
    }

    fn looked(&mut self, looked: Result<(), LookError>, found: bool) {
        let now = Instant::now();
        self.accepted = looked.is_ok();
        self.poll.looked(now, found);
        match looked {
            Ok(()) => {
                self.publisher.refused(None);
                self.looks.succeeded();
                self.publisher.looked();
                if !self.pushes.holds(now) {
                    let message = "the history of main is followed".to_owned();
                    self.publisher.repository(Status::True, Reason::AsExpected, message);
                }
                self.settle_unsure();
            }
            Err(LookError::Refused(refused)) => {
                self.shared.metrics.failed_looks.inc();
                self.looks.succeeded();
                self.publisher.refused(refused.acceptable());
                self.publisher.repository(Status::False, Reason::HistoryRewritten, refused.to_string());
            }
            Err(LookError::Unreachable(error)) => {
                self.shared.metrics.failed_looks.inc();
                // What was read stays: it is as good as it was a moment ago, and a push tells.
                self.look = true;
                let wait = self.looks.failed(now, retry_after(&error));
                let message = format!("{error}; tried again in {wait:?}");
                self.publisher.repository(Status::False, Reason::RepositoryUnreachable, message);
            }
        }
    }

    /// A push whose answer was lost arrived after all.
    fn settle_unsure(&mut self) {
        let state = self.world.0.as_deref().and_then(|world| world.desk.view().branches().state);
        if let Some((commit, news)) = self.unsure.take()
            && state == Some(commit)
        {
            self.arrived(&news);
        }
    }

    async fn follow(&mut self, planned: Planned) {
        let Planned { work, jobs, lookups, statuses, timers, forgotten, damaged } = planned;
        self.look |= damaged;
        for job in jobs {
            let (renderer, charts) = (Arc::clone(&self.renderer), Arc::clone(&self.charts));
            let (sender, shared) = (self.wakes.sender(), Arc::clone(&self.shared));
            if let Some(world) = self.world.0.as_deref_mut() {
                world.desk.trail.renders();
            }
            tokio::spawn(async move {
                let (began, since) = (Instant::now(), shared.clock.now());
                let done = job.run(&renderer, &charts).await;
                shared.metrics.render_duration.observe(began.elapsed().as_secs_f64());
                let _ = sender.send(Message::Rendered(Box::new(done), (since, shared.clock.now())));
            });
        }
        for (app, chart) in lookups {
            let (charts, sender) = (Arc::clone(&self.charts), self.wakes.sender());
            tokio::spawn(async move {
                let found = look_up(app, chart, &charts).await;
                let _ = sender.send(Message::LookedUp(Box::new(found)));
            });
        }
        for (app, at) in timers {
            self.timers.set(&app, at);
        }
        statuses.into_iter().for_each(|status| self.shared.statuses.publish(status));
        forgotten.iter().for_each(|app| self.shared.statuses.remove(app));
        self.write(work).await;
    }

    async fn write(&mut self, work: Vec<Work>) {
        let now = self.shared.clock.now();
        let wrote = self.blocking(move |world| {
            let wrote = world.write(&work, now);
            (wrote, work)
        });
        let Some((wrote, work)) = wrote.await else { return };
        match wrote {
            Ok(Wrote::Nothing) => self.written(work),
            Ok(Wrote::Pushed { commit, news }) => {
                tracing::info!(%commit, count = news.changed.len(), "pushed");
                self.say(commit, &news);
                self.pushes.succeeded();
                self.races.succeeded();
                // What was rendered is committed, and a plan made before does not know what the commit says.
                self.dirty.extend(news.changed.iter().map(|one| one.app.clone()));
                self.arrived(&news);
                self.written(work);
            }
            Ok(Wrote::LostRace { detail }) => {
                tracing::info!(detail, "another writer was faster; reading and planning again");
                self.shared.metrics.lost_races.inc();
                self.races.failed(Instant::now(), None);
                self.again(work);
            }
            Ok(Wrote::Refused { detail }) => {
                let message =
                    format!("the server refuses the push to {}: {detail}", self.config.state_branch);
                self.push_failed(work, None, &message);
            }
            Ok(Wrote::Unsure { commit, news, error }) => {
                self.unsure = Some((commit, news));
                self.push_failed(work, retry_after(&error), &error.to_string());
            }
            Err(error) => self.push_failed(work, None, &error.to_string()),
        }
    }

    /// What a commit did, a line for each thing that happened to a release or a cluster.
    fn say(&self, commit: Oid, news: &News) {
        let Some(world) = self.world.0.as_deref() else { return };
        let revision = world.desk.fleet_state().source;
        for event in &news.clusters {
            tracing::info!(cluster = %event.cluster, %commit, revision, reason = %event.reason, "{}", event.message);
        }
        let changed = news.changed.iter();
        for (app, event) in changed.flat_map(|one| one.events.iter().map(|event| (&one.app, event))) {
            let reason = format!("{:?}", event.reason);
            tracing::info!(application = %app, release = %event.release, %commit, revision, reason, "{}", event.message);
        }
    }

    /// A commit of this hub stands in Git: it is told and counted, once, by this hub alone.
    fn arrived(&self, news: &News) {
        self.shared.metrics.pushes.inc();
        news.changed.iter().for_each(|one| self.shared.metrics.rollouts.count(&one.app, &one.deeds));
        self.publisher.log(news);
    }

    fn written(&mut self, work: Vec<Work>) {
        work.into_iter().for_each(|work| self.shared.statuses.publish(work.plan.status));
    }

    /// Nothing was written: look and plan again.
    fn again(&mut self, work: Vec<Work>) {
        self.dirty.extend(work.into_iter().map(|work| work.app));
        self.look = true;
    }

    fn push_failed(&mut self, work: Vec<Work>, asked: Option<Duration>, message: &str) {
        self.shared.metrics.failed_pushes.inc();
        let wait = self.pushes.failed(Instant::now(), asked);
        let message = format!("{message}; tried again in {wait:?}");
        self.publisher.repository(Status::False, Reason::RepositoryUnreachable, message);
        self.again(work);
    }

    /// Lends the world to a thread that may block, and marks what wakes the loop meanwhile. `None` if that went wrong,
    /// which is a bug: everything is then read anew.
    async fn blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut World) -> T + Send + 'static,
    ) -> Option<T> {
        let mut world = match self.world.0.take() {
            Some(world) => world,
            None => self.open_again().await?,
        };
        let mut running = tokio::task::spawn_blocking(move || {
            let result = work(&mut world);
            (Held(Some(world)), result)
        });
        let joined = loop {
            tokio::select! {
                joined = &mut running => break joined,
                () = self.wakes.next(None) => {}
            }
        };
        match joined {
            Ok((world, result)) => {
                self.world = world;
                Some(result)
            }
            Err(error) => {
                tracing::error!(%error, "a turn of the loop failed; everything is read anew");
                self.look = true;
                self.looks.failed(Instant::now(), None);
                None
            }
        }
    }

    async fn open_again(&mut self) -> Option<Box<World>> {
        let config = self.config.clone();
        let opened: Result<Result<Desk, StoreError>, _> =
            tokio::task::spawn_blocking(move || Desk::open(config)).await;
        match opened {
            Ok(Ok(desk)) => {
                Some(Box::new(World::new(desk, Arc::clone(&self.shared), self.config.render_patience)))
            }
            failed => {
                let error = failed.map(|opened| opened.err().map(|error| error.to_string()));
                tracing::error!(?error, "the copy of the repository cannot be opened");
                self.look = true;
                self.looks.failed(Instant::now(), None);
                None
            }
        }
    }
}
