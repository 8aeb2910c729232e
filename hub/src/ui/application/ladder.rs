//! The step ladder: which steps there are, what each asks for, which are achieved, and where the rollout is.

use crate::ui::words::{Moment, length_of};
use shipper_core::analysis::wanted;
use shipper_core::intent::{Approval, Step};
use shipper_core::state::ReleaseRecord;
use shipper_core::status::ReleaseStatus;

/// A step.
pub(super) struct Rung {
    /// From 1.
    pub(super) number: usize,
    /// Its name.
    pub(super) name: String,
    /// `done`, `here`, `ahead`.
    pub(super) place: &'static str,
    /// The same for people.
    pub(super) says: String,
    /// Percent of capacity and weight of traffic, of the contender and of the incumbent, where the step sets them.
    pub(super) numbers: Vec<Number>,
    /// Which clusters move in it; `None` = all.
    pub(super) clusters: Option<String>,
    /// What lets the rollout leave it.
    pub(super) gate: Vec<String>,
    /// Since when the rollout is there, or when it was achieved.
    pub(super) at: Option<Moment>,
}

/// What a step sets.
pub(super) struct Number {
    /// `Pods` or `Traffic`.
    pub(super) what: &'static str,
    /// In words.
    pub(super) text: String,
    /// The contender's part of both, in percent, for the bar.
    pub(super) part: u32,
}

/// The steps of a release; what its record adds may be missing.
pub(super) fn of(release: &ReleaseStatus, record: Option<&ReleaseRecord>) -> Vec<Rung> {
    let achieved = release.achieved.as_ref().map(|achieved| achieved.step);
    // The record may be of a moment before or after: only what fits the status is said.
    let steps = record.map(|record| record.strategy.steps.as_slice());
    let steps = steps.filter(|steps| steps.iter().map(|step| &step.name).eq(release.steps.iter()));
    let rung = |(index, name): (usize, &String)| {
        let step = steps.map(|steps| &steps[index]);
        let here = index == release.step;
        let done = achieved.is_some_and(|achieved| index <= achieved) && index <= release.step;
        let place = if done {
            "done"
        } else if here {
            "here"
        } else {
            "ahead"
        };
        let at_last = release.achieved.as_ref().filter(|achieved| achieved.step == index && done);
        let since = record.filter(|record| here && record.position.step == index);
        Rung {
            number: index + 1,
            name: name.clone(),
            place,
            says: match (done, here) {
                (true, true) => "achieved, the rollout is here".to_owned(),
                (true, false) => "achieved".to_owned(),
                (false, true) => if since.is_some() {
                    "the rollout is on its way here since"
                } else {
                    "the rollout is on its way here"
                }
                .to_owned(),
                (false, false) => "ahead".to_owned(),
            },
            numbers: step.map(numbers).unwrap_or_default(),
            clusters: step.and_then(clusters),
            gate: step.map(|step| gate(step, index + 1 == release.steps.len())).unwrap_or_default(),
            at: at_last
                .map(|achieved| achieved.at)
                .or_else(|| since.map(|record| record.position.since))
                .map(Moment::of),
        }
    };
    release.steps.iter().enumerate().map(rung).collect()
}

fn numbers(step: &Step) -> Vec<Number> {
    let percent = |part: Option<u8>| part.map_or_else(|| "as it is".to_owned(), |part| format!("{part} %"));
    let weight = |part: Option<u32>| part.map_or_else(|| "as it is".to_owned(), |part| part.to_string());
    let capacity = step.capacity.map(|capacity| Number {
        what: "Pods",
        text: format!("{} new, {} old", percent(capacity.contender), percent(capacity.incumbent)),
        part: part(capacity.contender.map(u32::from), capacity.incumbent.map(u32::from)),
    });
    let traffic = step.traffic.map(|traffic| Number {
        what: "Traffic",
        text: format!("{} new, {} old", weight(traffic.contender), weight(traffic.incumbent)),
        part: part(traffic.contender, traffic.incumbent),
    });
    capacity.into_iter().chain(traffic).collect()
}

fn part(contender: Option<u32>, incumbent: Option<u32>) -> u32 {
    let (contender, incumbent) = (contender.unwrap_or(0), incumbent.unwrap_or(0));
    (contender * 100).checked_div(contender + incumbent).unwrap_or(0)
}

fn clusters(step: &Step) -> Option<String> {
    let selector = step.clusters.as_ref()?;
    let names =
        (!selector.names.is_empty()).then(|| selector.names.iter().cloned().collect::<Vec<_>>().join(", "));
    let labels = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let regions = selector.regions.iter().map(|region| format!("region {region}"));
    Some(names.into_iter().chain(labels).chain(regions).collect::<Vec<_>>().join(", "))
}

fn gate(step: &Step, last: bool) -> Vec<String> {
    let soak = step.gate.soak.map(|soak| format!("soaks for {}", length_of(soak)));
    let analysis = step.gate.analysis.iter().map(|analysis| {
        let wanted = wanted(analysis);
        if wanted.is_empty() {
            format!("measures {}", analysis.name)
        } else {
            format!("measures {}: {wanted}", analysis.name)
        }
    });
    let approval = match step.gate.approval {
        _ if last => None,
        Approval::Manual => Some("then waits for a promotion".to_owned()),
        Approval::Auto => Some("then goes on by itself".to_owned()),
    };
    soak.into_iter().chain(analysis).chain(approval).collect()
}
