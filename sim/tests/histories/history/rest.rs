//! What must hold at rest: everything is as it was asked for, or says why not.

use super::{History, SILENCE};
use crate::monitor;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::plan::{ClusterInfo, roles};
use shipper_core::{ClusterName, ReleaseName};
use std::collections::BTreeMap;

impl History {
    /// What the first hub would tell people, and what stands in the clusters.
    pub(super) fn describe(&self) -> String {
        let (push, status, _) = self.hubs[0].think(&self.git, &self.fleet, self.now, self.wall());
        let waiting = status.map(|status| status.waiting);
        let clusters: Vec<String> = self.clusters.iter().map(monitor::describe).collect();
        let targets: Vec<String> = self
            .git
            .state
            .last()
            .into_iter()
            .flat_map(|state| &state.targets)
            .map(|(name, target)| {
                let releases: Vec<String> = target
                    .releases
                    .iter()
                    .map(|r| {
                        format!(
                            "{} {}/{:?}{}",
                            r.name,
                            r.capacity,
                            r.traffic,
                            if r.absent { " -" } else { "" }
                        )
                    })
                    .collect();
                format!("{name} #{}: {}", target.generation, releases.join(", "))
            })
            .collect();
        format!(
            "{waiting:?}, would push: {}\n{}\n{}",
            push.is_some(),
            targets.join("\n"),
            clusters.join("\n")
        )
    }

    /// [S2, S3, S4] At rest nobody is on the way out, and who is drained has nobody who could take its place.
    pub(super) fn final_placement(&self, state: &crate::git::State) -> Result<(), String> {
        let Some(placement) = state.record.as_ref().and_then(|record| record.placement.as_ref()) else {
            return Ok(());
        };
        // What only some clusters have waits for the rollout to come to others.
        let whole = roles(state.releases.values())
            .contender
            .is_some_and(|name| state.releases[&name].complete.is_some());
        let waits = whole && placement.staying().count() < placement.clusters.len();
        if !placement.leaving.is_empty() || waits {
            return Err(format!("S2: some are still to leave at rest: {placement:?}: {}", self.describe()));
        }
        let fits = |name: &ClusterName, info: &ClusterInfo| {
            let scheduler = &info.cluster.spec.scheduler;
            !scheduler.drain && !scheduler.unschedulable && !placement.clusters.contains_key(name)
        };
        let spare = self.fleet.clusters.iter().find(|(name, info)| fits(name, info));
        let drained = |name: &&ClusterName| {
            self.fleet.clusters.get(*name).is_some_and(|info| info.cluster.spec.scheduler.drain)
        };
        let stays = placement.clusters.keys().find(drained);
        let others = placement.clusters.keys().any(|name| !drained(&name));
        match (stays, spare, self.replicas) {
            (Some(stays), Some((spare, _)), _) => {
                Err(format!("S4: {stays} is drained, and {spare} is spare"))
            }
            (Some(stays), None, None) if others && (whole || !self.says_why_it_stays(stays)) => {
                Err(format!("S4: {stays} is drained, and others have its part"))
            }
            _ => Ok(()),
        }
    }

    /// At rest nothing is written any more, neither to Git nor by an agent to its cluster, whatever time passes.
    pub(super) fn stays_quiet(&mut self) -> Result<(), String> {
        let (commits, at) = (self.git.state.len(), self.now);
        self.silent = true;
        self.until(at + SILENCE)?;
        if self.git.state.len() == commits && self.last_change <= at {
            return Ok(());
        }
        let when = self.last_change.as_secs_f64();
        let more = self.git.state.len() - commits;
        Err(format!(
            "at rest since {:.0} s there were {more} commits and a write at {when:.3}: {}",
            at.as_secs_f64(),
            self.describe()
        ))
    }

