//! What a listener hears of each room: the rule, what it is about, and the evidence. Read after the room is done, from what it left in
//! the draft, so that a reason cannot differ from the decision.

mod happened;
mod proof;
mod rollout;

pub(super) use happened::{of_condition, of_event};
pub(super) use proof::waiting;
pub(super) use rollout::steps;

use super::{Draft, words};
use crate::state::{Leaves, Placement, Removal, RemovalCause, Target};
use crate::why::{Because, Rule};
use crate::{ClusterName, ReleaseName};
use proof::proven;

/// Blocks in force, and those that are overridden [B1, B2].
pub(super) fn blocks(draft: &Draft<'_>) -> Vec<Because> {
    let standing = super::blocks::standing(draft).map(|(name, words)| {
        Because::of(Rule::B1, format!("A rollout block is in force: {words}")).about(name)
    });
    let overridden = super::blocks::overridden(draft).iter().map(|name| {
        Because::of(
            Rule::B2,
            format!("The block {name} does not stop it: the application's annotation names it"),
        )
        .about(name)
    });
    standing.chain(overridden).collect()
}

/// The removal that is decided, and why it was [X1].
pub(super) fn removal(draft: &Draft<'_>) -> Vec<Because> {
    let missing = draft.record.as_ref().and_then(|record| record.missing.as_ref());
    let decided = missing.and_then(|missing| missing.removal.as_ref());
    let told = |removal: &Removal| {
        let since = removal.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let why = super::removal::words(&removal.cause);
        let words = format!("{} is being removed since {since}: {why}", draft.input.application);
        let mut because = proven(draft, Because::of(Rule::X1, words), draft.input.targets.keys());
        if let RemovalCause::Confirmed { commit } = &removal.cause {
            because = because.by(commit);
        }
        because
    };
    decided.map(told).into_iter().collect()
}

/// The clusters that are chosen [S1, S2].
pub(super) fn placement(draft: &Draft<'_>) -> Vec<Because> {
    let Some(now) = draft.placement() else {
        return Vec::new();
    };
    let before = draft.input.record.and_then(|record| record.placement.as_deref());
    let chosen =
        |cluster: &crate::ClusterName| before.is_some_and(|before| before.clusters.contains_key(cluster));
    let clusters = now.clusters.keys();
    let (kept, new): (Vec<_>, Vec<_>) = clusters.partition(|cluster| chosen(cluster));
    let mut said = Vec::new();
    for (rule, words, clusters) in [(Rule::S2, "stays in", kept), (Rule::S1, "comes to", new)] {
        if !clusters.is_empty() {
            let words =
                format!("{} {words} {}", draft.input.application, words::list(clusters.iter().copied()));
            let mut because = Because::of(rule, words);
            because.clusters = clusters.into_iter().cloned().collect();
            said.push(because);
        }
    }
    said
}

/// Which environment is asked for and who is contender and incumbent [R2, R5].
pub(super) fn releases(draft: &Draft<'_>) -> Vec<Because> {
    let mut said = Vec::new();
    let roles = draft.roles();
    if let Some(Ok(resolved)) = draft.input.intent.map(|intent| &intent.environment) {
        let hash = resolved.environment.hash();
        let same = [("contender", roles.contender), ("incumbent", roles.incumbent)].into_iter().find_map(
            |(role, release)| Some((role, release.filter(|release| release.environment.hash() == hash)?)),
        );
        let words = match same {
            Some((role, release)) => {
                format!(
                    "The environment on main has the hash {hash}, which is that of the {role} {}",
                    release.name
                )
            }
            None => format!(
                "The environment on main has the hash {hash}, which neither contender nor incumbent has"
            ),
        };
        let mut because = Because::of(Rule::R2, words);
        because.objects.extend(same.map(|(_, release)| release.name.to_string()));
        said.push(because);
    }
    if let Some(contender) = roles.contender {
        let words = match roles.incumbent {
            Some(incumbent) => format!(
                "{} is the contender, the newest release that is not withdrawn; {} is the incumbent, the newest other one that is complete",
                contender.name, incumbent.name
            ),
            None => format!(
                "{} is the contender, the newest release that is not withdrawn; there is no incumbent",
                contender.name
            ),
        };
        let mut because = Because::of(Rule::R5, words).about(&contender.name);
        because.objects.extend(roles.incumbent.map(|release| release.name.to_string()));
        said.push(because);
    }
    said
}

