//! What must hold at rest: everything is as it was asked for, or says why not.

use super::{History, SILENCE};
use crate::git::State;
use crate::monitor;
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::plan::{ClusterInfo, roles};
use shipper_core::state::ReleaseRecord;
use shipper_core::status::ClusterRelease;
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
    pub(super) fn final_placement(&self, state: &State) -> Result<(), String> {
        let Some(placement) = state.record.as_ref().and_then(|record| record.placement.as_deref()) else {
            return Ok(());
        };
        // What only some clusters have waits for the rollout to come to others.
        let contender = roles(state.releases.values()).contender;
        let whole = contender.is_some_and(|release| release.complete.is_some());
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
        let others = placement.clusters.keys().filter(|name| !drained(name)).count();
        let enough = self.replicas.map_or(others > 0 && spare.is_none(), |wanted| others >= wanted);
        match (stays, spare) {
            (Some(stays), Some((spare, _))) if !enough => {
                Err(format!("S4: {stays} is drained, and {spare} is spare"))
            }
            // A step that selects others may leave it all that there is.
            (Some(stays), _) if enough && (whole || !self.says_why_it_stays(stays)) => {
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
    pub(super) fn nowhere(&self, state: &State) -> Result<bool, String> {
        let placement = state.record.as_ref().and_then(|record| record.placement.as_deref());
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
        if self.nowhere(state)? {
            return Ok(());
        }
        let release = &state.releases[&contender];
        let incumbent = roles(state.releases.values()).incumbent;
        let sick = (0..self.clusters.len()).any(|i| self.suffers(state, i));
        let achieved = release.achieved.as_ref().map(|a| a.step);
        if release.complete.is_none() && achieved != Some(release.position.step) {
            // [A2, A3] What cannot get ready is found to fail, and people are told what they can do.
            let held = self.says(ConditionType::ClustersHealthy, Reason::RolloutHeld);
            if held && sick {
                return self.follows_main(state, &contender);
            }
            return Err(format!(
                "{contender} is at rest without achieving its step, held {held}: {}",
                self.describe()
            ));
        }
        self.tells_what_was_taken_back(state)?;
        self.follows_main(state, &contender)?;
        let broken = |release: &ReleaseRecord| version_of(release).contains("broken");
        if broken(release) || incumbent.is_some_and(broken) {
            return Ok(());
        }
        if !sick {
            self.final_placement(state)?;
        }
        for (i, cluster) in self.clusters.iter().enumerate() {
            let truth = monitor::truth(cluster);
            let Some(target) = state.targets.get(&self.agents[i].name) else {
                if !truth.pods.is_empty() {
                    return Err(format!(
                        "S2: c{} has pods at rest and no target: {}",
                        i + 1,
                        self.describe()
                    ));
                }
                continue;
            };
            if self.suffers(state, i) {
                self.tells_what_lacks(i)?;
                continue;
            }
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

    /// Whether a cluster is asked for pods that never get ready there.
    fn suffers(&self, state: &State, i: usize) -> bool {
        let target = state.targets.get(&self.agents[i].name);
        let mut asked =
            target.into_iter().flat_map(|target| &target.releases).filter(|listed| listed.capacity > 0);
        asked.any(|listed| {
            state.releases.get(&listed.name).is_some_and(|release| self.is_sick(i, version_of(release)))
        })
    }

    /// [A5] Where a cluster has not what is asked for, people are told of its pods, or that all is there after all.
    fn tells_what_lacks(&self, i: usize) -> Result<(), String> {
        let (_, status, _) = self.hubs[0].think(&self.git, &self.fleet, self.now, self.wall());
        let clusters = status.into_iter().flat_map(|status| status.clusters);
        let name = &self.agents[i].name;
        let Some(told) = clusters.into_iter().find(|told| told.cluster == *name) else { return Ok(()) };
        let lacks = |release: &ClusterRelease| release.capacity.available < release.capacity.desired;
        let silent = |release: &ClusterRelease| lacks(release) && release.pods.is_empty();
        if told.problems.is_empty() && told.releases.iter().any(silent) {
            return Err(format!("A5: {name} lacks pods and nobody says why: {:?}", told.releases));
        }
        Ok(())
    }

    /// [R2] While `main` asks for what the hub took back, and nothing like it serves, people are told so.
    fn tells_what_was_taken_back(&self, state: &State) -> Result<(), String> {
        let hash = state.record.as_ref().and_then(|record| record.rolled_back.as_ref());
        let contender = roles(state.releases.values()).contender;
        let serves = contender.map(|release| release.environment.hash());
        let taken_back = hash.is_some() && hash != serves.as_ref();
        let reasons = [Reason::RolledBack, Reason::RolloutsBlocked, Reason::RolloutPaused];
        let told = reasons.into_iter().any(|reason| self.says(ConditionType::ReleaseSynced, reason));
        if taken_back && !told {
            return Err(format!("R2: a release was taken back, and nobody says so: {}", self.describe()));
        }
        Ok(())
    }
}

fn version_of(release: &ReleaseRecord) -> &str {
    release.environment.manifests.as_ref().map_or("", |manifests| manifests.tree.as_str())
}
