//! What the records alone say of an application: for whoever cannot ask the hub, and has read its branch.

use super::version;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::plan::releases::next_name;
use crate::plan::roles;
use crate::state::{AppRecord, ReleaseRecord};
use crate::status::{ApplicationStatus, ReleaseStatus, Waiting, WaitingFor};

/// A status with releases, roles, and whether the hub took the newest one back; nothing of clusters, and nothing is waited for.
pub fn recorded(record: &AppRecord, releases: &[ReleaseRecord]) -> ApplicationStatus {
    let (contender, incumbent) = roles(releases).names();
    let mut all: Vec<ReleaseStatus> = releases.iter().map(|release| of(release, Some(record))).collect();
    all.sort_by_key(|release| std::cmp::Reverse(release.generation));
    let message = "the hub took it back";
    let taken_back = record
        .rolled_back
        .as_ref()
        .map(|_| Condition::new(ConditionType::ReleaseSynced, Status::False, Reason::RolledBack, message));
    ApplicationStatus {
        application: record.application.clone(),
        contender,
        incumbent,
        releases: all,
        waiting: Waiting { state: WaitingFor::None, message: String::new(), clusters: Vec::new() },
        clusters: Vec::new(),
        refused: Vec::new(),
        conditions: taken_back.into_iter().collect(),
    }
}

/// What is told of a release.
pub(super) fn of(release: &ReleaseRecord, record: Option<&AppRecord>) -> ReleaseStatus {
    ReleaseStatus {
        name: release.name.clone(),
        generation: release.generation,
        created: release.created,
        source: release.source.clone(),
        version: version(release),
        steps: release.strategy.steps.iter().map(|step| step.name.clone()).collect(),
        step: release.position.step,
        step_since: Some(release.position.since),
        achieved: release.achieved.clone(),
        complete: release.complete,
        withdrawn: release.withdrawn.as_deref().cloned(),
        failed: release.failed.clone(),
        again: record.map(|record| next_name(record, &release.environment.hash())),
    }
}
