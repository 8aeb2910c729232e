//! What must hold for every commit of the state branch, and for every step out of a cluster.

use super::History;
use crate::git::State;
use crate::monitor;
use shipper_core::few::Few;
use shipper_core::plan::{REMOVAL_PATIENCE, roles};
use shipper_core::state::{Placement, ReleaseRecord, RemovalCause, Target, TargetRelease};
use shipper_core::{ClusterName, ReleaseName};
use std::collections::BTreeSet;
use std::sync::Arc;

impl History {
    /// [S4] At the moment at which a cluster begins to empty, those that were to have its part when that was decided, and stay, serve what
    /// they were to serve all the time since, but for pods that failed by themselves: over the fleet nothing is lacking.
    pub(super) fn judge_fleet(&self, i: usize, before: Option<&Target>, state: &State) -> Result<(), String> {
        let placement = state.record.as_ref().and_then(|record| record.placement.as_deref());
        let Some(placement) = placement.filter(|p| p.leaving.contains_key(&self.agents[i].name)) else {
            return Ok(());
        };
        if goal(before) == 0 || goal(self.agents[i].target.as_ref()) > 0 {
            return Ok(());
        }
        let leaves = |state: &State| {
            let placement = state.record.as_ref().and_then(|record| record.placement.as_deref());
            placement.is_some_and(|placement| placement.leaving.contains_key(&self.agents[i].name))
        };
        let since = self.git.state.iter().rev().take_while(|state| leaves(state)).count() + 1;
        let since: Vec<&Arc<State>> = self.git.state.iter().rev().take(since).collect();
        let Some(decided) = since.iter().rev().find(|state| leaves(state)) else { return Ok(()) };
        let decided = decided.record.as_ref().and_then(|record| record.placement.as_deref());
        for (j, agent) in self.agents.iter().enumerate() {
            let stays = |placement: &Placement| placement.staying().any(|(name, _)| *name == agent.name);
            if !stays(placement) || !decided.is_some_and(stays) || self.replaced.contains(&agent.name) {
                continue;
            }
            let least = since.iter().map(|state| goal(state.targets.get(&agent.name))).min().unwrap_or(0);
            self.monitors[j].serves_enough(&self.clusters[j], least).map_err(|lacking| {
                let at = self.now.as_secs_f64();
                format!("S4: c{} is emptied at {at:.3}, but c{} {lacking}", i + 1, j + 1)
            })?;
        }
        Ok(())
    }

    /// What must hold for every commit of the state branch.
    pub(super) fn judge_commit(&self, before: &Few<ReleaseName, ReleaseRecord>) -> Result<(), String> {
        let count = self.git.state.len();
        let state = &self.git.state[count - 1];
        let previous = count.checked_sub(2).map(|i| &self.git.state[i]);
        for (name, release) in &state.releases {
            let was = before.get(name);
            // [A1] A step is achieved on reports about the very target that asks for it.
            if let Some(achieved) = &release.achieved
                && was.and_then(|r| r.achieved.as_ref()).map(|a| a.at) != Some(achieved.at)
                && was.is_some_and(|r| {
                    r.complete.is_none() && release.position.cause != shipper_core::state::Cause::Carried
                })
            {
                let (Some(previous), Some(was)) = (previous, was) else {
                    return Err("A1: a step is achieved in the first commit".to_owned());
                };
                self.judge_achieved((previous, was), (state, release), &achieved.excused)?;
            }
            if let Some(was) = was {
                self.judge_soak(was, release)?;
            }
            // No step is taken by itself.
            if let Some(was) = was
                && release.position.step != was.position.step
                && (release.strategy == was.strategy || release.position.name != was.position.name)
                && matches!(release.position.cause, shipper_core::state::Cause::Created)
            {
                return Err(format!("{name} moved without a cause"));
            }
        }
        if let Some(previous) = previous {
            // [R1, R6] Counters never go back.
            let counters =
                |s: &State| s.record.as_ref().map_or((0, 0), |r| (r.generation, r.target_generation));
            if counters(state) < counters(previous) {
                return Err("R1: a counter went back".to_owned());
            }
            judge_lives(previous, state)?;
            for (cluster, target) in &state.targets {
                let Some(was) = previous.targets.get(cluster) else { continue };
                if target.generation < was.generation
                    || (target != was && target.generation == was.generation)
                {
                    return Err(format!("target of {cluster} changed without a new generation"));
                }
            }
            // [R5] What has the load keeps a release with capacity and weight.
            let serving = |s: &State, cluster: &ClusterName| {
                s.targets.get(cluster).is_some_and(|t| {
                    t.releases.iter().any(|r| !r.absent && r.capacity > 0 && r.traffic.unwrap_or(0) > 0)
                })
            };
            let leaving = |s: &State, cluster: &ClusterName| {
                let placement = s.record.as_ref().and_then(|record| record.placement.as_deref());
                placement.is_some_and(|placement| placement.leaving.contains_key(cluster))
            };
            for cluster in previous.targets.keys() {
                let steps_back =
                    state.releases.len() == 1 || roles(state.releases.values()).incumbent.is_none();
                let removing = |s: &State| {
                    let missing = s.record.as_ref().and_then(|record| record.missing.as_ref());
                    missing.is_some_and(|missing| missing.removal.is_some())
                };
                let loses = serving(previous, cluster) && !serving(state, cluster);
                if loses && removing(state) {
                    // [X1] Judged below.
                } else if loses && leaving(state, cluster) {
                    // [S4] It goes once the others have reported all they are to have.
                    self.judge_departure(previous, state, cluster)?;
                } else if loses && !steps_back {
                    return Err(format!(
                        "R5: nothing carries the load in {cluster} any more: {:?}",
                        state.targets.get(cluster)
                    ));
                }
                let tombstones = previous.targets[cluster].releases.iter().all(|release| release.absent);
                let tombstone = |s: &State| s.targets.get(cluster).is_some_and(|t| t.absent);
                // [X1] Only a removal that was decided writes a tombstone, and only a tombstone that was carried out goes.
                let left = leaving(previous, cluster) && tombstones;
                if !state.targets.contains_key(cluster) && !left && !tombstone(previous) {
                    return Err(format!("absence deletes nothing: the target of {cluster} is gone"));
                }
                if tombstone(state) && !removing(state) {
                    return Err(format!(
                        "absence deletes nothing: {cluster} has a tombstone, and nobody removed it"
                    ));
                }
                if tombstone(state) && !tombstone(previous) && !self.may_be_removed(state) {
                    return Err(format!("X1: {cluster} has a tombstone, and nothing allows to remove it"));
                }
            }
        }
        Ok(())
    }

