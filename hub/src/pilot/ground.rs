//! What a decision on one application rests on, put before the planner: by the loop, and by whoever asks what it would decide.

use super::renders::Renders;
use crate::fleet::{AppState, FleetView};
use jiff::Timestamp;
use shipper_core::condition::{Condition, ConditionType, Reason, Status};
use shipper_core::plan::{Absence, AppInput, Intent, Room};
use shipper_core::report::AppReport;
use shipper_core::resources::Resources;
use shipper_core::status::Liveness;
use shipper_core::{AppKey, ClusterName};
use std::collections::BTreeMap;

/// Everything that a decision on one application rests on.
pub(super) struct Ground<'a> {
    pub(super) view: &'a FleetView,
    pub(super) renders: &'a Renders,
    pub(super) intent: Option<&'a Intent>,
    pub(super) absence: Option<&'a Absence>,
    pub(super) now: Timestamp,
    pub(super) reports: &'a BTreeMap<ClusterName, AppReport>,
    pub(super) liveness: &'a BTreeMap<ClusterName, Liveness>,
    /// What is free in clusters and promised to nobody.
    pub(super) free: &'a BTreeMap<ClusterName, Resources>,
}

impl Ground<'_> {
    /// Asks the planner.
    pub(super) fn ask<T>(&self, app: &AppKey, planner: impl FnOnce(&AppInput<'_>) -> T) -> T {
        let Self { view, renders, .. } = self;
        let nothing = AppState::default();
        let state = view.records().app(app).unwrap_or(&nothing);
        let mut reading = view.reading(app);
        reading.extend(renders.waiting(app).map(|message| {
            Condition::new(ConditionType::Rendered, Status::False, Reason::ChartUnavailable, message)
        }));
        let source = view.branches().main.map(|oid| oid.to_string()).unwrap_or_default();
        planner(&AppInput {
            application: app,
            now: self.now,
            source: &source,
            intent: self.intent,
            absence: self.absence,
            reading: &reading,
            fleet: view.objects().fleet(),
            record: state.record.as_ref(),
            releases: &state.releases,
            targets: &state.targets,
            reports: self.reports,
            liveness: self.liveness,
            manifests: &renders.at_hand(app, state),
            room: Room { free: self.free, requests: &renders.requests(app) },
        })
    }
}
