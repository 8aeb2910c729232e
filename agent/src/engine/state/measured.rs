//! What is to be measured for gates, and what was [A4].

use super::{App, State};
use jiff::Timestamp;
use shipper_core::report::{AnalysisReport, MeasureReport};
use shipper_core::state::TargetAnalysis;
use shipper_core::{AppKey, ReleaseName};
use std::collections::HashMap;
use std::sync::Arc;

impl State {
    /// What the targets ask to be measured.
    pub fn to_measure(&self) -> HashMap<AppKey, TargetAnalysis> {
        let inner = self.lock();
        let asked = inner
            .apps
            .iter()
            .filter_map(|(key, app)| Some((key.clone(), app.target.target.analysis.clone()?)));
        asked.collect()
    }

    /// Takes what one analysis of a run has measured so far; `false` = the run is over, and nothing is taken.
    pub fn measured(&self, key: &AppKey, run: (&ReleaseName, Timestamp), measure: MeasureReport) -> bool {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let Some(app) = inner.apps.get_mut(key) else { return false };
        let wanted = app.target.target.analysis.as_ref();
        if wanted.is_none_or(|wanted| (&wanted.release, wanted.run) != run) {
            return false;
        }
        let report = app.measured.get_or_insert_with(|| AnalysisReport {
            release: run.0.clone(),
            run: run.1,
            measures: Vec::new(),
        });
        match report.measures.iter_mut().find(|known| known.name == measure.name) {
            Some(known) => *known = measure,
            None => report.measures.push(measure),
        }
        // Before the first look there is no report yet; it will carry this.
        if let Some((report, change)) = &mut app.report {
            inner.news += 1;
            Arc::make_mut(report).analysis.clone_from(&app.measured);
            *change = inner.news;
            self.news.notify_one();
        }
        true
    }
}

/// Forgets what was measured for another run than the one that the target asks for.
pub(super) fn keep_run(app: &mut App) {
    let wanted = app.target.target.analysis.as_ref();
    let same = |seen: &AnalysisReport| wanted.is_some_and(|w| w.run == seen.run && w.release == seen.release);
    app.measured = app.measured.take().filter(same);
}
