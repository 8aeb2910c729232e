//! What must be so at every push, whoever wrote it on whatever evidence: judged by what the clusters really are.

use super::memory::{Memory, Written};
use super::people::CLUSTERS;
use super::world::World;
use shipper_core::state::{Cause, ReleaseRecord, Target, TargetRelease};
use shipper_core::{ClusterName, ReleaseName};

/// Judges a push that won.
pub fn pushed(memory: &Memory, world: &World, planned: u16) -> Result<(), String> {
    let (old, new) = (memory.written.get(world.written), memory.written.get(planned));
    counters(old, new)?;
    for (name, release) in &new.releases {
        match old.releases.get(name) {
            Some(before) => {
                moved(memory, world, old, (before, release))?;
                undone(world, before, release)?;
            }
            None if Some(release.generation) == new.record.as_ref().map(|record| record.generation) => {}
            None => return Err(format!("{name} is made with a generation that is not the newest")),
        }
    }
    for (index, name) in CLUSTERS.iter().enumerate() {
        let cluster = ClusterName::from(*name);
        let before = old.targets.get(&cluster);
        let Some(after) = new.targets.get(&cluster) else {
            if before.is_some() {
                return Err(format!("{name} has no target any more"));
            }
            continue;
        };
        if let Some(before) = before {
            nothing_goes(memory, world, index, before, after)?;
        }
        carried(old, name, after)?;
    }
    Ok(())
}

/// [R1] No counter goes back, so that no name and no generation is used twice.
fn counters(old: &Written, new: &Written) -> Result<(), String> {
    let (Some(before), Some(after)) = (&old.record, &new.record) else { return Ok(()) };
    let back = after.generation < before.generation
        || after.target_generation < before.target_generation
        || before
            .iterations
            .iter()
            .any(|(hash, last)| after.iterations.get(hash).is_none_or(|now| now < last));
    if back { Err(format!("counters go back: {before:?} to {after:?}")) } else { Ok(()) }
}

/// [A1, M12] A step is taken because somebody ordered it, once; or by itself: one at a time, when every cluster really was there.
fn moved(
    memory: &Memory,
    world: &World,
    old: &Written,
    (before, after): (&ReleaseRecord, &ReleaseRecord),
) -> Result<(), String> {
    let achieved = |release: &ReleaseRecord| release.achieved.as_ref().map(|achieved| achieved.step);
    if achieved(after) == Some(before.position.step) && achieved(before) != achieved(after) {
        for (index, name) in CLUSTERS.iter().enumerate() {
            let asked = old.targets.get(&ClusterName::from(*name)).map(|target| target.generation);
            let met = world.clusters[index].met;
            if after.position.cause != Cause::Carried && asked.is_none_or(|asked| u64::from(met) < asked) {
                return Err(format!("{} is achieved, but {name} met {met} and not {asked:?}", after.name));
            }
        }
    }
    let (from, to) = (before.position.step, after.position.step);
    match after.position.cause {
        _ if from == to => Ok(()),
        Cause::Carried => Ok(()),
        Cause::GatePassed
            if to == from + 1 && (achieved(before) == Some(from) || achieved(after) == Some(from)) =>
        {
            Ok(())
        }
        Cause::Ordered { .. } => {
            let obeyed = old.record.as_ref().and_then(|record| record.obeyed.as_ref());
            let ordered = memory.script.commits.iter().take(usize::from(world.main) + 1).any(|intent| {
                let rollout = intent.application.spec.rollout.as_ref();
                rollout.and_then(|rollout| rollout.release.as_deref()) == Some(after.name.as_str())
            });
            if ordered && obeyed.is_none_or(|obeyed| obeyed.release != after.name) {
                Ok(())
            } else {
                Err(format!("{} is moved by an order that there is not, or twice", after.name))
            }
        }
        ref cause => Err(format!("{} goes from step {from} to {to} by {cause:?}", after.name)),
    }
}

