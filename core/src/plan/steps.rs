//! At which step the contender is: steps achieved, orders obeyed, gates passed [M7, M12, A1].

use super::blocks::Act;
use super::evidence::{current, is_achieved};
use super::halt::halt;
use super::{Draft, EventReason, Share, adopt, gates, numbers, orders};
use crate::ReleaseName;
use crate::state::{Achieved, Position, ReleaseRecord};
use crate::status::Liveness;

/// Judges the step in force, obeys what `main` orders, and goes on where the gates allow.
pub(super) fn advance(draft: &mut Draft<'_>) {
    let halt = halt(draft, Act::Move);
    judge(draft);
    adopt::adopt(draft, halt.as_ref());
    orders::obey(draft, halt.as_ref());
    gates::pass(draft, halt.is_some());
}

/// Records that the step in force is achieved, or that a report says it no longer is [A1].
fn judge(draft: &mut Draft<'_>) {
    let roles = draft.roles();
    let Some(contender) = roles.contender else { return };
    let Some(release) = draft.releases.get(&contender).cloned() else { return };
    if release.failed.is_some() {
        return;
    }
    let Some(verdict) = verdict(draft, &release, roles.incumbent.as_ref()) else { return };
    let now = draft.input.now;
    let step = release.position.step;
    let name = release.position.name.clone();
    let achieved_here = release.achieved.as_ref().is_some_and(|achieved| achieved.step == step);
    let Some(release) = draft.releases.get_mut(&contender) else { return };
    match (verdict, achieved_here) {
        (Verdict::Achieved, false) => {
            release.achieved = Some(Achieved { step, name: name.clone(), at: now });
            draft.event(
                &contender,
                EventReason::StepAchieved,
                format!("{contender} achieved step {step} {name:?}"),
            );
        }
        (Verdict::Lost, true) if release.complete.is_none() => {
            release.achieved = None;
            draft.event(
                &contender,
                EventReason::StepLost,
                format!("{contender} no longer achieves step {step} {name:?}"),
            );
        }
        _ => {}
    }
}

enum Verdict {
    /// Every placed cluster has reported everything on the target that asks for it.
    Achieved,
    /// A report on the target in force says otherwise.
    Lost,
}

/// `None` = evidence is missing: nothing is gained and nothing lost.
fn verdict(draft: &Draft<'_>, release: &ReleaseRecord, incumbent: Option<&ReleaseName>) -> Option<Verdict> {
    let placement = draft.record.as_ref()?.placement.as_ref()?;
    let (mut missing, mut lost, mut excused, mut reached) = (false, false, 0, 0);
    for (name, placed) in placement.staying() {
        if super::targets::has_nothing(draft, name, placed) {
            continue;
        }
        if !super::targets::in_force(draft, name, placed) {
            missing = true;
            continue;
        }
        let achieved = is_achieved(draft.input, name, release, incumbent);
        let moves = changes(release, (name.as_str(), placed));
        if achieved {
            reached += u32::from(moves);
        } else if draft.input.liveness.get(name) == Some(&Liveness::Offline) {
            excused += 1;
        } else if current(draft.input, name).is_some() {
            lost = true;
        } else {
            missing = true;
        }
    }
    if lost {
        return Some(Verdict::Lost);
    }
    let allowed = excused <= release.strategy.max_failed_clusters && (excused == 0 || reached > 0);
    (!missing && allowed && !placement.clusters.is_empty()).then_some(Verdict::Achieved)
}

/// Whether the step in force gives a cluster other numbers than the step before did.
fn changes(release: &ReleaseRecord, cluster: (&str, &crate::state::PlacedCluster)) -> bool {
    let at = |step| numbers(&release.strategy, step, cluster, Share::everything(true));
    let Position { step, from, .. } = release.position;
    if step == from { at(step).is_some() } else { at(step) != at(from) }
}
