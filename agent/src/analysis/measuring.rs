//! One analysis of one application: sample after sample, until enough have passed or one has failed.

use super::{AskError, Tools, ask};
use jiff::Timestamp;
use shipper_core::analysis::judge;
use shipper_core::intent::{Analysis, Measure, format_duration};
use shipper_core::report::{KEPT_SAMPLES, MeasureReport, Outcome, Sample};
use shipper_core::state::TargetAnalysis;
use shipper_core::{AppKey, ReleaseName};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Longest pause after a try without a sample.
const RETRY: Duration = Duration::from_secs(30);
/// What a Job may take longer than it is allowed to run: its pod has to be scheduled and its end to be seen.
const GRACE: Duration = Duration::from_secs(60);

/// An analysis that is under way.
pub(super) struct Measuring {
    pub(super) tools: Tools,
    pub(super) app: AppKey,
    pub(super) release: ReleaseName,
    pub(super) run: Timestamp,
    pub(super) analysis: Analysis,
    deadline: Duration,
    seen: MeasureReport,
    /// Since when there is no sample, while that is so.
    unknown_since: Option<Instant>,
}

impl Measuring {
    /// The analysis at `index` of those that a target asks for.
    pub(super) fn new(tools: Tools, app: AppKey, target: &TargetAnalysis, index: usize) -> Option<Self> {
        let analysis = target.measures.get(index)?.clone();
        Some(Self {
            tools,
            app,
            release: target.release.clone(),
            run: target.run,
            deadline: target.deadline_seconds.into(),
            seen: MeasureReport { name: analysis.name.clone(), ..MeasureReport::default() },
            analysis,
            unknown_since: None,
        })
    }

    /// Measures until there is nothing more to find out.
    pub(super) async fn run(mut self) {
        while !self.is_over() {
            self.pause().await;
            // Two agents of one cluster would measure for each other.
            self.tools.leadership.may_act().await;
            let (outcome, measured) = self.sample().await;
            self.note(outcome, measured);
            if !self.tools.state.measured(&self.app, (&self.release, self.run), self.seen.clone()) {
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.seen.failed > 0 || self.seen.overdue || self.seen.passed >= self.analysis.count
    }

    /// A sample speaks for the time before it; only a Job makes its own load.
    async fn pause(&self) {
        let interval = self.analysis.interval;
        match (&self.analysis.measure, self.unknown_since) {
            (_, Some(_)) => sleep(interval.min(RETRY)).await,
            (Measure::Job(_), None) => {}
            (Measure::Prometheus(_) | Measure::Http(_), None) => sleep(interval).await,
        }
    }

    async fn sample(&self) -> (Outcome, String) {
        let longest = match self.analysis.measure {
            Measure::Job(_) => self.analysis.timeout().saturating_add(GRACE),
            Measure::Prometheus(_) | Measure::Http(_) => self.analysis.timeout(),
        };
        let asked = match timeout(longest, ask::ask(self)).await {
            Ok(answer) => answer,
            Err(_) => Err(AskError::Timeout(format_duration(longest))),
        };
        match asked {
            Ok(reading) => judge(&self.analysis, &reading),
            Err(error) => (Outcome::Unknown, error.to_string()),
        }
    }

    fn note(&mut self, outcome: Outcome, measured: String) {
        tracing::debug!(application = %self.app, analysis = self.analysis.name, ?outcome, measured, "sample");
        self.tools.counts.count(outcome);
        let count = match outcome {
            Outcome::Passed => &mut self.seen.passed,
            Outcome::Failed => &mut self.seen.failed,
            Outcome::Unknown => &mut self.seen.unknown,
        };
        *count += 1;
        self.unknown_since =
            (outcome == Outcome::Unknown).then(|| self.unknown_since.unwrap_or_else(Instant::now));
        self.seen.overdue = self.unknown_since.is_some_and(|since| since.elapsed() >= self.deadline);
        self.seen.samples.push(Sample { at: self.tools.state.clock().now(), outcome, measured });
        let spare = self.seen.samples.len().saturating_sub(KEPT_SAMPLES);
        self.seen.samples.drain(..spare);
    }
}
