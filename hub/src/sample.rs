//! Plans and records with nothing in them, for tests to fill in what they are about.

use jiff::Timestamp;
use serde_json::json;
use shipper_core::AppKey;
use shipper_core::few::Few;
use shipper_core::plan::AppPlan;
use shipper_core::state::ReleaseRecord;
use shipper_core::status::{ApplicationStatus, ClusterStatus, Waiting, WaitingFor};
use std::collections::BTreeMap;

/// An application without releases that waits for nothing.
pub(crate) fn status(app: &AppKey) -> ApplicationStatus {
    ApplicationStatus {
        application: app.clone(),
        contender: None,
        incumbent: None,
        releases: Vec::new(),
        waiting: Waiting { state: WaitingFor::None, message: String::new(), clusters: Vec::new() },
        clusters: Vec::new(),
        refused: Vec::new(),
        conditions: Vec::new(),
    }
}

/// A cluster that has the application, and leaves it at this stage, if it does.
pub(crate) fn cluster(name: &str, leaves: Option<&str>) -> ClusterStatus {
    let departure = leaves
        .map(|stage| json!({"why": "drained", "stage": stage, "message": "no cluster takes its place"}));
    serde_json::from_value(json!({
        "cluster": name, "liveness": "online", "targetGeneration": 1, "reportedGeneration": 1, "waiting": "none",
        "message": "", "releases": [], "problems": [], "unattended": false, "departure": departure,
    }))
    .unwrap()
}

/// The plan that decides nothing.
pub(crate) fn plan(app: &AppKey) -> AppPlan {
    AppPlan {
        record: None,
        releases: BTreeMap::new(),
        targets: Few::default(),
        renders: Vec::new(),
        status: status(app),
        events: Vec::new(),
        wake_at: None,
    }
}

/// A first release at its first step.
pub(crate) fn release(app: &AppKey) -> ReleaseRecord {
    let name = format!("{}-0a1b2c3d-0", app.name);
    serde_json::from_value(json!({
        "application": app, "name": name, "generation": 1, "environment": {}, "strategy": {"steps": []},
        "source": "", "created": Timestamp::UNIX_EPOCH,
        "position": {"step": 0, "name": "", "from": 0, "since": Timestamp::UNIX_EPOCH, "cause": "created"},
    }))
    .unwrap()
}
