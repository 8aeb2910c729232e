//! What must be so whatever happens, judged on the cluster itself and not on what anybody has seen of it.

use super::decide::Memory;
use super::objects::{PODS, SLOTS};
use super::script::{LAG, RELEASES, SETTLE};
use super::what::describe;
use super::world::{Selector, Set, World, has};

/// Steps of time after which a failed pod is no news any more.
pub const NEWS: u8 = LAG + 1;

/// Judges what has happened.
pub fn judge(memory: &Memory, before: &World, after: &World) -> Result<(), String> {
    let judged = floor(memory, before, after)
        .and_then(|()| ceiling(memory, before, after))
        .and_then(|()| settled(before, after))
        .and_then(|()| brought(before, after));
    judged.map_err(|broken| format!("{broken}\n{}", describe(after)))
}

/// Pods with traffic that the targets up to now ask for: the fewest, and the most pods at once.
fn bounds(memory: &Memory, world: &World) -> (u32, u32) {
    let script = &memory.script;
    let asked = (0..=usize::from(world.target)).map(|target| script.asked(target));
    let sums = asked.map(|asked| {
        asked.iter().fold((0, 0), |(pods, goals), (of_release, goal)| (pods + of_release, goals + goal))
    });
    let (floor, most) = sums
        .fold((u32::MAX, script.replicas), |(floor, most), (pods, goal)| (floor.min(goal), most.max(pods)));
    (if script.new { 0 } else { floor }, most + 1)
}

/// [C2] No pod is taken out of traffic below the floor, unless it failed by itself; until another has its place, there is one less.
fn floor(memory: &Memory, before: &World, after: &World) -> Result<(), String> {
    let (was, is) = (before.served(), after.served());
    let limp = after.which(|slot| has(after.failed, slot) && !after.pods[slot].is_ready());
    let taken = was & !is & !limp;
    let enough = is.count_ones() + u32::from(before.missing.or(after.missing).is_some());
    let (floor, _) = bounds(memory, after);
    if taken > 0 && enough < floor {
        return Err(format!(
            "[C2] floor: from {} ready pods with traffic to {}, of {floor}",
            was.count_ones(),
            is.count_ones()
        ));
    }
    Ok(())
}

/// [C2] No more pods, and no more asked for, than the ceiling.
fn ceiling(memory: &Memory, before: &World, after: &World) -> Result<(), String> {
    let (_, ceiling) = bounds(memory, after);
    let pods = |world: &World| world.which(|_| true).count_ones();
    let asked = |world: &World| {
        world.deployments.iter().map(|deployment| u32::from(deployment.replicas)).sum::<u32>()
    };
    for (what, was, is) in [("pods", pods(before), pods(after)), ("replicas", asked(before), asked(after))] {
        if is > was && is > ceiling {
            return Err(format!("[C2] ceiling: {what} from {was} to {is}, at most {ceiling}"));
        }
    }
    Ok(())
}

/// [C5] No ready pod is asked to end before it has been out of the slices for the settle time.
fn settled(before: &World, after: &World) -> Result<(), String> {
    let ended = |slot: &usize| before.pods[*slot].is_ready() && !after.pods[*slot].is_there();
    for slot in (0..SLOTS).filter(ended).filter(|slot| !has(before.failed, *slot)) {
        let listed = has(before.slices.service.unwrap_or_default(), slot);
        if listed || before.out[slot] < SETTLE {
            return Err(format!("[C5] settle: pod {slot} is to end although it had traffic a moment ago"));
        }
    }
    Ok(())
}

/// [C6] Moving the selector brings in no pod that has lost its label.
fn brought(before: &World, after: &World) -> Result<(), String> {
    let new = after.served() & !before.served() & after.bare;
    if new > 0 {
        return Err(format!(
            "[C6] pods {new:b} got traffic although they had lost the label before the selector moved"
        ));
    }
    Ok(())
}

/// A failed pod counts as missing until its place is taken, and everybody may know.
pub fn forgive(memory: &Memory, world: &mut World) {
    let enough = world.served().count_ones() >= bounds(memory, world).0;
    let known = world.failed & world.agent.stale == 0 && world.agent.plan == 0;
    if enough && known && world.missing.is_some_and(|missing| missing >= NEWS) {
        world.missing = None;
    }
}

/// Where nothing can happen any more everything is as asked for, and the agent says so.
pub fn at_rest(memory: &mut Memory, world: &World) -> Result<(), String> {
    let target = usize::from(world.target);
    let decision = memory.decide(world.target, world.agent.seen);
    let wanted = memory.script.asked(target);
    let count =
        |set: Set, number: usize| (0..PODS).filter(|pod| has(set, number * PODS + pod)).count() as u32;
    let (pods, served) = (world.which(|_| true), world.served());
    let has: Vec<_> = (0..RELEASES).map(|number| (count(pods, number), count(served, number))).collect();
    let selector = memory.script.sole(target).map_or(Selector::Label, Selector::Release);
    let tidy = world.services == (Some(selector), None);
    if decision.achieved && has == wanted && tidy {
        return Ok(());
    }
    Err(format!(
        "pods and those with traffic are {has:?}, not {wanted:?}, or {decision:?}: {}",
        describe(world)
    ))
}
