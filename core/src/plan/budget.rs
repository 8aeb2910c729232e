//! How many clusters may fail, and what the hub does when more do [A1, A3, M9, M12].

use super::blocks::Act;
use super::evidence::Proof;
use super::halt::{Halt, halt};
use super::{Draft, Share, failing, numbers, taken_back, words};
use crate::command::Command;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::intent::OnFailure;
use crate::state::{FailingCluster, FailureKind, Position, ReleaseRecord};
use crate::status::Liveness;
use crate::{ClusterName, ReleaseName};
use std::collections::{BTreeMap, BTreeSet};

/// How a rollout stands with the clusters that fail or are away.
pub(super) struct Standing {
    /// Those that fail at the step in force.
    pub(super) failing: BTreeMap<ClusterName, FailingCluster>,
    /// Those that do not report, and have not achieved it.
    offline: BTreeSet<ClusterName>,
    /// How many of both there may be.
    allowed: usize,
    /// They are all of the clusters that the step changes; where it changes none, all that have anything.
    all: bool,
}

impl Standing {
    /// Whether that is more than the strategy allows, or all that the step changes.
    pub(super) fn exceeded(&self) -> bool {
        let bad = self.failing.len() + self.offline.len();
        bad > self.allowed || (bad > 0 && self.all)
    }
}

/// Counts the clusters that fail or are away at the step in force.
pub(super) fn standing(draft: &Draft<'_>, release: &ReleaseRecord) -> Standing {
    let (mut failing, mut offline) = (BTreeMap::new(), BTreeSet::new());
    // Clusters that the step changes; those of them that are well; all that are.
    let (mut changed, mut well, mut any) = (0, 0, 0);
    for (name, proof) in &draft.proofs {
        let changes = usize::from(changes(draft, release, name));
        changed += changes;
        let away = draft.input.liveness.get(name) == Some(&Liveness::Offline);
        if let Some(found) = failing::of(release, name) {
            failing.insert(name.clone(), found);
        } else if away && !matches!(proof, Proof::Untouched | Proof::Achieved(_)) {
            offline.insert(name.clone());
        } else {
            well += changes;
            any += usize::from(!matches!(proof, Proof::Untouched));
        }
    }
    let allowed = release.strategy.max_failed_clusters.of(draft.proofs.len());
    let all = if changed > 0 { well == 0 } else { any == 0 };
    Standing { failing, offline, allowed, all }
}

/// Whether the step in force gives a cluster other numbers than the step before did.
pub(super) fn changes(draft: &Draft<'_>, release: &ReleaseRecord, name: &ClusterName) -> bool {
    let placement = draft.placement();
    let Some(placed) = placement.and_then(|placement| placement.clusters.get(name)) else { return false };
    let at = |step| numbers(&release.strategy, step, (name.as_str(), placed), Share::everything(true));
    let Position { step, from, .. } = release.position;
    if step == from { at(step).is_some() } else { at(step) != at(from) }
}

/// What is done about a rollout of which too many clusters fail.
enum Answer {
    /// It is taken back, and this release has everything again.
    RollBack(ReleaseName),
    /// Nothing moves.
    Hold(Held),
}

/// Why a release that fails is not taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    /// `onFailure` is `hold`.
    AsAsked,
    /// There is nothing to go back to [M9].
    FirstRelease,
    /// A person walks it back already.
    OnItsWayBack,
    /// Agents are heard, but say nothing: that says nothing of the release.
    OnlySilent,
    /// Blocks or a pause forbid it.
    Halted(Halt),
    /// Its file is not on `main`.
    Missing,
}

impl Held {
    /// As the beginning of a sentence.
    fn words(&self) -> String {
        match self {
            Self::AsAsked => "onFailure is hold".to_owned(),
            Self::FirstRelease => "A first release is not taken back by the hub".to_owned(),
            Self::OnItsWayBack => "It is on its way back already".to_owned(),
            Self::OnlySilent => "Nothing is known to be wrong with the release itself".to_owned(),
            Self::Halted(halt) => format!("It is not taken back while {}", halt.words()),
            Self::Missing => "The application is not on main".to_owned(),
        }
    }
}

