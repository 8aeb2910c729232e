//! What may happen to a rollout of which clusters fail or are away [A1, A3]: nothing goes on over more of them than `maxFailedClusters`,
//! and the hub takes back only what it was told to take back, for failures that are proven.

use super::History;
use crate::git::State;
use jiff::SignedDuration;
use shipper_core::intent::OnFailure;
use shipper_core::plan::{Share, numbers, roles};
use shipper_core::state::{Cause, FailureKind, PlacedCluster, Placement, ReleaseRecord, WithdrawalReason};
use shipper_core::status::Liveness;
use shipper_core::{ClusterName, ReleaseName};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A release before and after a decision, and the clusters that stay. A strategy that is adopted counts from the decision that adopts it [R4].
struct Change<'a> {
    was: Cow<'a, ReleaseRecord>,
    is: &'a ReleaseRecord,
    staying: BTreeMap<&'a ClusterName, &'a PlacedCluster>,
}

impl Change<'_> {
    /// How many clusters may fail or be away.
    fn allowed(&self) -> usize {
        self.was.strategy.max_failed_clusters.of(self.staying.len())
    }

    /// Clusters that fail by the record, as it was or as it is.
    fn failing(&self) -> impl Iterator<Item = (&ClusterName, FailureKind)> {
        let lagging = self.was.lagging.iter().chain(&self.is.lagging);
        let failing = lagging.filter_map(|(name, lag)| Some((name, lag.failing.as_ref()?.kind)));
        failing.filter(|(name, _)| self.staying.contains_key(name))
    }

    /// Whether the step gives a cluster other numbers than the step before.
    fn changes(&self, name: &ClusterName) -> bool {
        let Some(placed) = self.staying.get(name) else { return false };
        let at = |step| numbers(&self.was.strategy, step, (name.as_str(), *placed), Share::everything(true));
        let (step, from) = (self.was.position.step, self.was.position.from);
        if step == from { at(step).is_some() } else { at(step) != at(from) }
    }
}

/// A release as it was, at the same step of the strategy that it has now.
fn adopted<'a>(was: &'a ReleaseRecord, is: &ReleaseRecord) -> Cow<'a, ReleaseRecord> {
    if was.strategy == is.strategy {
        return Cow::Borrowed(was);
    }
    let index = |name: &str| is.strategy.steps.iter().position(|step| step.name == name);
    let Some(step) = index(&was.position.name) else { return Cow::Borrowed(was) };
    let before = was.strategy.steps.get(was.position.from).and_then(|step| index(&step.name));
    let back = was.position.from > was.position.step;
    let nearest = if back { (step + 1).min(is.strategy.steps.len() - 1) } else { step };
    let mut known = was.clone();
    known.strategy = is.strategy.clone();
    known.position.step = step;
    known.position.from = before.unwrap_or(nearest);
    Cow::Owned(known)
}

impl History {
    /// Judges what a hub is about to write.
    pub(super) fn judge_failing(&self, hub: usize, next: &State) -> Result<(), String> {
        let Some(before) = self.git.state.last() else { return Ok(()) };
        let placement = next.record.as_ref().and_then(|record| record.placement.as_deref());
        for (name, is) in &next.releases {
            let Some(was) = before.releases.get(name) else { continue };
            let staying = placement.into_iter().flat_map(Placement::staying).collect();
            let change = Change { was: adopted(was, is), is, staying };
            self.judge_excuses(hub, before, &change)?;
            self.judge_going_on(before, &change)?;
            self.judge_taking_back(hub, before, &change)?;
        }
        Ok(())
    }

    /// Whether a cluster has reported, on the target that stands there, all that it is to have of a release.
    pub(super) fn has_all(&self, state: &State, cluster: &ClusterName, release: &ReleaseName) -> bool {
        let Some(target) = state.targets.get(cluster) else { return false };
        let known = self.had.get(cluster);
        known.is_some_and(|had| had.contains(&(target.generation, release.clone())))
    }

