//! Where an application runs [S1 to S5]: the choice is the record's, and few things change it.
//!
//! - [`fleet`]: what is known of clusters; [`score`]: which come first.
//! - [`mod@choose`]: the choice; [`room`](mod@room): what a cluster can hold.
//! - [`leaving`]: clusters that are not wanted any more go once the others are ready.

mod choose;
mod fleet;
mod leaving;
mod room;
mod score;

pub use fleet::{ClusterInfo, Fleet, Room};
pub(super) use leaving::{release, waits_for};
pub use room::peak_of;

use super::blocks::{self, Act};
use super::{Draft, Event, EventReason};
use crate::ClusterName;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::state::{Leaves, Placement};
use crate::status::{Refusal, RefusedCluster};
use choose::{Asked, Choice, choose};
use jiff::SignedDuration;
use room::Demand;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most clusters that a condition names; the status has all.
const NAMED: usize = 10;

/// When an application that finds no room looks again: what clusters have free changes all the time and wakes nobody.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// What is told of the choice.
#[derive(Default)]
pub(super) struct Scheduling {
    /// Clusters that were not chosen although more were needed.
    pub(super) refused: Vec<RefusedCluster>,
    /// Clusters that are to go and cannot.
    pub(super) held: BTreeMap<ClusterName, Leaves>,
}

/// Chooses clusters where more are needed, and marks those that are not wanted any more. What is chosen stays [S2].
pub(super) fn place(draft: &mut Draft<'_>) {
    let (Some(intent), Some(record)) = (draft.input.intent, draft.record.as_ref()) else { return };
    let requirements = intent.application.spec.template.cluster_requirements.clone().unwrap_or_default();
    let before = record.placement.clone();
    // A block keeps what was chosen; where nothing was, nothing runs either [B1].
    let held = before.as_ref().filter(|_| blocks::forbids(draft, Act::Place));
    if held.is_some() && blocks::forbids(draft, Act::Drain) {
        let chosen = held.map_or(0, |placement| placement.clusters.len());
        let message = format!("{chosen} clusters; none is chosen or left while rollouts are blocked");
        scheduled(draft, Status::True, Reason::RolloutsBlocked, message);
        return;
    }
    let drain_only = held.is_some();
    let requirements = held.map_or(requirements, |placement| placement.requirements.clone());
    let unchanged = before.as_ref().is_some_and(|placement| placement.requirements == requirements);
    let mut placement = before.clone().unwrap_or_default();
    let mut demand = Demand::of(draft);
    let asked = Asked {
        app: draft.input.application,
        requirements: &requirements,
        unchanged,
        drain_only,
        fleet: draft.input.fleet,
        placed: &placement.clusters,
    };
    let choice = choose(&asked, &mut |name, info| demand.fits(name, info));
    let renders = std::mem::take(&mut demand.renders);
    draft.want(renders);
    if choice.unknown {
        let message = "what a cluster has to hold is being rendered";
        scheduled(draft, Status::Unknown, Reason::Rendering, message);
        return;
    }
    if choice.refused.iter().any(|refused| refused.reason == Refusal::NoCapacity) {
        draft.wake(draft.input.now.saturating_add(LOOK_AGAIN).unwrap_or(draft.input.now));
    }
    apply(draft, &choice, &mut placement);
    tell(draft, &choice, &placement, requirements.allow_fewer);
    draft.scheduling = Scheduling { refused: choice.refused, held: choice.held };
    if !unchanged {
        Arc::make_mut(&mut placement).requirements = requirements;
    }
    if let Some(record) = draft.record.as_mut()
        && (before.is_some() || !placement.clusters.is_empty())
    {
        record.placement = Some(placement);
    }
}

/// Writes the choice into the placement, and what changed into the timeline.
fn apply(draft: &mut Draft<'_>, choice: &Choice, placement: &mut Arc<Placement>) {
    let changes =
        placement.clusters.iter().any(|(name, placed)| placed.leaves != choice.leaving.get(name).copied());
    if !changes && choice.joining.is_empty() {
        return;
    }
    let placement = Arc::make_mut(placement);
    let first = placement.clusters.is_empty();
    let mut happened = Vec::new();
    for (name, placed) in placement.clusters.iter_mut() {
        let leaves = choice.leaving.get(name).copied();
        if let Some(why) = leaves.filter(|_| placed.leaves.is_none()) {
            let message = format!("{name} leaves once the others are ready: {why}");
            // Somebody drains it, or asks for others.
            let commit = Some(draft.input.source.to_owned());
            happened.push((name.clone(), EventReason::ClusterUnwanted, message, commit));
        }
        placed.leaves = leaves;
    }
    for name in &choice.joining {
        let Some(info) = draft.input.fleet.clusters.get(name) else { continue };
        placement.leaving.remove(name);
        placement.clusters.insert(name.clone(), info.placed());
        if !first {
            // It may be chosen because it has room again.
            happened.push((name.clone(), EventReason::ClusterChosen, format!("{name} is chosen"), None));
        }
    }
    if let Some(contender) = draft.contender_name() {
        for (cluster, reason, message, commit) in happened {
            let event = Event::of(&contender, reason, message);
            draft.events.push(Event { commit, cluster: Some(cluster), ..event });
        }
    }
}

fn tell(draft: &mut Draft<'_>, choice: &Choice, placement: &Placement, allow_fewer: bool) {
    let why_not = refusals(&choice.refused);
    let staying = placement.staying().count();
    if !choice.missing.is_empty() && (!allow_fewer || staying == 0) {
        let help = if draft.input.fleet.clusters.is_empty() { "; add a file under clusters/" } else { "" };
        let kept = match staying {
            0 => String::new(),
            kept => format!("; the {kept} chosen before stay until more are found, or with allowFewer: true"),
        };
        let message = format!("{}{why_not}{kept}{help}", choice.missing.join("; "));
        scheduled(draft, Status::False, Reason::NotEnoughClusters, message);
    } else if let Some((name, why)) = choice.held.first_key_value() {
        let others = match choice.held.len() {
            1 => String::new(),
            several => format!(" and {} more stay", several - 1),
        };
        let message = format!("{name} stays although {why}{others}: no cluster takes its place{why_not}");
        scheduled(draft, Status::False, Reason::NoReplacement, message);
    } else {
        let leaving = placement.clusters.len() - staying + placement.leaving.len();
        let leaving = if leaving == 0 { String::new() } else { format!("; {leaving} leave") };
        let fewer = if choice.missing.is_empty() {
            String::new()
        } else {
            format!("; fewer than asked for: {}{why_not}", choice.missing.join("; "))
        };
        scheduled(draft, Status::True, Reason::AsExpected, format!("{staying} clusters{leaving}{fewer}"));
    }
}

/// `: c2 is cordoned; …`, as far as there is room.
fn refusals(refused: &[RefusedCluster]) -> String {
    if refused.is_empty() {
        return String::new();
    }
    let mut named: Vec<String> =
        refused.iter().take(NAMED).map(|one| format!("{}: {}", one.cluster, one.message)).collect();
    if refused.len() > NAMED {
        named.push(format!("and {} more", refused.len() - NAMED));
    }
    format!(" ({})", named.join(", "))
}

fn scheduled(draft: &mut Draft<'_>, status: Status, reason: Reason, message: impl Into<String>) {
    draft.conditions.push(Condition::new(ConditionType::Scheduled, status, reason, message));
}
