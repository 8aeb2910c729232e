//! A cluster that is not wanted any more gives its part over once the others are ready with their traffic [S2, S4].

use crate::ClusterName;
use crate::plan::blocks::{self, Act};
use crate::plan::evidence::met;
use crate::plan::site::{Site, staying};
use crate::plan::{Draft, EventReason, targets};
use crate::state::{Leaves, Target, TargetRelease};

/// Why the clusters that are to leave have to wait, in words; `None` = the others are ready.
pub(in crate::plan) fn waits_for(draft: &Draft<'_>) -> Option<String> {
    let placement = draft.placement()?;
    let mut unwanted = placement.clusters.values().filter_map(|placed| placed.leaves).peekable();
    unwanted.peek()?;
    if unwanted.all(|why| forbidden(draft, why)) {
        return Some("rollouts are blocked".to_owned());
    }
    let mut others = Part::Nothing;
    for site in staying(draft.input, placement) {
        if targets::has_nothing(draft, &site) {
            continue;
        }
        if let Some(why) = unready(draft, &site) {
            return Some(format!("{} {why}", site.name));
        }
        others = others.max(part(site.target));
    }
    let leaving = placement.clusters.iter().filter(|(_, placed)| placed.leaves.is_some());
    let lost = leaving.map(|(name, _)| part(draft.input.targets.get(name))).max().unwrap_or(Part::Nothing);
    // Steps may have come to some clusters alone.
    (lost > others).then(|| "the rollout has not come to any other cluster yet".to_owned())
}

/// What a cluster has by the target that stands there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Nothing,
    /// Pods without traffic.
    Pods,
    /// Pods with traffic, or without any that is managed.
    Traffic,
}

/// Lets the clusters go whose part the others have.
pub(in crate::plan) fn release(draft: &mut Draft<'_>) {
    let Some(placement) = draft.placement() else { return };
    let leaving: Vec<ClusterName> = placement
        .clusters
        .iter()
        .filter(|(_, placed)| placed.leaves.is_some_and(|why| !forbidden(draft, why)))
        .map(|(name, _)| name.clone())
        .collect();
    if leaving.is_empty() || waits_for(draft).is_some() {
        return;
    }
    let contender = draft.contender_name();
    for name in leaving {
        let Some(placement) = draft.placement_mut() else { return };
        let Some(placed) = placement.clusters.remove(&name) else { continue };
        placement.leaving.insert(name.clone(), placed);
        if let Some(contender) = &contender {
            let message = format!("{name} is emptied: the others are ready");
            draft.event_in(&name, contender, EventReason::ClusterReleased, message);
        }
    }
}

/// Whether a block stops a cluster from leaving [B1].
fn forbidden(draft: &Draft<'_>, why: Leaves) -> bool {
    let act = match why {
        Leaves::Drained => Act::Drain,
        Leaves::NotWanted => Act::Place,
    };
    blocks::forbids(draft, act)
}

fn part(target: Option<&Target>) -> Part {
    let listed = target.into_iter().flat_map(|target| &target.releases);
    let parts = listed.filter(|listed| counts(listed)).map(|listed| {
        if listed.capacity > 0 && listed.traffic != Some(0) { Part::Traffic } else { Part::Pods }
    });
    parts.max().unwrap_or(Part::Nothing)
}

fn counts(listed: &TargetRelease) -> bool {
    !listed.absent && (listed.capacity > 0 || listed.traffic.unwrap_or(0) > 0)
}

/// Why a cluster cannot take over yet: it has to report all it is to have, on the target that asks for it.
fn unready(draft: &Draft<'_>, site: &Site<'_, '_>) -> Option<String> {
    if !targets::in_force(draft, site) {
        return Some("is to get its target first".to_owned());
    }
    let (Some(report), Some(target)) = (site.current(), site.target) else {
        return Some("has not reported on its target yet".to_owned());
    };
    for listed in target.releases.iter().filter(|listed| counts(listed)) {
        let seen = report.releases.iter().find(|seen| seen.name == listed.name);
        let Some(seen) = seen.filter(|seen| !met(seen)) else {
            match seen {
                Some(_) => continue,
                None => return Some(format!("does not report {} yet", listed.name)),
            }
        };
        let counts = &seen.capacity;
        return Some(
            format!(
                "is not ready: {} has {} of {} pods available",
                seen.name, counts.available, counts.desired
            ) + &seen
                .traffic
                .as_ref()
                .map(|t| format!(", {} of {} with traffic", t.ready, t.wanted))
                .unwrap_or_default(),
        );
    }
    None
}
