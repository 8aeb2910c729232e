//! Two decisions on one application: as it goes on by itself, and as it would go on after the merge.

use std::collections::{BTreeMap, BTreeSet};

use shipper_core::condition::{ConditionType, Status};
use shipper_core::converge::{self, Wanted};
use shipper_core::manifest;
use shipper_core::plan::{AppPlan, PlannedTarget, Variant};
use shipper_core::state::ReleaseRecord;
use shipper_core::status::ReleaseStatus;
use shipper_core::{AppKey, ClusterName, ReleaseName};
use shipper_git::Snapshot;
use shipper_hub::fleet::AppState;
use shipper_hub::pilot::Decision;

use super::objects::{objects, placed};
use super::{ApplicationForecast, ClusterForecast, Counts, NewRelease, ShareOf, StepTaken};
use crate::Error;
use crate::records::MAX_MANIFESTS;
use crate::repository::RepositoryError;

/// Where rendered manifests are: in the state branch, or fresh.
pub(super) struct Manifests<'a> {
    snapshot: Option<&'a Snapshot>,
    state: Option<&'a AppState>,
}

impl<'a> Manifests<'a> {
    pub(super) fn new(snapshot: Option<&'a Snapshot>, state: Option<&'a AppState>) -> Self {
        Self { snapshot, state }
    }

    /// Those of a release for one set of values; `None` = they could not be rendered.
    pub(super) fn of(&self, decision: &Decision, variant: &Variant) -> Result<Option<Vec<u8>>, Error> {
        if let Some(bytes) = decision.rendered.get(variant) {
            return Ok(Some(bytes.to_vec()));
        }
        let committed = self.state.and_then(|state| state.manifests.get(variant));
        let Some((snapshot, blob)) = self.snapshot.zip(committed) else { return Ok(None) };
        Ok(Some(snapshot.blob(*blob, variant.0.as_str(), MAX_MANIFESTS).map_err(RepositoryError::from)?))
    }
}

/// What the merge changes; `None` = nothing.
pub(super) fn compare(
    app: &AppKey,
    now: &Decision,
    then: &Decision,
    manifests: &Manifests<'_>,
) -> Result<Option<ApplicationForecast>, Error> {
    let mut clusters = Vec::new();
    let mut pods = Counts::default();
    let names: BTreeSet<&ClusterName> = now.plan.targets.keys().chain(then.plan.targets.keys()).collect();
    for name in names {
        let (old, new) = (now.plan.targets.get(name), then.plan.targets.get(name));
        let counts = Counts { before: wanted(now, old, manifests)?, after: wanted(then, new, manifests)? };
        pods.before += counts.before;
        pods.after += counts.after;
        let (before, after) = (shares(old), shares(new));
        if before != after {
            clusters.push(ClusterForecast { cluster: name.clone(), before, after, pods: counts });
        }
    }
    let removed = then.plan.targets.values().any(|planned| planned.target.absent)
        && !now.plan.targets.values().any(|planned| planned.target.absent);
    let forecast = ApplicationForecast {
        application: app.clone(),
        removed,
        releases: made(now, then),
        withdrawn: withdrawn(&now.plan, &then.plan),
        step: step(now, then),
        clusters,
        pods,
        objects: objects(app, (now, then), manifests)?,
        placed: placed(if removed { now } else { then }).len(),
        conditions: brought(&now.plan, &then.plan),
        waiting: then.plan.status.waiting.clone(),
    };
    let nothing = !forecast.removed
        && forecast.releases.is_empty()
        && forecast.withdrawn.is_empty()
        && forecast.step.is_none()
        && forecast.clusters.is_empty()
        && forecast.objects.is_empty()
        && forecast.conditions.is_empty()
        && now.plan.status.waiting.state == then.plan.status.waiting.state;
    Ok((!nothing).then_some(forecast))
}

/// Pods that a target wants, counted as convergence does.
fn wanted(
    decision: &Decision,
    planned: Option<&PlannedTarget>,
    manifests: &Manifests<'_>,
) -> Result<u64, Error> {
    let Some(PlannedTarget { target, manifests: variants }) = planned else { return Ok(0) };
    let mut read = BTreeMap::new();
    for release in target.releases.iter().filter(|release| !release.absent && !target.absent) {
        let values = variants.get(&release.name).cloned().flatten();
        let Some(bytes) = manifests.of(decision, &(release.name.clone(), values))? else { continue };
        let Ok(objects) = manifest::Manifests::parse(&bytes) else { continue };
        read.insert(release.name.clone(), objects);
    }
    Ok(converge::pods(Wanted { target, manifests: &read }))
}

fn shares(planned: Option<&PlannedTarget>) -> Vec<ShareOf> {
    let Some(planned) = planned else { return Vec::new() };
    let absent = planned.target.absent;
    let share = |release: &shipper_core::state::TargetRelease| ShareOf {
        release: release.name.clone(),
        capacity: release.capacity,
        traffic: release.traffic,
        absent: release.absent || absent,
    };
    planned.target.releases.iter().map(share).collect()
}

fn made(now: &Decision, then: &Decision) -> Vec<NewRelease> {
    let status = |name: &ReleaseName| then.plan.status.releases.iter().find(|release| release.name == *name);
    let new = then.plan.releases.keys().filter(|name| !now.plan.releases.contains_key(*name));
    let told = |release: &ReleaseStatus| NewRelease {
        name: release.name.clone(),
        version: release.version.clone(),
        steps: release.steps.clone(),
        step: release.step,
    };
    new.filter_map(status).map(told).collect()
}

fn withdrawn(now: &AppPlan, then: &AppPlan) -> Vec<ReleaseName> {
    let is = |record: &ReleaseRecord| record.withdrawn.is_some();
    let before = |name: &ReleaseName| now.releases.get(name).is_some_and(is);
    let gone = then.releases.iter().filter(|(name, record)| is(record) && !before(name));
    gone.map(|(name, _)| name.clone()).collect()
}

/// The step that an order moves a release to that is there already.
fn step(now: &Decision, then: &Decision) -> Option<StepTaken> {
    let contender = then.plan.status.contender_status()?;
    let before = now.plan.status.releases.iter().find(|release| release.name == contender.name)?;
    let name = |release: &ReleaseStatus| release.steps.get(release.step).cloned().unwrap_or_default();
    let moved = before.step != contender.step || before.steps != contender.steps;
    moved.then(|| StepTaken { release: contender.name.clone(), from: name(before), to: name(contender) })
}

/// What is in the way after the merge, and is not now.
fn brought(now: &AppPlan, then: &AppPlan) -> Vec<shipper_core::condition::Condition> {
    let told = |kind: ConditionType, status: Status| match kind {
        ConditionType::RollingOut | ConditionType::Complete => false,
        ConditionType::Blocked => status == Status::True,
        _ => status != Status::True,
    };
    let mut brought: Vec<_> = then.status.conditions.clone();
    brought.retain(|one| {
        let same = |other: &&shipper_core::condition::Condition| {
            other.kind == one.kind && other.status == one.status && other.reason == one.reason
        };
        // A block is in the way of this merge, whether it was there before or not.
        let before = now.status.conditions.iter().find(same).is_some() && one.kind != ConditionType::Blocked;
        told(one.kind, one.status) && !before
    });
    brought
}