    /// [S3] Whether the application runs nowhere: then too few clusters take it, and people are told so.
    pub(super) fn nowhere(&self, state: &crate::git::State) -> Result<bool, String> {
        let placement = state.record.as_ref().and_then(|record| record.placement.as_ref());
        if placement.is_some_and(|placement| !placement.clusters.is_empty()) {
            return Ok(false);
        }
        let takes = |info: &&ClusterInfo| {
            let scheduler = &info.cluster.spec.scheduler;
            !scheduler.drain && !scheduler.unschedulable
        };
        let fit = self.fleet.clusters.values().filter(takes).count();
        let told = self.says(ConditionType::Scheduled, Reason::NotEnoughClusters);
        if fit < self.replicas.unwrap_or(1) && told {
            Ok(true)
        } else {
            Err(format!(
                "S3: it runs nowhere, {fit} clusters would take it, told {told}: {}",
                self.describe()
            ))
        }
    }

    /// Whether people are told what a cluster that is drained waits for.
    fn says_why_it_stays(&self, name: &ClusterName) -> bool {
        let (_, status, _) = self.hubs[0].think(&self.git, &self.fleet, self.now, self.wall());
        let clusters = status.into_iter().flat_map(|status| status.clusters);
        let mut departures =
            clusters.filter(|cluster| cluster.cluster == *name).filter_map(|cluster| cluster.departure);
        departures.any(|departure| !departure.message.is_empty())
    }

    /// Whether people are told that something is not so, and why.
    fn says(&self, kind: ConditionType, reason: Reason) -> bool {
        let (_, status, _) = self.hubs[0].think(&self.git, &self.fleet, self.now, self.wall());
        let conditions = status.into_iter().flat_map(|status| status.conditions);
        conditions.filter(|c| c.kind == kind).any(|c| c.status == Status::False && c.reason == reason)
    }

    /// At rest, everything is as it was asked for, or says why not.
    pub(super) fn final_state(&self) -> Result<(), String> {
        let Some(state) = self.git.state.last() else { return Err("nothing was ever written".to_owned()) };
        let Some((contender, _)) = self.contender() else {
            // [M13] After a removal no release is made while rollouts are paused; a block that is in force besides is said first [A5].
            let blocked = self.blocking.in_force(self.wall());
            let reason = if blocked { Reason::RolloutsBlocked } else { Reason::RolloutPaused };
            let paused = self.is_paused() && self.says(ConditionType::ReleaseSynced, reason);
            return if paused { Ok(()) } else { Err(format!("there is no contender: {}", self.describe())) };
        };
        let release = &state.releases[&contender];
        let version = release.environment.manifests.as_ref().map(|m| m.tree.as_str()).unwrap_or_default();
        let incumbent_broken = roles(state.releases.values())
            .incumbent
            .and_then(|name| state.releases.get(&name))
            .and_then(|r| r.environment.manifests.as_ref())
            .is_some_and(|m| m.tree.contains("broken"));
        if version.contains("broken") || incumbent_broken {
            return Ok(());
        }
        if self.nowhere(state)? {
            return Ok(());
        }
        self.final_placement(state)?;
        let achieved = release.achieved.as_ref().map(|a| a.step);
        if release.complete.is_none() && achieved != Some(release.position.step) {
            return Err(format!("{contender} is at rest without achieving its step: {}", self.describe()));
        }
        for (i, cluster) in self.clusters.iter().enumerate() {
            let truth = monitor::truth(cluster);
            let Some(target) = state.targets.get(&self.agents[i].name) else {
                if truth.pods > 0 {
                    return Err(format!(
                        "S2: c{} has pods at rest and no target: {}",
                        i + 1,
                        self.describe()
                    ));
                }
                continue;
            };
            let mut served: BTreeMap<ReleaseName, u32> = BTreeMap::new();
            for release in truth.served.values() {
                *served.entry(release.clone()).or_default() += 1;
            }
            let wanted: BTreeMap<ReleaseName, u32> =
                monitor::goals(target).into_iter().filter(|(_, goal)| *goal > 0).collect();
            if served != wanted {
                return Err(format!(
                    "C5: c{} serves {served:?} at rest, {wanted:?} is asked for: {}",
                    i + 1,
                    self.describe()
                ));
            }
        }
        Ok(())
    }
}
