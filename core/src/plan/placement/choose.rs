//! Which clusters [S1 to S4]: what is chosen stays, what is missing is filled up, what is not wanted leaves if it can be spared.

use super::score::score;
use super::{ClusterInfo, Fleet};
use crate::few::{Few, InOrder, Lookups};
use crate::intent::ClusterRequirements;
use crate::state::{Leaves, PlacedCluster};
use crate::status::{Refusal, RefusedCluster};
use crate::{AppKey, ClusterName};
use std::collections::{BTreeMap, BTreeSet};

/// What is asked for, and what there is.
pub(super) struct Asked<'a> {
    pub(super) app: &'a AppKey,
    pub(super) requirements: &'a ClusterRequirements,
    /// The requirements are those that the clusters were chosen for.
    pub(super) unchanged: bool,
    /// A block allows nothing but to replace what is drained.
    pub(super) drain_only: bool,
    pub(super) fleet: &'a Fleet,
    /// The clusters chosen before.
    pub(super) placed: &'a Few<ClusterName, PlacedCluster>,
}

/// Whether a cluster can hold the application [S1].
pub(super) enum Fit {
    Yes,
    No(String),
    /// What it is to hold is being rendered.
    Unknown,
}

/// What came of choosing.
#[derive(Default)]
pub(super) struct Choice {
    /// Chosen now.
    pub(super) joining: BTreeSet<ClusterName>,
    /// Chosen before and not wanted any more; the others make up for them.
    pub(super) leaving: BTreeMap<ClusterName, Leaves>,
    /// Chosen before and not wanted any more, but nothing makes up for them.
    pub(super) held: BTreeMap<ClusterName, Leaves>,
    /// Why others were not chosen, where more were needed.
    pub(super) refused: Vec<RefusedCluster>,
    /// Where there are too few, in words.
    pub(super) missing: Vec<String>,
    /// Something has to be rendered before all is known.
    pub(super) unknown: bool,
}

/// Chooses. Without `allowFewer`, too few for what is asked means that nothing is added to what there was [S3]; a drained cluster is
/// replaced all the same, because that takes nothing more.
pub(super) fn choose(asked: &Asked<'_>, fits: &mut dyn FnMut(&ClusterName, &ClusterInfo) -> Fit) -> Choice {
    if asked.drain_only {
        return attempt(asked, false, fits);
    }
    let whole = attempt(asked, true, fits);
    if whole.missing.is_empty() || asked.requirements.allow_fewer {
        return whole;
    }
    let modest = attempt(asked, false, fits);
    Choice {
        missing: whole.missing,
        refused: whole.refused,
        unknown: whole.unknown || modest.unknown,
        ..modest
    }
}

/// A part of the fleet of which a number is wanted; `None` = the whole fleet, and all of it.
type Pool<'a> = Option<(&'a str, usize)>;

fn attempt(asked: &Asked<'_>, grow: bool, fits: &mut dyn FnMut(&ClusterName, &ClusterInfo) -> Fit) -> Choice {
    let regions = &asked.requirements.regions;
    let mut choice = Choice::default();
    let mut stay = 0;
    if regions.is_empty() {
        stay += fill(asked, None, grow, &mut choice, fits);
    }
    for region in regions {
        stay += fill(asked, Some((&region.name, region.replicas as usize)), grow, &mut choice, fits);
    }
    let listed = |placed: &PlacedCluster| {
        regions.is_empty() || regions.iter().any(|region| region.name == placed.region)
    };
    for (name, _) in asked.placed.iter().filter(|(_, placed)| !listed(placed)) {
        let drained = asked.fleet.clusters.get(name).is_some_and(drains);
        let why = if drained { Leaves::Drained } else { Leaves::NotWanted };
        match (grow, drained) {
            (true, _) => drop(choice.leaving.insert(name.clone(), why)),
            // It was to go elsewhere, where there is no room yet.
            (false, true) => drop(choice.held.insert(name.clone(), why)),
            (false, false) => stay += 1,
        }
    }
    if stay + choice.joining.len() == 0 {
        choice.held.append(&mut choice.leaving);
    }
    choice
}

