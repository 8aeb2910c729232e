//! What holds of every decision, whatever went before: judged by what stood in Git, what was reported and what is on `main`, and by
//! nothing that the planner says of itself.

use crate::support::World;
use shipper_core::ClusterName;
use shipper_core::intent::Allowance;
use shipper_core::report::{AppReport, ReleaseReport};
use shipper_core::state::{Cause, Placement, ReleaseRecord, Target, TargetRelease, WithdrawalReason};
use std::collections::BTreeSet;

type Judged = Result<(), String>;

/// Judges one decision.
pub fn lawful(before: &World, after: &World) -> Judged {
    counters(before, after)?;
    halted(before, after)?;
    for (name, release) in &after.releases {
        match before.releases.get(name) {
            Some(was) => {
                moved(before, (was, release))?;
                achieved(before, after, (was, release))?;
                undone(was, release)?;
            }
            None if after.record.as_ref().is_some_and(|record| record.generation == release.generation) => {}
            None => return Err(format!("[R6] {name} is made with a generation that is not the newest")),
        }
    }
    for (name, target) in &before.targets {
        nothing_goes(before, name, target, after.targets.get(name))?;
    }
    carried(before, after)?;
    given_over(before, after)
}

/// [R1, M3] No counter goes back, and a target that differs has a generation that none ever had.
fn counters(before: &World, after: &World) -> Judged {
    let (Some(was), Some(is)) = (&before.record, &after.record) else { return Ok(()) };
    let iterations = was.iterations.iter().all(|(hash, last)| is.iterations.get(hash) >= Some(last));
    if is.generation < was.generation || is.target_generation < was.target_generation || !iterations {
        return Err(format!("[R1] counters go back: {was:?} to {is:?}"));
    }
    for (name, target) in &after.targets {
        match before.targets.get(name) {
            Some(same) if same == target => {}
            _ if target.generation > was.target_generation => {}
            _ => return Err(format!("[M3] {name} has another target under an old generation: {target:?}")),
        }
    }
    Ok(())
}

/// What the blocks in force let go on, if any is: they have the name that the override of the application may have.
fn allowed(world: &World) -> Option<BTreeSet<Allowance>> {
    let annotations = world.intent.as_ref().map(|intent| &intent.application.metadata.annotations);
    let overridden = annotations.is_some_and(|annotations| !annotations.is_empty());
    let block = world.fleet.blocks.values().next().filter(|_| !overridden)?;
    Some(block.spec.allowed())
}

/// [B1, M13] While blocked or paused no release is made, none moves, none is taken back, no cluster is chosen and none leaves, but for
/// what a block lets go on and for a return out of a pause.
fn halted(before: &World, after: &World) -> Judged {
    let allowed = allowed(before);
    let rollout = before.intent.as_ref().and_then(|intent| intent.application.spec.rollout.as_ref());
    let paused = rollout.is_some_and(|rollout| rollout.paused)
        && allowed.as_ref().is_none_or(|allowed| allowed.contains(&Allowance::Pause));
    let may = |act| allowed.as_ref().is_none_or(|allowed| allowed.contains(&act));
    if allowed.is_none() && !paused {
        return Ok(());
    }
    for (name, release) in &after.releases {
        let Some(was) = before.releases.get(name) else { return Err(format!("[B1, M13] {name} is made")) };
        if was.position != release.position {
            return Err(format!("[B1, M13] {name} goes to {:?}", release.position));
        }
        let withdrawn = release.withdrawn.as_ref().filter(|_| was.withdrawn.is_none());
        match withdrawn.map(|withdrawal| withdrawal.reason) {
            None => {}
            Some(WithdrawalReason::Returned) if may(Allowance::Abort) => {}
            Some(WithdrawalReason::RolledBack) if may(Allowance::Rollback) && !paused => {}
            Some(reason) => return Err(format!("[B1, M13] {name} is withdrawn: {reason:?}")),
        }
    }
    let chosen = placement(before).is_some();
    if allowed.is_some() && chosen && !may(Allowance::Drain) && clusters(before) != clusters(after) {
        return Err(format!("[B1] clusters change from {:?} to {:?}", clusters(before), clusters(after)));
    }
    Ok(())
}

fn placement(world: &World) -> Option<&Placement> {
    world.record.as_ref().and_then(|record| record.placement.as_deref())
}

fn clusters(world: &World) -> BTreeSet<&ClusterName> {
    placement(world).into_iter().flat_map(|placement| placement.clusters.keys()).collect()
}

/// [M1, M12] A step is taken because the commit on `main` orders this release to one; or by itself: the next one, from one that is achieved.
fn moved(world: &World, (was, is): (&ReleaseRecord, &ReleaseRecord)) -> Judged {
    let achieved = |release: &ReleaseRecord| release.achieved.as_ref().map(|achieved| achieved.step);
    let (from, to) = (was.position.step, is.position.step);
    let rollout = world.intent.as_ref().and_then(|intent| intent.application.spec.rollout.as_ref());
    let ordered = rollout.and_then(|rollout| rollout.release.as_deref()) == Some(was.name.as_str());
    match is.position.cause {
        _ if was.position == is.position => Ok(()),
        Cause::Carried if is.withdrawn.is_none() => Ok(()),
        Cause::Ordered { .. } if ordered => Ok(()),
        Cause::GatePassed if to == from + 1 && [achieved(was), achieved(is)].contains(&Some(from)) => Ok(()),
        ref cause => Err(format!("[M12] {} goes from step {from} to {to} by {cause:?}", is.name)),
    }
}

