//! At which step the contender is: steps achieved, orders obeyed, gates passed [M7, M12, A1].

use super::blocks::Act;
use super::evidence::{self, Proof};
use super::halt::halt;
use super::{Draft, EventReason, adopt, budget, failing, gates, orders, words};
use crate::ClusterName;
use crate::state::{Achieved, ReleaseRecord};
use crate::status::Liveness;
use std::collections::BTreeSet;

/// Judges the step in force, obeys what `main` orders, answers failures, and goes on where the gates allow.
pub(super) fn advance(draft: &mut Draft<'_>) {
    look(draft);
    failing::judge(draft);
    judge(draft);
    let halt = halt(draft, Act::Move);
    adopt::adopt(draft, halt.as_ref());
    orders::obey(draft, halt.as_ref());
    gates::judge(draft);
    // What people order comes before what the hub does by itself.
    budget::answer(draft);
    gates::pass(draft, halt.is_some());
}

/// Gathers what the clusters prove of the step in force; nothing where nothing could follow from it.
fn look(draft: &mut Draft<'_>) {
    draft.incumbent = draft.roles().incumbent.map(|release| release.name.clone());
    let Some(release) = draft.contender() else { return };
    let at_rest = release.complete.is_some()
        && release.lagging.is_empty()
        && achieved(release).is_some_and(|achieved| achieved.excused.is_empty());
    if release.failed.is_none() && !at_rest {
        draft.proofs = evidence::of_step(draft, release, draft.incumbent.as_ref());
    }
}

/// Records that the step in force is achieved, or that a report says it no longer is [A1].
fn judge(draft: &mut Draft<'_>) {
    let Some(release) = draft.contender() else { return };
    let Some(verdict) = verdict(draft, release) else { return };
    let now = draft.input.now;
    let (contender, position) = (release.name.clone(), release.position.clone());
    let Some(release) = draft.releases.get_mut(&contender) else { return };
    let achieved = release.achieved.as_mut().filter(|achieved| achieved.step == position.step);
    match (verdict, achieved) {
        (Verdict::Achieved(excused), None) => {
            let without = if excused.is_empty() {
                String::new()
            } else {
                format!(" without {}", words::list(&excused))
            };
            let message = format!("{contender} achieved step {:?}{without}", position.name);
            release.achieved = Some(Achieved { step: position.step, name: position.name, at: now, excused });
            draft.event(&contender, EventReason::StepAchieved, message);
        }
        // Whoever goes away later was not excused, and another hub may hear others.
        (Verdict::Achieved(excused), Some(achieved)) => {
            achieved.excused.retain(|cluster| excused.contains(cluster));
        }
        (Verdict::Lost, Some(_)) if release.complete.is_none() => {
            release.achieved = None;
            let message = format!("{contender} no longer achieves step {:?}", position.name);
            draft.event(&contender, EventReason::StepLost, message);
        }
        (Verdict::Lost, _) => {}
    }
}

/// The step in force, where it is achieved.
fn achieved(release: &ReleaseRecord) -> Option<&Achieved> {
    release.achieved.as_ref().filter(|achieved| achieved.step == release.position.step)
}

enum Verdict {
    /// Every placed cluster has reported everything on the target that asks for it, but for these, which fail or are away.
    Achieved(BTreeSet<ClusterName>),
    /// A report on the target in force says otherwise.
    Lost,
}

/// `None` = evidence is missing: nothing is gained and nothing lost.
fn verdict(draft: &Draft<'_>, release: &ReleaseRecord) -> Option<Verdict> {
    let (mut missing, mut lost) = (false, false);
    // Of all clusters, and of those that the step changes.
    let (mut reached, mut changed, mut moved) = (0, 0, 0);
    let (mut excused, mut failed) = (BTreeSet::new(), 0);
    for (name, proof) in &draft.proofs {
        let changes = usize::from(budget::changes(draft, release, name));
        changed += changes;
        let fails = failing::of(release, name).is_some();
        // One that was excused undoes nothing by coming on.
        let excusable = fails
            || draft.input.liveness.get(name) == Some(&Liveness::Offline)
            || achieved(release).is_some_and(|achieved| achieved.excused.contains(name));
        match proof {
            Proof::Untouched => {}
            Proof::NotAsked => missing = true,
            Proof::Achieved(_) => {
                reached += 1;
                moved += changes;
                // It failed its analysis.
                failed += usize::from(fails);
            }
            Proof::Unreported | Proof::Lacks(_) if excusable => {
                excused.insert(name.clone());
            }
            Proof::Unreported => missing = true,
            Proof::Lacks(_) => lost = true,
        }
    }
    if lost {
        return Some(Verdict::Lost);
    }
    let enough = if changed > 0 { moved > 0 } else { reached > 0 };
    let few = excused.len() + failed <= release.strategy.max_failed_clusters.of(draft.proofs.len());
    let allowed = excused.is_empty() || (few && enough);
    (!missing && allowed && !draft.proofs.is_empty()).then_some(Verdict::Achieved(excused))
}
