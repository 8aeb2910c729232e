//! Where an application runs [S1, S2].

use super::Draft;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::intent::{Cluster, ClusterRequirements, RolloutBlock, UnreadableBlock};
use crate::state::{PlacedCluster, Placement};
use crate::{AppKey, ClusterName, hash};
use std::collections::{BTreeMap, BTreeSet};

/// Default weight of a cluster (the original's `Cluster.spec.scheduler.weight`).
const DEFAULT_WEIGHT: u32 = 100;

/// The clusters of the fleet, as `main` names them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet {
    /// By name.
    pub clusters: BTreeMap<ClusterName, ClusterInfo>,
    /// The rollout blocks, by namespace (`None` = global) and name.
    pub blocks: BTreeMap<(Option<String>, String), RolloutBlock>,
    /// The block files that cannot be read or do not count, by path [B1].
    pub unreadable_blocks: BTreeMap<String, UnreadableBlock>,
}

/// A cluster as the scheduler sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterInfo {
    /// The Cluster object.
    pub cluster: Cluster,
}

impl ClusterInfo {
    fn placed(&self) -> PlacedCluster {
        PlacedCluster {
            region: self.cluster.spec.region.clone(),
            labels: self.cluster.metadata.labels.clone(),
        }
    }
}

/// Chooses clusters where none are chosen yet, the requirements changed, or too few had been found. What is chosen stays.
pub(super) fn place(draft: &mut Draft<'_>) {
    let (Some(intent), Some(record)) = (draft.input.intent, draft.record.as_mut()) else { return };
    let requirements = intent.application.spec.template.cluster_requirements.clone().unwrap_or_default();
    let fleet = draft.input.fleet;
    let before = record.placement.clone();
    let kept = before.as_ref().map(|p| p.clusters.clone()).unwrap_or_default();
    let unchanged = before.as_ref().is_some_and(|p| p.requirements == requirements);
    let choice = choose(draft.input.application, &requirements, fleet, &kept);
    let mut clusters = choice.clusters;
    let too_few = !choice.missing.is_empty() && !requirements.allow_fewer;
    for (name, placed) in kept {
        // Nobody is moved by a changed weight, a new cluster or a missing file [S2]; and a cluster that has the application is not
        // left to itself: it stays until leaving is done with the same care as coming.
        if unchanged || too_few || draft.input.targets.contains_key(&name) {
            clusters.entry(name).or_insert(placed);
        }
    }
    if clusters.is_empty() || too_few {
        let message = if choice.missing.is_empty() {
            "no cluster fits; add a file under clusters/".to_owned()
        } else {
            choice.missing.join("; ")
        };
        draft.conditions.push(Condition::new(
            ConditionType::Scheduled,
            Status::False,
            Reason::NotEnoughClusters,
            message,
        ));
        if record.placement.is_none() {
            return;
        }
    } else {
        draft.conditions.push(Condition::new(
            ConditionType::Scheduled,
            Status::True,
            Reason::AsExpected,
            format!("{} clusters", clusters.len()),
        ));
    }
    if !clusters.is_empty() {
        record.placement = Some(Placement { requirements, clusters });
    }
}

struct Choice {
    clusters: BTreeMap<ClusterName, PlacedCluster>,
    /// Per region that lacks clusters, why.
    missing: Vec<String>,
}

fn choose(
    app: &AppKey,
    requirements: &ClusterRequirements,
    fleet: &Fleet,
    kept: &BTreeMap<ClusterName, PlacedCluster>,
) -> Choice {
    let capable = |info: &ClusterInfo| {
        requirements.capabilities.iter().all(|needed| info.cluster.spec.capabilities.contains(needed))
    };
    let fits = |name: &ClusterName, info: &ClusterInfo| {
        kept.contains_key(name)
            || (!info.cluster.spec.scheduler.unschedulable && !info.cluster.spec.scheduler.drain)
    };
    let mut choice = Choice { clusters: BTreeMap::new(), missing: Vec::new() };
    if requirements.regions.is_empty() {
        for (name, info) in fleet.clusters.iter().filter(|(name, info)| fits(name, info) && capable(info)) {
            choice.clusters.insert(name.clone(), info.placed());
        }
        return choice;
    }
    for region in &requirements.regions {
        let of_region = || fleet.clusters.iter().filter(|(_, info)| info.cluster.spec.region == region.name);
        let mut candidates: Vec<_> =
            of_region().filter(|(name, info)| fits(name, info) && capable(info)).collect();
        candidates.sort_by(|a, b| {
            let first = |name: &ClusterName| !kept.contains_key(name);
            (first(a.0), -score(app, a.0, a.1))
                .partial_cmp(&(first(b.0), -score(app, b.0, b.1)))
                .unwrap_or(a.0.cmp(b.0))
        });
        let wanted = region.replicas as usize;
        if candidates.len() < wanted {
            let refused: BTreeSet<String> = of_region()
                .filter(|(name, info)| !(fits(name, info) && capable(info)))
                .map(|(name, info)| {
                    if capable(info) {
                        format!("{name} is cordoned")
                    } else {
                        format!("{name} lacks a capability")
                    }
                })
                .collect();
            let refused = if refused.is_empty() {
                String::new()
            } else {
                format!(" ({})", refused.into_iter().collect::<Vec<_>>().join(", "))
            };
            choice.missing.push(format!(
                "region {} has {} of {wanted} clusters that fit{refused}",
                region.name,
                candidates.len()
            ));
        }
        for (name, info) in candidates.into_iter().take(wanted) {
            choice.clusters.insert(name.clone(), info.placed());
        }
    }
    choice
}

/// Weighted rendezvous hashing: `-weight / ln(h)` with h uniform in (0, 1) of application and cluster identity
/// (Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005).
fn score(app: &AppKey, name: &ClusterName, info: &ClusterInfo) -> f64 {
    let scheduler = &info.cluster.spec.scheduler;
    let identity = scheduler.identity.as_deref().unwrap_or(name.as_str());
    let digest = hash::sha256_hex(format!("{app}\0{identity}").as_bytes());
    let bits = u64::from_str_radix(&digest[..13], 16).unwrap_or(0);
    let uniform = (bits as f64 + 0.5) / (1_u64 << 52) as f64;
    -f64::from(scheduler.weight.unwrap_or(DEFAULT_WEIGHT)) / uniform.ln()
}
