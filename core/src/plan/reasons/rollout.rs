//! Why a rollout is where it is: its step, what the clusters prove of it, which of them fail, and its gates.

use super::proof::proven;
use crate::intent::format_duration;
use crate::plan::{Draft, failing, gates, orders};
use crate::state::{Cause, Placement, ReleaseRecord};
use crate::why::{Because, Rule};

/// At which step the contender is, since when, and by whose word; whether the step is achieved, who fails, what its gates say
/// [M1, M12, A1, A2, A4].
pub(in crate::plan) fn steps(draft: &Draft<'_>) -> Vec<Because> {
    let mut said = Vec::new();
    let Some(contender) = draft.contender() else {
        return said;
    };
    said.push(position(contender));
    if orders::pending(draft) {
        let because = Because::of(Rule::M1, "The order in rollout is not obeyed yet");
        said.push(because.about(&contender.name).by(draft.input.source));
    }
    said.extend(achieved(draft, contender));
    said.extend(failures(draft, contender));
    said.extend(gate(draft, contender));
    said
}

fn position(contender: &ReleaseRecord) -> Because {
    let position = &contender.position;
    let (rule, cause, commit) = match &position.cause {
        Cause::Created => (Rule::R2, "it was made".to_owned(), Some(&contender.source)),
        Cause::Ordered { commit } => {
            (Rule::M1, format!("commit {} ordered it", commit.get(..10).unwrap_or(commit)), Some(commit))
        }
        Cause::GatePassed => {
            (Rule::M12, "the gates of the step before were passed and approval is auto".to_owned(), None)
        }
        Cause::Carried => {
            (Rule::R5, "it was superseded, and carried on because it carries the load".to_owned(), None)
        }
    };
    let words =
        format!("{} is at step {:?} since {:.0}: {cause}", contender.name, position.name, position.since);
    let because = Because::of(rule, words).about(&contender.name);
    commit.into_iter().fold(because, |because, commit| because.by(commit))
}

/// That the step in force is achieved, with what every cluster that stays says of it [A1].
fn achieved(draft: &Draft<'_>, contender: &ReleaseRecord) -> Option<Because> {
    let achieved = contender.achieved.as_ref().filter(|achieved| achieved.step == contender.position.step)?;
    let without = match achieved.excused.is_empty() {
        true => String::new(),
        false => format!(" without {}", crate::plan::words::list(&achieved.excused)),
    };
    let words = format!(
        "Step {:?} of {} is achieved since {:.0}{without}",
        achieved.name, contender.name, achieved.at
    );
    let placement = draft.placement();
    let clusters = placement.into_iter().flat_map(Placement::staying).map(|(name, _)| name);
    Some(proven(draft, Because::of(Rule::A1, words).about(&contender.name), clusters))
}

/// The clusters that fail at the step in force, and those whose time runs [A2].
fn failures(draft: &Draft<'_>, contender: &ReleaseRecord) -> Vec<Because> {
    let step = &contender.position.name;
    let deadline = contender.strategy.progress_deadline;
    draft
        .proofs
        .keys()
        .filter_map(|cluster| {
            let words = match (failing::of(contender, cluster), contender.lagging.get(cluster)) {
                (Some(found), _) => {
                    format!("{cluster} fails at step {step:?} since {:.0}: {}", found.since, found.message)
                }
                (None, Some(lag)) => format!(
                    "{cluster} has not achieved step {step:?}; it fails if there is no progress for {} after {}",
                    format_duration(deadline),
                    lag.since
                ),
                (None, None) => return None,
            };
            Some(proven(draft, Because::of(Rule::A2, words).about(&contender.name), [cluster]))
        })
        .collect()
}

/// What the gates of the step in force say: what they wait for, or since when they are passed [A4].
fn gate(draft: &Draft<'_>, contender: &ReleaseRecord) -> Option<Because> {
    let achieved = contender.achieved.as_ref().filter(|achieved| achieved.step == contender.position.step);
    let record = contender.gate.as_ref().filter(|record| record.step == contender.position.step);
    achieved.and(record)?;
    let of = |words: String| Because::of(Rule::A4, words).about(&contender.name);
    if let Some(closed) = gates::closed(draft, contender) {
        return Some(proven(
            draft,
            of(format!("The gate is not passed: {}", closed.message)),
            &closed.clusters,
        ));
    }
    let passed = record?.passed?;
    let words = format!(
        "The gates of step {:?}, approval aside, are passed since {passed:.0}",
        contender.position.name
    );
    Some(proven(draft, of(words), gates::measuring(draft, contender).map(|(name, _)| name)))
}