/// The clusters that are to leave, on what the others say, and those that are emptied, on what they say themselves [S2, S4].
pub(super) fn departures(draft: &Draft<'_>) -> Vec<Because> {
    let Some(placement) = draft.placement() else {
        return Vec::new();
    };
    let waits = super::placement::waits_for(draft);
    let waits = waits.as_deref().unwrap_or("they are");
    let leaving = placement.clusters.iter().filter_map(|(name, placed)| Some((name, placed.leaves?)));
    let waiting = leaving.map(|(name, why)| {
        let words = format!("{name} leaves because {why}, once the others are ready: {waits}");
        let mut because = Because::of(rule_of(Some(why)), words).about(format!("cluster {name}"));
        because.clusters.push(name.clone());
        proof::attach(draft, &mut because, placement.staying().map(|(name, _)| name));
        because
    });
    let emptied = placement.leaving.iter().map(|(name, placed)| {
        let because = Because::of(rule_of(placed.leaves), format!("{name} is being emptied"));
        proven(draft, because, [name])
    });
    waiting.chain(emptied).collect()
}

/// Which rule lets a cluster go: a drain, or that other clusters are wanted.
fn rule_of(leaves: Option<Leaves>) -> Rule {
    match leaves {
        Some(Leaves::NotWanted) => Rule::S2,
        Some(Leaves::Drained) | None => Rule::S4,
    }
}

/// Why a cluster leaves, or left with this plan.
fn leaves(draft: &Draft<'_>, cluster: &ClusterName) -> Option<Leaves> {
    let of = |placement: &Placement| {
        let placed = placement.clusters.get(cluster).or_else(|| placement.leaving.get(cluster));
        placed.and_then(|placed| placed.leaves)
    };
    let (now, before) = (draft.record.as_ref(), draft.input.record);
    [now, before].into_iter().flatten().filter_map(|record| record.placement.as_deref()).find_map(of)
}

/// What every cluster is asked for [M3].
pub(super) fn targets(draft: &Draft<'_>) -> Vec<Because> {
    let mut said = Vec::new();
    for (cluster, planned) in &draft.targets {
        let target = &planned.target;
        let stands = draft.input.targets.get(cluster) == Some(target);
        let numbers: Vec<String> = target
            .releases
            .iter()
            .map(|release| match (release.absent, release.traffic) {
                (true, _) => format!("{} gone", release.name),
                (false, Some(traffic)) => {
                    format!("{} capacity {}% traffic {traffic}", release.name, release.capacity)
                }
                (false, None) => format!("{} capacity {}%", release.name, release.capacity),
            })
            .collect();
        let what = if stands { "stays as it stands in Git" } else { "is written" };
        let words = format!(
            "The target of {cluster}, generation {}, {what}: {}",
            target.generation,
            numbers.join(", ")
        );
        let mut because = Because::of(Rule::M3, words).within(cluster);
        because.objects = target.releases.iter().map(|release| release.name.to_string()).collect();
        said.push(because);
        said.extend(tombstone(draft, cluster, target));
    }
    said
}

/// What is to go from a cluster, on its word that it is empty [R7].
fn tombstone(draft: &Draft<'_>, cluster: &ClusterName, target: &Target) -> Option<Because> {
    let gone = || target.releases.iter().filter(|release| release.absent).map(|release| &release.name);
    let names: Vec<&str> = gone().map(ReleaseName::as_str).collect();
    if names.is_empty() {
        return None;
    }
    let words =
        format!("{cluster} has reported {} empty, so what is left of it there is to go", names.join(", "));
    let mut because = proven(draft, Because::of(Rule::R7, words), [cluster]);
    because.objects = gone().map(ToString::to_string).collect();
    Some(because)
}
