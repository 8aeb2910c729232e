//! The rounds of an application: it is taken, decided on as often as there is something to do, and rests.

use super::told::tell_met;
use super::{App, Inner, State, foreign, held, unlistable};
use jiff::{SignedDuration, Timestamp};
use shipper_core::AppKey;
use shipper_core::converge::{Action, Wanted, applyset_id, converge};
use shipper_core::report::AppReport;
use std::sync::Arc;

/// Watch events of one application within this time are answered by one look.
const COALESCE: SignedDuration = SignedDuration::from_millis(5);

/// What is to be done for an application now.
pub struct Round {
    /// Of the target that it is for.
    pub version: u64,
    /// What to do; empty = look again at `wake_at`.
    pub actions: Vec<Action>,
    /// When to look again.
    pub wake_at: Option<Timestamp>,
}

impl State {
    /// Takes applications that are to be looked at now, at most `most`; and when the next one is due.
    pub fn take_ready(&self, most: usize) -> (Vec<AppKey>, Option<Timestamp>) {
        let mut ready = Vec::new();
        if most == 0 {
            return (ready, None);
        }
        let now = self.clock.now();
        let mut inner = self.lock();
        let Inner { apps, agenda, seen, inventories, .. } = &mut *inner;
        while ready.len() < most
            && let Some(key) = agenda.take(now)
        {
            let Some(app) = apps.get_mut(&key) else { continue };
            // A tombstone is judged on what was there, which the inventory alone tells.
            let inventory = || inventories.get(&applyset_id(&key)).is_none_or(|kinds| kinds.is_subset(seen));
            // Those that wait for a kind to be listed are woken when it is.
            if !app.running && app.kinds.is_subset(seen) && (!is_tombstone(app) || inventory()) {
                app.running = true;
                ready.push(key);
            }
        }
        (ready, agenda.next())
    }

    /// Decides what is to be done for an application; `None` = it is not asked for any more.
    pub fn round(&self, key: &AppKey) -> Option<Round> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let Inner { index, apps, news, unlistable, inventories, .. } = &mut *inner;
        let app = apps.get_mut(key)?;
        app.dirty = false;
        unlistable::hold(unlistable, index, key, app, now);
        let observed = index.observed(key)?;
        let wanted = Wanted { target: &app.target.target, manifests: &app.target.manifests };
        let mut convergence = converge(wanted, observed, now);
        convergence.report.analysis.clone_from(&app.measured);
        if is_tombstone(app) {
            unlistable::unseen(unlistable, inventories.get(&applyset_id(key)), &mut convergence.report);
        }
        if let Some((since, begun)) = app.unmet.take_if(|_| is_met(&convergence.report)) {
            let took = now.duration_since(since).as_secs_f64();
            self.metrics.target_duration.observe(took);
            tell_met(key, app, took);
            begun.into_iter().for_each(|begun| begun.end(now.into()));
        }
        if app.report.as_ref().is_none_or(|(report, _)| **report != convergence.report) {
            *news += 1;
            app.report = Some((Arc::new(convergence.report), *news));
            self.news.notify_one();
        }
        let look_at = foreign::look_for(app, convergence.look_for, now);
        let mut actions = convergence.actions;
        let try_at = held::hold_back(app, &mut actions, now);
        let wake_at = [convergence.wake_at, look_at, try_at].into_iter().flatten().min();
        Some(Round { version: app.version, actions, wake_at })
    }

    /// Work on an application ends for now.
    pub fn rest(&self, key: &AppKey, wake_at: Option<Timestamp>) {
        let now = self.clock.now();
        let mut inner = self.lock();
        let Inner { apps, agenda, .. } = &mut *inner;
        if let Some(app) = apps.get_mut(key) {
            app.running = false;
            app.rest_until = now.saturating_add(COALESCE).unwrap_or(now);
            if let Some(at) = if app.dirty { Some(app.rest_until) } else { wake_at } {
                agenda.ask(key, at);
            }
        }
        self.work.notify_one();
    }

    /// Whether the target is still the one that an action was decided for [C9].
    pub fn is_current(&self, key: &AppKey, version: u64) -> bool {
        self.lock().apps.get(key).is_some_and(|app| app.version == version)
    }
}

fn is_tombstone(app: &App) -> bool {
    app.target.target.absent || app.target.target.releases.iter().any(|release| release.absent)
}

/// Whether everything is as the target asks.
fn is_met(report: &AppReport) -> bool {
    report.releases.iter().all(|release| {
        let there = release.installed && release.capacity.achieved;
        let gone = !release.present && release.capacity.desired == 0;
        gone || (there && release.traffic.as_ref().is_none_or(|traffic| traffic.achieved))
    })
}