/// Decides over one pool; returns how many of those chosen before stay because they are wanted.
fn fill(
    asked: &Asked<'_>,
    pool: Pool<'_>,
    grow: bool,
    choice: &mut Choice,
    fits: &mut dyn FnMut(&ClusterName, &ClusterInfo) -> Fit,
) -> usize {
    let is_mine = |placed: &PlacedCluster| pool.is_none_or(|(region, _)| placed.region == region);
    let mine: Vec<_> = asked.placed.iter().filter(|(_, placed)| is_mine(placed)).collect();
    let mut clusters = Lookups::of(&asked.fleet.clusters, mine.len());
    let mut stay: Vec<&ClusterName> = Vec::with_capacity(mine.len());
    let mut out: Vec<(Leaves, &ClusterName)> = Vec::new();
    // What leaves already has its replacement among the others.
    let mut before = 0;
    for (name, placed) in mine {
        before += usize::from(placed.leaves.is_none());
        match clusters.get(name).and_then(|info| unwanted(asked, info, placed, grow)) {
            None => stay.push(name),
            Some(why) => out.push((why, name)),
        }
    }
    let asked_for = pool.map_or(usize::MAX, |(_, replicas)| replicas);
    let wanted = match pool {
        None if asked.drain_only => stay.len(),
        None => asked_for,
        Some(_) if grow => asked_for,
        Some(_) => asked_for.min(before),
    };
    if grow && stay.len() > wanted {
        sort_by_score(asked, &mut stay);
        out.extend(stay.split_off(wanted).into_iter().map(|name| (Leaves::NotWanted, name)));
    }
    let joined = join(asked, pool, wanted.saturating_sub(stay.len()), choice, fits);
    let have = stay.len() + joined;
    let short = if pool.is_none() { 0 } else { wanted.saturating_sub(have) };
    // Drained ones go first.
    out.sort_by_key(|(why, _)| *why != Leaves::Drained);
    let spared = out.len().saturating_sub(short);
    for (index, (why, name)) in out.iter().enumerate() {
        let part = if index < spared { &mut choice.leaving } else { &mut choice.held };
        part.insert((*name).clone(), *why);
    }
    let held = out.len() - spared;
    match pool {
        Some((region, replicas)) if have + held < replicas => {
            choice
                .missing
                .push(format!("region {region} has {} of {replicas} clusters that fit", have + held));
        }
        None if have + out.len() == 0 => choice.missing.push("no cluster fits".to_owned()),
        _ => {}
    }
    stay.len()
}

/// Takes as many as are needed, the best first, and says why others are not taken.
fn join(
    asked: &Asked<'_>,
    pool: Pool<'_>,
    needed: usize,
    choice: &mut Choice,
    fits: &mut dyn FnMut(&ClusterName, &ClusterInfo) -> Fit,
) -> usize {
    if needed == 0 {
        return 0;
    }
    let mut placed = InOrder::of(asked.placed);
    let others = asked.fleet.clusters.iter().filter(|(name, info)| {
        placed.get(name).is_none() && pool.is_none_or(|(region, _)| info.cluster.spec.region == region)
    });
    let mut candidates: Vec<&ClusterName> = others.map(|(name, _)| name).collect();
    sort_by_score(asked, &mut candidates);
    let mut joined = 0;
    for name in candidates {
        if joined == needed {
            break;
        }
        let Some(info) = asked.fleet.clusters.get(name) else { continue };
        let refused = match refusal(asked, info) {
            Some(refused) => refused,
            None => match fits(name, info) {
                Fit::Yes => {
                    choice.joining.insert(name.clone());
                    joined += 1;
                    continue;
                }
                Fit::No(message) => (Refusal::NoCapacity, format!("no capacity: {message}")),
                Fit::Unknown => {
                    choice.unknown = true;
                    continue;
                }
            },
        };
        let (reason, message) = refused;
        choice.refused.push(RefusedCluster { cluster: name.clone(), reason, message });
    }
    joined
}

fn drains(info: &ClusterInfo) -> bool {
    info.cluster.spec.scheduler.drain
}

/// Why a cluster is not to be chosen, free capacity aside.
fn refusal(asked: &Asked<'_>, info: &ClusterInfo) -> Option<(Refusal, String)> {
    let lacks = info.lacks(&asked.requirements.capabilities);
    if drains(info) {
        Some((Refusal::Drained, "drained".to_owned()))
    } else if info.cluster.spec.scheduler.unschedulable {
        Some((Refusal::Cordoned, "cordoned".to_owned()))
    } else if lacks.is_empty() {
        None
    } else {
        let word = if lacks.len() == 1 { "capability" } else { "capabilities" };
        Some((Refusal::LacksCapability, format!("lacks {word} {}", lacks.join(", "))))
    }
}

/// Why a chosen cluster is not wanted any more. Neither a cordon nor a file that is missing or changed moves anybody [S2]; `grow`: what is
/// asked for can be had.
fn unwanted(asked: &Asked<'_>, info: &ClusterInfo, placed: &PlacedCluster, grow: bool) -> Option<Leaves> {
    if drains(info) {
        return Some(Leaves::Drained);
    }
    let look = grow && (!asked.unchanged || placed.leaves == Some(Leaves::NotWanted));
    (look && !info.lacks(&asked.requirements.capabilities).is_empty()).then_some(Leaves::NotWanted)
}

/// The best first.
fn sort_by_score(asked: &Asked<'_>, names: &mut [&ClusterName]) {
    names.sort_by_cached_key(|name| {
        let info = asked.fleet.clusters.get(*name);
        let score = info.map_or(0.0, |info| score(asked.app, name, info));
        // Scores are not negative, so their bits are in their order.
        (std::cmp::Reverse(score.abs().to_bits()), (*name).clone())
    });
}
