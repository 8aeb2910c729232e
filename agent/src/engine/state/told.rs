//! What is told of a target while it comes into force and is met: lines of the log, and spans of the commit's trace.

use super::{App, State};
use crate::targets::{AppTarget, Changes};
use jiff::Timestamp;
use shipper_core::AppKey;
use shipper_core::report::AppReport;
use shipper_telemetry::fields::{APPLICATION, COMMIT, GENERATION, RELEASE};
use shipper_telemetry::trace::{Begun, Parent};
use std::collections::BTreeSet;

/// The newest release of a target.
fn newest(target: &AppTarget) -> &str {
    target.target.releases.last().map_or("", |release| release.name.as_str())
}

/// A target comes into force.
pub(super) fn tell_target(key: &AppKey, target: &AppTarget, commit: &str) {
    let (release, generation) = (newest(target), target.target.generation);
    tracing::info!(application = %key, release, generation, commit, "a new target");
}

/// A target is met.
pub(super) fn tell_met(key: &AppKey, app: &App, took: f64) {
    let (release, generation) = (newest(&app.target), app.target.target.generation);
    tracing::info!(application = %key, release, generation, commit = app.commit, took, "the target is met");
}

impl State {
    /// The span of a target, from its coming into force until it is met or another takes its place.
    pub(super) fn begin(
        &self,
        key: &AppKey,
        target: &AppTarget,
        changes: &Changes,
        now: Timestamp,
    ) -> Option<Begun> {
        let mut begun = self.traces.begin("target", changes.trace.as_ref(), now.into())?;
        begun.say(APPLICATION, key.to_string());
        begun.say(RELEASE, newest(target).to_owned());
        begun.say(COMMIT, changes.commit.clone());
        begun.say(GENERATION, target.target.generation.cast_signed());
        Some(begun)
    }

    /// Tells what was done for an application since then.
    pub(crate) fn tell(
        &self,
        name: &'static str,
        app: &AppKey,
        since: Timestamp,
        attributes: impl IntoIterator<Item = (&'static str, String)>,
    ) {
        if self.traces.is_on() {
            let trace = self.lock().apps.get(app).and_then(|app| app.trace.clone());
            if let Some(trace) = trace {
                let times = (since.into(), self.clock().now().into());
                self.traces.tell(name, Some(&trace), times, attributes);
            }
        }
    }

    /// Tells that a report was stored which says how these targets are.
    pub(crate) fn tell_reported<'a>(&self, reports: impl Iterator<Item = &'a AppReport>, since: Timestamp) {
        if !self.traces.is_on() {
            return;
        }
        let traces: Vec<Parent> = {
            let inner = self.lock();
            let mut known = BTreeSet::new();
            let current = reports.filter_map(|report| {
                let app = inner.apps.get(&report.application)?;
                let current = report.target_generation == app.target.target.generation;
                app.trace.clone().filter(|trace| current && known.insert(trace.to_trailer()))
            });
            current.collect()
        };
        let times = (since.into(), self.clock().now().into());
        traces.iter().for_each(|trace| self.traces.tell("report", Some(trace), times, []));
    }
}
