//! A release under way goes on with the strategy that is on `main` now [R4].
//!
//! `rollout.adoptStrategy` names the strategy by what it says ([`StrategySpec::version`]), so nobody adopts what was changed
//! again meanwhile, and a release made with that very strategy needs nothing. The release keeps its position by the step's name.

use super::halt::Halt;
use super::{Draft, EventReason, Share, failing, numbers, orders};
use crate::ReleaseName;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::intent::{Gate, StrategySpec};
use crate::state::{GateRecord, Position, ReleaseRecord};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Replaces the contender's strategy where `rollout.adoptStrategy` names the one on `main`, or says why not.
pub(super) fn adopt(draft: &mut Draft<'_>, halt: Option<&Halt>) {
    let Some(contender) = draft.contender_name() else { return };
    let Some(release) = draft.releases.get(&contender) else { return };
    let on_main = draft.input.intent.and_then(|intent| intent.strategy.as_ref());
    let named = draft
        .rollout()
        .filter(|rollout| rollout.release.as_deref() == Some(contender.as_str()))
        .and_then(|rollout| rollout.adopt_strategy.as_deref());
    let condition =
        |status, reason, message| Condition::new(ConditionType::StrategyCurrent, status, reason, message);
    if on_main == Some(&release.strategy) {
        return;
    }
    let pinned = release.strategy.version();
    let Some(named) = named.filter(|named| *named != pinned) else {
        if let Some(on_main) = on_main.filter(|_| release.complete.is_none()) {
            let message = format!(
                "{contender} keeps its strategy {pinned}; the one on main is {version}, for the next release. To go on with it now: rollout.adoptStrategy: {version}",
                version = on_main.version()
            );
            draft.conditions.push(condition(Status::False, Reason::StrategyChanged, message));
        }
        return;
    };
    let refused = match on_main {
        None => Some((
            Reason::StrategyNotFound,
            format!("rollout.adoptStrategy is {named}, but strategyRef names no strategy on main"),
        )),
        Some(strategy) if strategy.version() != named => Some((
            Reason::StaleStrategy,
            format!(
                "rollout.adoptStrategy is {named}, but the strategy on main is {}; {contender} keeps {pinned}",
                strategy.version()
            ),
        )),
        Some(strategy) => refusal(release, strategy)
            .map(|why| (Reason::StrategyRefused, format!("{contender} keeps its strategy {pinned}: {why}"))),
    };
    if let Some((reason, message)) = refused {
        draft.conditions.push(condition(Status::False, reason, message));
    } else if let Some(halt) = halt {
        let message = format!("{contender} takes the strategy {named} not while {}", halt.words());
        draft.conditions.push(condition(Status::Unknown, halt.reason(), message));
    } else if let Some(strategy) = on_main.cloned() {
        let message = format!("{contender} goes on with the strategy {named} in place of {pinned}");
        replace(draft, &contender, strategy);
        failing::judge_anew(draft, &contender);
        draft.asked(&contender, EventReason::StrategyAdopted, message.clone());
        draft.conditions.push(condition(Status::True, Reason::AsExpected, message));
    }
}

/// Why a release cannot go on with a strategy.
fn refusal(release: &ReleaseRecord, strategy: &StrategySpec) -> Option<String> {
    let name = &release.position.name;
    let Some(step) = index(strategy, name) else {
        return Some(format!(
            "it is at step {name:?}, which the strategy on main does not have; its steps are {}. Move it to a step that both have first",
            orders::list(strategy)
        ));
    };
    if release.complete.is_some() && step + 1 < strategy.steps.len() {
        return Some(format!(
            "it is complete at step {name:?}, which is not the last one of the strategy on main"
        ));
    }
    (release.strategy.manages_traffic() != strategy.manages_traffic()).then(|| {
        "only one of both strategies names traffic, and whether Shipper shifts traffic is settled when a release is made".to_owned()
    })
}

fn index(strategy: &StrategySpec, name: &str) -> Option<usize> {
    strategy.steps.iter().position(|step| step.name == name)
}

fn replace(draft: &mut Draft<'_>, contender: &ReleaseName, strategy: StrategySpec) {
    let placement = draft.record.as_ref().and_then(|record| record.placement.clone());
    let now = draft.input.now;
    let allowed = strategy.max_failed_clusters.of(draft.proofs.len());
    let Some(release) = draft.releases.get_mut(contender) else { return };
    let old = std::mem::replace(&mut release.strategy, strategy);
    let new = &release.strategy;
    let Some(step) = index(new, &release.position.name) else { return };
    let before = old.steps.get(release.position.from).and_then(|before| index(new, &before.name));
    let from = match before {
        Some(from) => from,
        // Where it came from is gone; the direction is kept.
        None if release.position.from > release.position.step => (step + 1).min(new.steps.len() - 1),
        None => step,
    };
    let mut clusters = placement.iter().flat_map(|placement| placement.clusters.iter());
    let asks_other = clusters.any(|(name, placed)| {
        let cluster = (name.as_str(), placed);
        let all = Share::everything(true);
        numbers(&old, release.position.step, cluster, all) != numbers(new, step, cluster, all)
    });
    release.achieved = release.achieved.take().and_then(|achieved| {
        let step = index(&release.strategy, &achieved.name)?;
        // What the step asks for now was not achieved yet, or not by as many as it has to be.
        let other = asks_other || achieved.excused.len() > allowed;
        let still = release.complete.is_some() || !(other && achieved.name == release.position.name);
        still.then_some(crate::state::Achieved { step, ..achieved })
    });
    // What soaked, and was measured, were other numbers [A4].
    release.gate = release.gate.take().filter(|_| !asks_other);
    if let Some(record) = release.gate.as_mut() {
        let gates =
            |strategy: &StrategySpec, step: usize| strategy.steps.get(step).map(|step| step.gate.clone());
        follow(record, gates(&old, release.position.step), gates(&release.strategy, step), now);
        record.step = step;
    }
    let since = if asks_other { now } else { release.position.since };
    let Position { name, cause, .. } = release.position.clone();
    let position = Position { step, name, from, since, cause };
    if asks_other {
        release.move_to(position);
    } else {
        release.position = position;
    }
}

/// What was judged by another gate is judged again: the time soaked counts, what was measured does not.
fn follow(record: &mut GateRecord, before: Option<Gate>, after: Option<Gate>, now: Timestamp) {
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    if before.soak != after.soak {
        record.passed = None;
    }
    if before.analysis != after.analysis {
        *record = GateRecord { since: now, passed: None, failed: BTreeMap::default(), ..record.clone() };
    }
}