/// Takes the contender back where too many clusters fail and `onFailure` says so, and tells people what fails [A3].
pub(super) fn answer(draft: &mut Draft<'_>) {
    let Some(release) = draft.contender().cloned() else { return };
    let standing = standing(draft, &release);
    if standing.failing.is_empty() {
        return;
    }
    let cause = cause(&release, &standing);
    let (reason, what) = if release.complete.is_some() {
        (Reason::ClustersFailing, "It is complete without them, and they go on trying".to_owned())
    } else if !standing.exceeded() {
        (Reason::ClustersFailing, "The rollout goes on without them, and they go on trying".to_owned())
    } else {
        match respond(draft, &release, &standing) {
            Answer::RollBack(incumbent) => {
                taken_back::take_back(draft, &release.name, &incumbent, &cause);
                return;
            }
            Answer::Hold(why) => {
                (Reason::RolloutHeld, format!("{}, so every cluster stays where it is", why.words()))
            }
        }
    };
    let message = format!("{cause}. {what}. {}", help(draft, &release, &standing));
    draft.conditions.push(Condition::new(ConditionType::ClustersHealthy, Status::False, reason, message));
}

/// Which clusters fail for what, in words.
fn cause(release: &ReleaseRecord, standing: &Standing) -> String {
    let told: Vec<String> =
        standing.failing.iter().map(|(name, found)| format!("{name}: {}", found.message)).collect();
    let count = match told.len() {
        1 => "1 cluster fails".to_owned(),
        several => format!("{several} clusters fail"),
    };
    let away = match standing.offline.len() {
        0 => String::new(),
        _ => format!("; offline: {}", words::list(&standing.offline)),
    };
    format!(
        "{count} at step {:?} of {}, maxFailedClusters is {}: {}{away}",
        release.position.name,
        release.name,
        release.strategy.max_failed_clusters,
        told.join("; ")
    )
}

/// What a person can do.
fn help(draft: &Draft<'_>, release: &ReleaseRecord, standing: &Standing) -> String {
    let measured = |found: &&FailingCluster| found.kind == FailureKind::Analysis;
    let analyses = standing.failing.values().filter(measured).count();
    let mend = if analyses == 0 {
        "Mend what is wrong there, and it goes on by itself"
    } else if analyses == standing.failing.len() {
        "Mend the cause, and order the step again with another rollout.request"
    } else {
        "Mend what is wrong there, and order the step again with another rollout.request for the analyses"
    };
    if release.complete.is_some() {
        return "Mend what is wrong there".to_owned();
    }
    let app = draft.input.application;
    match draft.roles().incumbent {
        Some(_) => {
            let abort = Command::new("shipperctl abort").word(app).option("--release", &release.name);
            format!("{mend}; or take {} back: {abort}", release.name)
        }
        None => {
            let remove = Command::new("shipperctl remove").word(app);
            format!("{mend}; or remove the application: {remove}")
        }
    }
}

fn respond(draft: &Draft<'_>, release: &ReleaseRecord, standing: &Standing) -> Answer {
    // Who is only silent may be unable to reach Git, as the hub may be.
    let proven = standing.failing.values().any(|found| found.kind != FailureKind::Silent);
    match draft.roles().incumbent {
        _ if release.strategy.on_failure == OnFailure::Hold => Answer::Hold(Held::AsAsked),
        None => Answer::Hold(Held::FirstRelease),
        Some(_) if release.position.step < release.position.from => Answer::Hold(Held::OnItsWayBack),
        Some(_) if !proven => Answer::Hold(Held::OnlySilent),
        Some(_) if draft.input.intent.is_none() => Answer::Hold(Held::Missing),
        Some(incumbent) => match halt(draft, Act::Rollback) {
            Some(halt) => Answer::Hold(Held::Halted(halt)),
            None => Answer::RollBack(incumbent.name.clone()),
        },
    }
}