/// [A1, M7] What was achieved is lost by a report alone, and only where pods failed; a mark is lost by no report.
fn undone(world: &World, before: &ReleaseRecord, after: &ReleaseRecord) -> Result<(), String> {
    let stayed = before.position == after.position && after.withdrawn.is_none();
    let failed = world.clusters.iter().any(|cluster| cluster.was_sick);
    if stayed && before.achieved.is_some() && after.achieved.is_none() && !failed {
        return Err(format!("{} loses its step although no pod has failed", before.name));
    }
    if stayed && before.complete.is_some() && after.complete.is_none() {
        return Err(format!("{} loses its mark", before.name));
    }
    if before.withdrawn.is_some() && after.withdrawn.is_none() {
        return Err(format!("{} is withdrawn no more", before.name));
    }
    Ok(())
}

/// [R7] Nothing is removed because it is not there: a release goes to 0/0, then becomes a tombstone once its pods are really gone, then
/// is listed no more once nothing of it is really left.
fn nothing_goes(
    memory: &Memory,
    world: &World,
    index: usize,
    before: &Target,
    after: &Target,
) -> Result<(), String> {
    let cluster = &world.clusters[index];
    let now = |name: &ReleaseName| after.releases.iter().find(|release| release.name == *name);
    for listed in &before.releases {
        let has = memory.number(&listed.name).and_then(|number| cluster.has[number]);
        let zero = |release: &TargetRelease| (release.capacity, release.traffic.unwrap_or(0)) == (0, 0);
        match now(&listed.name) {
            None if !listed.absent => {
                return Err(format!("{} is listed no more, but was no tombstone", listed.name));
            }
            None if has.is_some() => {
                return Err(format!("{} is listed no more and still there: {has:?}", listed.name));
            }
            Some(later)
                if later.absent
                    && !listed.absent
                    && (!zero(listed) || has.is_some_and(|has| has.0 > 0 || has.1 > 0)) =>
            {
                return Err(format!("{} is a tombstone with {has:?}", listed.name));
            }
            _ => {}
        }
    }
    Ok(())
}

/// [R5] Once a release is complete, every target asks for pods with traffic for the whole load.
fn carried(old: &Written, name: &str, target: &Target) -> Result<(), String> {
    let complete = old.releases.values().any(|release| release.complete.is_some());
    let listed = || target.releases.iter().filter(|release| !release.absent);
    let capacity: u32 = listed().map(|release| u32::from(release.capacity)).sum();
    let traffic: u32 =
        listed().filter(|release| release.capacity > 0).filter_map(|release| release.traffic).sum();
    if complete && (capacity < 100 || traffic == 0) {
        return Err(format!("{name} is to have {capacity} percent and weight {traffic}"));
    }
    Ok(())
}

/// Where nothing can happen any more, every cluster has what people asked for last, and nothing else.
pub fn at_rest(memory: &Memory, world: &World) -> Result<(), String> {
    let written = memory.written.get(world.written);
    let (version, capacity, traffic) = memory.script.end;
    let wanted = |release: &ReleaseRecord| {
        let manifests = release.environment.manifests.as_ref();
        release.withdrawn.is_none() && manifests.is_some_and(|manifests| manifests.tree == version)
    };
    let named = written.releases.values().filter(|release| wanted(release)).max_by_key(|r| r.generation);
    let number = named.and_then(|release| memory.number(&release.name));
    for (index, name) in CLUSTERS.iter().enumerate() {
        let loaded = world.clusters[index].has.iter().enumerate();
        let loaded: Vec<_> =
            loaded.filter_map(|(n, has)| Some((Some(n), has.filter(|has| *has != (0, 0))?))).collect();
        if loaded != [(number, (capacity, traffic))] {
            return Err(format!("{name} has {loaded:?}, not {version} ({number:?}) alone"));
        }
    }
    let contender =
        written.releases.values().filter(|release| release.withdrawn.is_none()).max_by_key(|r| r.generation);
    match contender.filter(|release| release.complete.is_some()) {
        Some(_) => Ok(()),
        None => Err(format!("the contender is not complete: {contender:?}")),
    }
}