    /// [A1] A step is achieved without clusters that fail or are away, no more than allowed, and never without all that it changes.
    fn judge_excuses(&self, hub: usize, before: &State, change: &Change<'_>) -> Result<(), String> {
        let Change { was, is, .. } = change;
        let Some(achieved) = is.achieved.as_ref().filter(|achieved| !achieved.excused.is_empty()) else {
            return Ok(());
        };
        if was.achieved.as_ref().is_some_and(|known| known.at == achieved.at) {
            return Ok(());
        }
        let (excused, allowed) = (&achieved.excused, change.allowed());
        if excused.len() > allowed {
            return Err(format!("A1: {} is achieved without {excused:?}, {allowed} are allowed", is.name));
        }
        let liveness = self.hubs[hub].liveness(&self.fleet, self.now);
        let moved = was.position != is.position;
        for name in excused {
            let away = liveness.get(name) == Some(&Liveness::Offline);
            if !away && !moved && !change.failing().any(|(failing, _)| failing == name) {
                return Err(format!("A1: {} is achieved without {name}, which does not fail", is.name));
            }
        }
        let changed: Vec<_> = change.staying.keys().filter(|name| change.changes(name)).collect();
        if !changed.is_empty() && !changed.iter().any(|name| self.has_all(before, name, &is.name)) {
            return Err(format!("A1: {} is achieved without all that it changes: {changed:?}", is.name));
        }
        Ok(())
    }

    /// [A3] Nothing goes on by itself, and nothing is complete, while more clusters fail than allowed.
    fn judge_going_on(&self, before: &State, change: &Change<'_>) -> Result<(), String> {
        let Change { was, is, .. } = change;
        let goes_on = is.position.step != was.position.step && is.position.cause == Cause::GatePassed;
        let completes =
            was.complete.is_none() && is.complete.is_some() && is.position.cause != Cause::Carried;
        if !goes_on && !completes {
            return Ok(());
        }
        let fails = |(name, lag): &(&ClusterName, &shipper_core::state::Lagging)| {
            lag.failing.is_some()
                && change.staying.contains_key(name)
                && !self.has_all(before, name, &is.name)
        };
        let failing: Vec<_> = was.lagging.iter().filter(fails).map(|(name, _)| name).collect();
        if failing.len() > change.allowed() {
            return Err(format!("A3: {} goes on to step {} over {failing:?}", is.name, is.position.step));
        }
        Ok(())
    }

    /// [A3, M9] The hub takes back what fails in too many clusters and has something to go back to, where it is told to, and nobody keeps
    /// it from that.
    fn judge_taking_back(&self, hub: usize, before: &State, change: &Change<'_>) -> Result<(), String> {
        let Change { was, is, .. } = change;
        let by_hub = is.withdrawn.as_ref().is_some_and(|w| w.reason == WithdrawalReason::RolledBack);
        if !by_hub || was.withdrawn.is_some() {
            return Ok(());
        }
        let refuse = |why: &str| Err(format!("A3: {} is taken back although {why}", is.name));
        if was.strategy.on_failure != OnFailure::Rollback {
            return refuse("it is to be held");
        }
        if was.complete.is_some() {
            return refuse("it is complete");
        }
        if roles(before.releases.values()).incumbent.is_none() {
            return refuse("there is nothing to go back to");
        }
        if was.position.step == is.position.step && was.position.step < was.position.from {
            return refuse("people walk it back");
        }
        if self.blocking.in_force(self.wall()) || self.is_paused() {
            return refuse("rollouts are blocked or paused");
        }
        let proven: Vec<_> = change.failing().filter(|(_, kind)| *kind != FailureKind::Silent).collect();
        if proven.is_empty() {
            return refuse("no cluster is known to fail");
        }
        let deadline = SignedDuration::try_from(was.strategy.progress_deadline).unwrap_or_default();
        let early = self.wall().duration_since(was.position.since) < deadline;
        if early && proven.iter().all(|(_, kind)| *kind == FailureKind::NoProgress) {
            return refuse("its deadline has not passed");
        }
        let lacks = |name: &&&ClusterName| {
            let generation = before.targets.get(**name).map(|target| target.generation);
            !generation.is_some_and(|generation| self.hubs[hub].knows_well(name, generation))
        };
        let lacking: Vec<_> = change.staying.keys().filter(lacks).collect();
        let mut changed = change.staying.keys().filter(|name| change.changes(name));
        if lacking.len() <= change.allowed() && changed.any(|name| !lacking.contains(&name)) {
            return refuse("few enough clusters fail");
        }
        Ok(())
    }
}
