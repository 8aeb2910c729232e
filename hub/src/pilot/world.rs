//! Everything the loop owns that a cycle works on: the repository, renderings, charts. It goes to a thread that may block
//! and comes back.

use super::desk::{Desk, LookError, Work, WriteError, Wrote};
use super::ground::Ground;
use super::input::job;
use super::lookups::Lookups;
use super::missing::Missing;
use super::portion::Portions;
use super::promised::Promised;
use super::renders::{Allowed, Job, Renders};
use crate::details::Details;
use crate::fleet::{AppState, chart_to_resolve, chart_without_record, resolve};
use crate::images::ImageCache;
use crate::questions::Decided;
use crate::rendered::{self, Renderings, Wanted};
use crate::shared::Shared;
use jiff::{SignedDuration, Timestamp};
use shipper_core::intent::Chart;
use shipper_core::plan::{Absence, AppInput, AppPlan, Intent, plan, why};
use shipper_core::standing::Standing;
use shipper_core::status::{ApplicationStatus, Liveness};
use shipper_core::why::Why;
use shipper_core::{AppKey, ClusterName};
use shipper_git::{Ancestry, Oid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// When an application whose files could not be read is planned again.
const DAMAGED: SignedDuration = SignedDuration::from_secs(1);

/// What planning brought.
#[derive(Default)]
pub(super) struct Planned {
    /// To be written.
    pub(super) work: Vec<Work>,
    /// To be rendered.
    pub(super) jobs: Vec<Job>,
    /// To be looked up.
    pub(super) lookups: Vec<(AppKey, Chart)>,
    /// To be told although nothing is written.
    pub(super) statuses: Vec<ApplicationStatus>,
    /// When to plan again.
    pub(super) timers: Vec<(AppKey, Option<Timestamp>)>,
    /// Nothing is known of these any more.
    pub(super) forgotten: Vec<AppKey>,
    /// The copy of the repository is damaged; the next look heals it.
    pub(super) damaged: bool,
}

/// Everything a cycle works on.
pub(super) struct World {
    pub(super) desk: Desk,
    pub(super) renders: Renders,
    pub(super) lookups: Lookups,
    pub(super) portions: Portions,
    promised: Promised,
    shared: Arc<Shared>,
    /// How long an application waits to be written while something of it is rendered.
    patience: Duration,
    /// Since when.
    waiting: BTreeMap<AppKey, Timestamp>,
    /// What is missing on `main`, with nothing decided on it.
    pub(super) missing: Missing,
    /// What is known of those that are missing.
    absences: BTreeMap<AppKey, Absence>,
    /// The commit of `main` that was last planned on.
    planned_on: Option<Oid>,
    /// Images of releases that pages asked for.
    images: ImageCache,
}

impl World {
    pub(super) fn new(desk: Desk, shared: Arc<Shared>, patience: Duration) -> Self {
        Self {
            desk,
            renders: Renders::default(),
            lookups: Lookups::default(),
            portions: Portions::default(),
            promised: Promised::default(),
            shared,
            patience,
            waiting: BTreeMap::new(),
            missing: Missing::default(),
            absences: BTreeMap::new(),
            planned_on: None,
            images: ImageCache::default(),
        }
    }

    /// Looks at the repository.
    pub(super) fn look(&mut self) -> Result<(), LookError> {
        let (began, since) = (std::time::Instant::now(), self.shared.clock.now());
        let looked = self.desk.look(&self.shared.agents.commits(), &self.shared.tokens.clusters());
        self.shared.metrics.fetch_duration.observe(began.elapsed().as_secs_f64());
        self.desk.trail.part("read", (since, self.shared.clock.now()), None);
        tracing::debug!(count = self.desk.dirty.len(), "looked at the repository");
        looked
    }

    /// Writes what differs.
    pub(super) fn write(&mut self, work: &[Work], now: Timestamp) -> Result<Wrote, WriteError> {
        let began = std::time::Instant::now();
        let wrote = self.desk.write(work, now, self.shared.stand.own())?;
        if !matches!(wrote, Wrote::Nothing) {
            self.shared.metrics.push_duration.observe(began.elapsed().as_secs_f64());
        }
        Ok(wrote)
    }

    /// Whether this hub may plan and write, by what the state branch says now [A6].
    pub(super) fn standing(&self) -> Standing {
        let acting = self.desk.fleet_state().store;
        self.shared.stand.judge(acting.as_deref(), self.desk.view().objects().fleet().clusters.keys())
    }

    /// Every application that there is, on `main` or in the records.
    pub(super) fn all(&self) -> BTreeSet<AppKey> {
        let view = self.desk.view();
        let on_main = view.objects().applications().map(|(app, _)| app.clone());
        on_main.chain(view.records().apps().map(|(app, _)| app.clone())).collect()
    }

    /// The applications that have a target in one of the clusters.
    pub(super) fn in_clusters(&self, clusters: &BTreeSet<ClusterName>) -> BTreeSet<AppKey> {
        if clusters.is_empty() {
            return BTreeSet::new();
        }
        let concerned = |state: &AppState| state.targets.keys().any(|cluster| clusters.contains(cluster));
        let apps = self.desk.view().records().apps();
        apps.filter(|(_, state)| concerned(state)).map(|(app, _)| app.clone()).collect()
    }

    /// Plans the applications, one by one.
    pub(super) fn plan(&mut self, apps: &BTreeSet<AppKey>) -> Planned {
        let heartbeats = &self.shared.heartbeats;
        heartbeats.expect_all(self.desk.view().objects().fleet().clusters.keys());
        let liveness = heartbeats.liveness(Instant::now());
        self.promised.look(&self.shared.agents);
        let mut planned = Planned::default();
        let apps = &self.with_missing(apps);
        for app in apps {
            let (began, since) = (std::time::Instant::now(), self.shared.clock.now());
            self.plan_one(app, &liveness, &mut planned);
            self.shared.metrics.plan_duration.observe(began.elapsed().as_secs_f64());
            self.desk.trail.part("plan", (since, self.shared.clock.now()), Some(app));
        }
        tracing::debug!(count = apps.len(), "planned");
        planned
    }

    /// The applications with those that are missing, where one of them changes what becomes of the others.
    fn with_missing(&mut self, apps: &BTreeSet<AppKey>) -> BTreeSet<AppKey> {
        let view = self.desk.view();
        let before = self.missing.clone();
        for app in apps {
            let record = view.records().app(app).and_then(|state| state.record.as_ref()?.missing.as_ref());
            if view.is_missing(app) && record.is_none_or(|missing| missing.removal.is_none()) {
                self.missing.applications.insert(app.clone());
            } else {
                self.missing.applications.remove(app);
            }
        }
        self.missing.clusters.clone_from(view.objects().missing_clusters());
        let main = view.branches().main;
        let news = self.missing != before || self.planned_on != main;
        self.planned_on = main;
        let others = news.then_some(&self.missing.applications).into_iter().flatten();
        apps.iter().chain(others).cloned().collect()
    }

    /// What is to be known of an application whose file is gone.
    fn absence(&mut self, app: &AppKey) -> Option<Absence> {
        if !self.desk.view().is_missing(app) {
            return None;
        }
        let confirmed = self.desk.confirmed(app).unwrap_or_else(|error| {
            tracing::warn!(application = %app, %error, "the history of main cannot be searched now");
            None
        });
        let others = self.missing.len() - usize::from(self.missing.applications.contains(app));
        Some(Absence { confirmed: confirmed.map(|commit| commit.to_string()), others })
    }

    fn plan_one(&mut self, app: &AppKey, liveness: &BTreeMap<ClusterName, Liveness>, planned: &mut Planned) {
        match self.absence(app) {
            Some(absence) => drop(self.absences.insert(app.clone(), absence)),
            None => drop(self.absences.remove(app)),
        }
        let (view, now) = (self.desk.view(), Instant::now());
        if view.is_forgotten(app) {
            self.waiting.remove(app);
            self.promised.forget(app);
            planned.timers.push((app.clone(), None));
            planned.forgotten.push(app.clone());
            return;
        }
        let nothing = AppState::default();
        let state = view.records().app(app).unwrap_or(&nothing);
        if let Some((path, reason)) = state.unreadable.first_key_value() {
            tracing::error!(application = %app, path, error = reason, "a record cannot be read; the application is left as it is");
            return;
        }
        if let Some(chart) = chart_to_resolve(view, app, &self.lookups.pins)
            && self.lookups.start(chart, app, now)
        {
            planned.lookups.push((app.clone(), chart.clone()));
        }
        self.lookups.tidy(app, chart_without_record(view, app));
        let intent = resolve(view, app, &self.lookups.pins);
        let allowed = intent.as_ref().map(Allowed::by);
        if let Some(allowed) = allowed {
            self.renders.under(app, allowed);
        }
        let time = self.shared.clock.now();
        let source = view.branches().main.map(|oid| oid.to_string()).unwrap_or_default();
        let mut plan = self.decide(app, intent.as_ref(), time, liveness, plan);
        self.promised.planned(app, &plan, &self.shared.reports.for_app(app));
        self.renders.tidy(app, state, &plan);
        if let (Some(intent), Some(allowed)) = (&intent, allowed) {
            for need in &plan.renders {
                let variant = (need.release.name.clone(), need.variant.clone());
                if !self.renders.start(app, &variant, allowed, now) {
                    continue;
                }
                match job(view, self.desk.main_store(), app, &intent.application, need, allowed) {
                    Ok(job) => planned.jobs.push(job),
                    // The store is damaged and heals itself with the next look.
                    Err(error) => {
                        tracing::warn!(application = %app, %error, "the files of a release cannot be read now");
                        self.renders.forget(app, &variant);
                        planned.damaged = true;
                    }
                }
            }
        }
        stamp(&mut plan, self.shared.statuses.get(app).as_deref(), time, &source);
        let soon = planned.damaged.then(|| time.checked_add(DAMAGED).unwrap_or(time));
        let held = self.held(app, &plan, time);
        planned.timers.push((app.clone(), [plan.wake_at, held, soon].into_iter().flatten().min()));
        if held.is_some() {
            planned.statuses.push(plan.status);
        } else {
            let rendered = self.renders.rendered(app);
            planned.work.push(Work { app: app.clone(), plan, rendered });
        }
    }

    /// Asks the planner with everything that is known of an application.
    fn decide<T>(
        &self,
        app: &AppKey,
        intent: Option<&Intent>,
        now: Timestamp,
        liveness: &BTreeMap<ClusterName, Liveness>,
        planner: impl FnOnce(&AppInput<'_>) -> T,
    ) -> T {
        let ground = Ground {
            view: self.desk.view(),
            renders: &self.renders,
            intent,
            absence: self.absences.get(app),
            now,
            reports: &self.shared.reports.for_app(app),
            liveness,
            free: self.promised.free(),
        };
        ground.ask(app, planner)
    }

    /// Why the application is as it is: what would be decided at this moment, and on what; `None` = it is not known. Nothing is
    /// written and nothing started.
    pub(super) fn why(&self, app: &AppKey) -> Option<Why> {
        let view = self.desk.view();
        if view.is_forgotten(app) || view.records().app(app).is_some_and(|state| !state.unreadable.is_empty())
        {
            return None;
        }
        let intent = resolve(view, app, &self.lookups.pins);
        let liveness = self.shared.heartbeats.liveness(Instant::now());
        // Taken before the reports are: what these say came with that report, or after it.
        let sources = self.shared.agents.sources();
        let (_, mut why) = self.decide(app, intent.as_ref(), self.shared.clock.now(), &liveness, why);
        why.cite(|cluster| sources.get(cluster).cloned());
        Some(why)
    }

    /// Whether every plan of an application since the last look rests on a commit, or one that descends from it.
    pub(super) fn decided(&self, asked: &Decided) -> bool {
        let main = self.desk.view().branches().main;
        let known = main.map(|main| self.desk.main_store().is_ancestor(asked.commit, main));
        let read = matches!(known, Some(Ok(Ancestry::Same | Ancestry::Descendant)));
        read && !self.desk.dirty.contains(&asked.application)
    }

    /// What the records hold of the application; `None` = it is not known.
    pub(super) fn details(&mut self, app: &AppKey) -> Option<Details> {
        let state = self.desk.view().records().app(app)?;
        let mut details = Details::of(state, self.desk.main_store());
        if let (Some(status), Some(branch)) = (self.shared.statuses.get(app), self.desk.state_branch()) {
            let compared = status.contender.iter().chain(&status.incumbent);
            let images =
                compared.filter_map(|name| Some((name.clone(), self.images.of(app, name, state, &branch)?)));
            details.images = images.collect();
        }
        Some(details)
    }

    /// What was rendered of releases; `None` = the application is not known.
    pub(super) fn rendered(&self, wanted: &Wanted) -> Option<Renderings> {
        let state = self.desk.view().records().app(&wanted.application)?;
        Some(rendered::read(wanted, state, &self.desk.state_branch()?))
    }

    /// Until when the application waits for what is being rendered, so that one commit has it all; `None` = it does not.
    fn held(&mut self, app: &AppKey, plan: &AppPlan, now: Timestamp) -> Option<Timestamp> {
        if plan.renders.is_empty() {
            self.waiting.remove(app);
            return None;
        }
        let since = *self.waiting.entry(app.clone()).or_insert(now);
        let patience = SignedDuration::try_from(self.patience).unwrap_or(SignedDuration::ZERO);
        let until = since.checked_add(patience).unwrap_or(now);
        (until > now).then_some(until)
    }
}

/// Fills in when each condition last changed, and on which commit it was judged.
fn stamp(plan: &mut AppPlan, last: Option<&ApplicationStatus>, now: Timestamp, source: &str) {
    for condition in &mut plan.status.conditions {
        let before = last
            .and_then(|last| last.conditions.iter().find(|c| c.kind == condition.kind))
            .filter(|before| before.status == condition.status)
            .and_then(|before| before.last_transition_time);
        condition.last_transition_time = Some(before.unwrap_or(now));
        condition.observed_revision = Some(source.to_owned());
    }
}