/// The report of a cluster on the target that stands in Git.
fn fresh<'a>(world: &'a World, cluster: &ClusterName) -> Option<&'a AppReport> {
    let target = world.targets.get(cluster)?;
    world.reports.get(cluster).filter(|report| report.target_generation == target.generation)
}

fn said<'a>(world: &'a World, cluster: &ClusterName, listed: &TargetRelease) -> Option<&'a ReleaseReport> {
    fresh(world, cluster)?.releases.iter().find(|seen| seen.name == listed.name)
}

/// [A1] A step becomes achieved by reports, on the targets that stand, that the release has all it is to have: of every cluster that stays
/// from now on and has a target, but for as many as may fail.
fn achieved(world: &World, after: &World, (was, is): (&ReleaseRecord, &ReleaseRecord)) -> Judged {
    let step = was.position.step;
    let now = is.achieved.as_ref().filter(|achieved| achieved.step == step);
    let before = was.achieved.as_ref().is_some_and(|achieved| achieved.step == step);
    if now.is_none() || before || is.position.cause == Cause::Carried {
        return Ok(());
    }
    let staying: Vec<&ClusterName> =
        placement(after).into_iter().flat_map(Placement::staying).map(|s| s.0).collect();
    let short = staying.iter().filter(|name| {
        let Some(target) = world.targets.get(**name) else { return false };
        let own = target.releases.iter().find(|listed| listed.name == is.name);
        let well =
            |seen: &ReleaseReport| seen.capacity.achieved && seen.traffic.as_ref().is_none_or(|t| t.achieved);
        let well = own.map_or(fresh(world, name).is_some(), |own| said(world, name, own).is_some_and(well));
        !well
    });
    let (short, may) = (short.count(), is.strategy.max_failed_clusters.of(staying.len()));
    if short > may {
        return Err(format!("[A1] {} achieved step {step}, but {short} of {staying:?} did not", is.name));
    }
    Ok(())
}

/// [M7, M8] A mark is lost by walking back and by withdrawal alone, and a withdrawal by nothing.
fn undone(was: &ReleaseRecord, is: &ReleaseRecord) -> Judged {
    let back = is.position.step < was.position.step || is.withdrawn.is_some();
    if was.complete.is_some() && is.complete.is_none() && !back {
        return Err(format!("[M7] {} loses its mark", is.name));
    }
    if was.withdrawn.is_some() && is.withdrawn.is_none() {
        return Err(format!("[M8] {} is withdrawn no more", is.name));
    }
    Ok(())
}

/// [R7, S4] A release goes to 0/0, becomes a tombstone once its cluster has reported it empty, and is listed no more once that has reported
/// it gone; a target goes with its last one.
fn nothing_goes(world: &World, name: &ClusterName, was: &Target, is: Option<&Target>) -> Judged {
    for listed in &was.releases {
        let seen = said(world, name, listed);
        let now = is.and_then(|target| target.releases.iter().find(|later| later.name == listed.name));
        let zero = (listed.capacity, listed.traffic.unwrap_or(0)) == (0, 0);
        let empty = seen.is_some_and(|seen| seen.capacity.replicas == 0 && seen.capacity.pods == 0);
        match now {
            None if listed.absent && seen.is_some_and(|seen| !seen.present) => {}
            None => return Err(format!("[R7] {name} lists {} no more: {seen:?}", listed.name)),
            Some(later) if later.absent && !listed.absent && !(zero && empty) => {
                return Err(format!("[R7] in {name} {} is a tombstone: {seen:?}", listed.name));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// [R5] Once a release is complete, every cluster that stays and has a target has pods with traffic for the whole load.
fn carried(before: &World, after: &World) -> Judged {
    // A first release that people walk back has nothing beside it to carry the load [M6].
    let complete = |world: &World| world.releases.values().any(|release| release.complete.is_some());
    if !complete(before) || !complete(after) {
        return Ok(());
    }
    for (name, _) in placement(after).into_iter().flat_map(Placement::staying) {
        let Some(target) = after.targets.get(name) else { continue };
        let listed = || target.releases.iter().filter(|release| !release.absent);
        let capacity: u32 = listed().map(|release| u32::from(release.capacity)).sum();
        let traffic: u32 = listed().filter(|r| r.capacity > 0).filter_map(|r| r.traffic).sum();
        if capacity < 100 || traffic == 0 {
            return Err(format!(
                "[R5] {name} is to have {capacity} percent and weight {traffic}: {target:?}"
            ));
        }
    }
    Ok(())
}

/// [S2, S4] A cluster is emptied once every other has reported all it is to have, on the target that stands.
fn given_over(before: &World, after: &World) -> Judged {
    let (Some(was), Some(is)) = (placement(before), placement(after)) else { return Ok(()) };
    let Some((gone, _)) = is.leaving.iter().find(|(name, _)| was.clusters.contains_key(*name)) else {
        return Ok(());
    };
    for (name, _) in is.staying() {
        let Some(target) = before.targets.get(name) else { continue };
        let counts =
            |listed: &&TargetRelease| !listed.absent && (listed.capacity, listed.traffic) != (0, Some(0));
        let ready = |listed: &TargetRelease| {
            let seen = said(before, name, listed);
            seen.is_some_and(|seen| {
                seen.capacity.achieved && seen.traffic.as_ref().is_none_or(|t| t.achieved)
            })
        };
        if !target.releases.iter().filter(counts).all(ready) {
            return Err(format!("[S4] {gone} is emptied, but {name} is not ready"));
        }
    }
    Ok(())
}