    /// [A1] Each cluster that stays, but for those that are excused, has reported on the very target that asks for the step all that it is
    /// to have of each release; going forward the incumbent may fall short.
    fn judge_achieved(
        &self,
        (previous, was): (&State, &ReleaseRecord),
        (state, release): (&State, &ReleaseRecord),
        excused: &BTreeSet<ClusterName>,
    ) -> Result<(), String> {
        let forward = was.position.step >= was.position.from;
        let incumbent =
            roles(previous.releases.values()).incumbent.filter(|_| forward).map(|release| &release.name);
        let placement = state.record.as_ref().and_then(|record| record.placement.as_deref());
        let staying = placement.into_iter().flat_map(Placement::staying).map(|(name, _)| name);
        for cluster in staying.filter(|cluster| !excused.contains(*cluster)) {
            let Some(target) = previous.targets.get(cluster) else { continue };
            let counts = |listed: &&TargetRelease| !listed.absent && incumbent != Some(&listed.name);
            for listed in target.releases.iter().filter(counts) {
                if !self.has_all(previous, cluster, &listed.name) {
                    return Err(format!(
                        "A1: {} achieved step {}, but {cluster} never had all of {} at generation {}",
                        release.name, was.position.step, listed.name, target.generation
                    ));
                }
            }
        }
        Ok(())
    }

    /// [S2, S4] Whoever stays has reported, on the very target that stood when it was decided, all that it is to have; and somebody serves.
    pub(super) fn judge_departure(
        &self,
        previous: &State,
        state: &State,
        cluster: &ClusterName,
    ) -> Result<(), String> {
        let placement = state.record.as_ref().and_then(|record| record.placement.as_deref());
        let staying: Vec<&ClusterName> =
            placement.into_iter().flat_map(Placement::staying).map(|(name, _)| name).collect();
        let mut serves = false;
        for name in &staying {
            let Some(target) = previous.targets.get(*name) else { continue };
            if !self.served.get(*name).is_some_and(|served| served.contains(&target.generation)) {
                return Err(format!(
                    "S4: {cluster} is emptied although {name} never met generation {}",
                    target.generation
                ));
            }
            serves |= monitor::goals(target).values().any(|goal| *goal > 0);
        }
        if serves { Ok(()) } else { Err(format!("S4: {cluster} is emptied and nobody serves: {staying:?}")) }
    }

    /// [X1] A trailer names it, or it has been missing for as long as is waited, or what was reported has no ready pods.
    pub(super) fn may_be_removed(&self, state: &State) -> bool {
        let missing = state.record.as_ref().and_then(|record| record.missing.as_ref());
        let removal = missing.and_then(|missing| Some((missing, missing.removal.as_ref()?)));
        removal.is_some_and(|(missing, removal)| match &removal.cause {
            RemovalCause::NothingReady => true,
            RemovalCause::Confirmed { commit } => {
                self.git.confirmed.iter().any(|known| *commit == format!("{known:040x}"))
            }
            RemovalCause::OnlyOneMissing => {
                missing.alone_since.is_some_and(|since| self.wall().duration_since(since) >= REMOVAL_PATIENCE)
            }
        })
    }
}

/// Pods with traffic that a target asks for.
fn goal(target: Option<&Target>) -> u32 {
    target.map_or(0, |target| monitor::goals(target).values().sum())
}

/// No release goes where the book's picture of its life has no way (`docs/release-life.md`).
fn judge_lives(previous: &State, state: &State) -> Result<(), String> {
    for (name, release) in &state.releases {
        let (before, phase) = (previous.releases.get(name).map(ReleaseRecord::phase), release.phase());
        let may = before.map_or(phase.is_first(), |before| before == phase || before.leads_to(Some(phase)));
        if !may {
            return Err(format!("the life of {name} has no way from {before:?} to {phase}"));
        }
    }
    let removed = previous.record.as_ref().is_some_and(|record| record.missing.is_some());
    for (name, release) in previous.releases.iter().filter(|(name, _)| !state.releases.contains_key(*name)) {
        if !removed && !release.phase().leads_to(None) {
            return Err(format!("the record of {name} is gone while it is {}", release.phase()));
        }
    }
    Ok(())
}
