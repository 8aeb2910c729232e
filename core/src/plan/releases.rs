//! Which releases there are: made, returned to, superseded [R1 to R5, M8, M10].

use super::bases::{self, Bases};
use super::blocks::Act;
use super::evidence::{is_achieved, ready_traffic};
use super::halt::{Halt, halt};
use super::numbers::numbers;
use super::{Draft, EventReason, Intent, RenderNeed, Resolved, Variant, orders, taken_back};
use crate::ReleaseName;
use crate::condition::{Condition, ConditionType, Reason, Status};
use crate::few::Few;
use crate::intent::{Chart, Rollback, StrategySpec};
use crate::manifest::values::{merged_values, variant};
use crate::state::{
    Achieved, AppRecord, Cause, ChartPin, Failure, PinnedChart, PlacedCluster, Position, ReleaseRecord,
    Withdrawal, WithdrawalReason,
};
use crate::status::Liveness;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The pin of a kept release whose written chart block is the same [R3]; the newest, where several have it.
pub fn pinned<'a>(
    releases: impl IntoIterator<Item = &'a ReleaseRecord>,
    written: &Chart,
) -> Option<PinnedChart> {
    releases
        .into_iter()
        .filter(|release| release.written_chart.as_deref() == Some(written))
        .max_by_key(|release| release.generation)
        .and_then(|release| release.environment.chart.clone())
}

/// Makes, returns to, or supersedes a release where the environment on `main` asks for it.
pub(super) fn sync(draft: &mut Draft<'_>) {
    let Some(intent) = draft.input.intent else { return };
    let resolved = match &intent.environment {
        Ok(resolved) => resolved,
        Err(unresolved) => {
            let (status, reason) = match unresolved.looking {
                true => (Status::Unknown, Reason::Rendering),
                false => (Status::False, Reason::ChartUnavailable),
            };
            let message = unresolved.message.clone();
            draft.conditions.push(Condition::new(ConditionType::ReleaseSynced, status, reason, message));
            return;
        }
    };
    let hash = resolved.environment.hash();
    let taken_back = taken_back::is_taken_back(draft, &hash);
    let roles = draft.roles();
    let same = |release: Option<&ReleaseRecord>| release.is_some_and(|r| r.environment.hash() == hash);
    let (is_contender, is_incumbent) = (same(roles.contender), same(roles.incumbent));
    let (contender, incumbent) = roles.names();
    if is_contender {
        synced(draft);
    } else if taken_back {
        taken_back::tell(draft);
    } else if is_incumbent && intent.application.spec.rollback == Rollback::AtOnce {
        if let Some(halt) = halt(draft, Act::Abort) {
            halted(draft, &halt, "the contender is not taken back");
            return;
        }
        give_back(draft, contender, incumbent);
        synced(draft);
    } else if let Some(halt) = halt(draft, Act::Make) {
        halted(draft, &halt, "no release is made");
    } else {
        make(draft, intent, resolved, &hash, contender);
    }
}

/// What keeps the environment on `main` from being followed.
fn halted(draft: &mut Draft<'_>, halt: &Halt, what: &str) {
    let message = format!("{what} while {}", halt.words());
    draft.conditions.push(Condition::new(
        ConditionType::ReleaseSynced,
        Status::False,
        halt.reason(),
        message,
    ));
}

fn synced(draft: &mut Draft<'_>) {
    draft.conditions.push(Condition::new(
        ConditionType::ReleaseSynced,
        Status::True,
        Reason::AsExpected,
        "a release exists for the environment on main",
    ));
}

/// The incumbent's environment is back: the contender is withdrawn, at once and without steps [M8].
fn give_back(draft: &mut Draft<'_>, contender: Option<ReleaseName>, incumbent: Option<ReleaseName>) {
    if let Some(contender) = contender {
        if let Some(incumbent) = incumbent {
            let bases = bases::handed_back(draft, &contender, &incumbent);
            draft.releases.entry(incumbent).and_modify(|release| release.autoscaler_bases = bases);
        }
        withdraw(
            draft,
            &contender,
            WithdrawalReason::Returned,
            "the environment on main is its predecessor's again",
        );
    }
    // In a commit that returns, `rollout` is no order and counts as obeyed [M12].
    orders::count_as_obeyed(draft);
}

fn withdraw(draft: &mut Draft<'_>, name: &ReleaseName, reason: WithdrawalReason, why: &str) {
    let (now, source) = (draft.input.now, draft.input.source.to_owned());
    if let Some(release) = draft.releases.get_mut(name) {
        release.withdrawn = Some(Withdrawal { at: now, reason, commit: Some(source), cause: None }.into());
        release.complete = None;
        draft.asked(name, EventReason::Withdrawn, format!("{name} is withdrawn: {why}"));
    }
}

/// A new environment: a new release at step 0, and a judgement on the one under way.
fn make(
    draft: &mut Draft<'_>,
    intent: &Intent,
    resolved: &Resolved,
    hash: &str,
    contender: Option<ReleaseName>,
) {
    let Some(strategy) = &intent.strategy else {
        let name = intent.application.spec.template.strategy_ref.clone().unwrap_or_default();
        draft.conditions.push(Condition::new(
            ConditionType::ReleaseSynced,
            Status::False,
            Reason::StrategyNotFound,
            format!(
                "strategyRef {name:?} names no file strategies/{name}.yaml; no release is made until it does"
            ),
        ));
        return;
    };
    let Some(mut release) = first_of(draft, resolved, hash, strategy) else { return };
    let name = release.name.clone();
    match rendered(draft, &release) {
        Rendered::All => {}
        Rendered::Missing(needs) => {
            draft.want(needs);
            // From now on every hub, and the next start of this one, makes the same release of it.
            let pin = resolved.written_chart.clone().zip(resolved.environment.chart.clone());
            let pin = pin.filter(|(written, _)| written.path.is_none());
            if let Some(record) = draft.record.as_mut() {
                record.pin = pin.map(|(written, chart)| ChartPin { written, chart }.into());
            }
            draft.conditions.push(Condition::new(
                ConditionType::ReleaseSynced,
                Status::Unknown,
                Reason::Rendering,
                format!("{name} is being rendered"),
            ));
            return;
        }
        Rendered::Failed(message) => {
            draft.event(&name, EventReason::RenderFailed, format!("{name} cannot be rendered: {message}"));
            release.failed = Some(Failure { message });
        }
    }
    if let Some(record) = draft.record.as_mut() {
        // The release has it.
        record.pin = None;
    }
    if let Some(contender) = contender {
        let under_way = draft.releases.get(&contender).filter(|release| release.complete.is_none());
        // What it was to take over, the new one is.
        release.autoscaler_bases = under_way.map(|r| r.autoscaler_bases.clone()).unwrap_or_default();
        supersede(draft, &contender);
    }
    if let Some(record) = draft.record.as_mut() {
        record.generation += 1;
        record.iterations.insert(hash.to_owned(), iteration(record, hash));
    }
    draft.asked(&name, EventReason::Created, format!("{name} was made"));
    draft.releases.insert(name.clone(), release);
    if let Some(incumbent) = draft.roles().incumbent.map(|release| release.name.clone()) {
        let measured = bases::measured(draft, &incumbent);
        draft
            .releases
            .entry(name)
            .and_modify(|release| bases::merge(&mut release.autoscaler_bases, measured));
    }
    synced(draft);
}

/// The iteration of the next release with this environment [R1].
fn iteration(record: &AppRecord, hash: &str) -> u32 {
    record.iterations.get(hash).map_or(0, |last| last + 1)
}

/// The name of the next release with this environment [R1].
pub(in crate::plan) fn next_name(record: &AppRecord, hash: &str) -> ReleaseName {
    ReleaseName::from(format!("{}-{hash}-{}", record.application.name, iteration(record, hash)))
}

/// A new release at its first step.
fn first_of(
    draft: &Draft<'_>,
    resolved: &Resolved,
    hash: &str,
    strategy: &StrategySpec,
) -> Option<ReleaseRecord> {
    let record = draft.record.as_ref()?;
    Some(ReleaseRecord {
        application: draft.input.application.clone(),
        name: next_name(record, hash),
        generation: record.generation + 1,
        environment: resolved.environment.clone(),
        written_chart: resolved.written_chart.clone().map(Box::new),
        strategy: strategy.clone(),
        source: draft.input.source.to_owned(),
        created: draft.input.now,
        position: start(strategy, draft.input.now),
        achieved: None,
        gate: None,
        lagging: BTreeMap::new(),
        complete: None,
        withdrawn: None,
        failed: None,
        autoscaler_bases: Bases::new(),
        requests: Few::default(),
    })
}

/// The release that is about to be made; `None` where that cannot be said.
pub(super) fn upcoming(draft: &Draft<'_>) -> Option<ReleaseRecord> {
    let intent = draft.input.intent?;
    let resolved = intent.environment.as_ref().ok()?;
    first_of(draft, resolved, &resolved.environment.hash(), intent.strategy.as_ref()?)
}

/// Keeps in the records what freshly rendered pods ask for, so that nothing is rendered or read again to know it [S1].
pub(super) fn keep_requests(draft: &mut Draft<'_>) {
    for ((name, variant), requests) in draft.input.room.requests {
        if let Some(release) = draft.releases.get_mut(name) {
            release.keep_requests(variant.as_deref(), requests);
        }
    }
}

fn start(strategy: &StrategySpec, now: jiff::Timestamp) -> Position {
    let name = strategy.steps.first().map(|step| step.name.clone()).unwrap_or_default();
    Position { step: 0, name, from: 0, since: now, cause: Cause::Created }
}

/// Judges a contender that a newer release takes the place of, once [R5]: what carries the load is carried on.
fn supersede(draft: &mut Draft<'_>, name: &ReleaseName) {
    let Some(release) = draft.releases.get(name) else { return };
    if release.complete.is_some() {
        return;
    }
    let nothing_else =
        !draft.releases.values().any(|r| r.name != *name && r.complete.is_some() && r.withdrawn.is_none());
    let last = release.strategy.steps.len().saturating_sub(1);
    let carried = release.failed.is_none()
        && (at_its_end(draft, release, last) || (nothing_else && carries_load(draft, name)));
    if !carried {
        withdraw(draft, name, WithdrawalReason::Superseded, "a newer environment is on main");
        return;
    }
    let now = draft.input.now;
    let Some(release) = draft.releases.get_mut(name) else { return };
    let step = release.strategy.steps.get(last).map(|step| step.name.clone()).unwrap_or_default();
    release.complete = Some(now);
    let from = release.position.step;
    release.move_to(Position { step: last, name: step.clone(), from, since: now, cause: Cause::Carried });
    release.achieved.get_or_insert(Achieved { step: last, name: step, at: now, excused: BTreeSet::new() });
    draft.asked(
        name,
        EventReason::Carried,
        format!("{name} is superseded, and carried on because it carries the load"),
    );
}

/// Its last step is achieved in every placed cluster that is not offline, at least one.
fn at_its_end(draft: &Draft<'_>, release: &ReleaseRecord, last: usize) -> bool {
    if release.position.step != last {
        return false;
    }
    let mut judged = 0;
    for name in placed(draft) {
        let away = draft.input.liveness.get(&name) == Some(&Liveness::Offline);
        let Some(target) = draft.input.targets.get(&name).filter(|_| !away) else { continue };
        if !is_achieved(draft.input.reports.get(&name), target, release, None) {
            return false;
        }
        judged += 1;
    }
    judged > 0
}

/// It has ready traffic anywhere, or evidence is missing.
fn carries_load(draft: &Draft<'_>, release: &ReleaseName) -> bool {
    let listed: Vec<_> = draft
        .input
        .targets
        .iter()
        .filter(|(_, target)| target.releases.iter().any(|r| r.name == *release))
        .collect();
    listed
        .into_iter()
        .any(|(cluster, _)| ready_traffic(draft.input, cluster, release).is_none_or(|ready| ready > 0))
}

fn placed(draft: &Draft<'_>) -> BTreeSet<crate::ClusterName> {
    draft.placement().map(|p| p.staying().map(|(name, _)| name.clone()).collect()).unwrap_or_default()
}

enum Rendered {
    All,
    Missing(Vec<RenderNeed>),
    Failed(String),
}

/// Whether every variant that a placed cluster needs is at hand. The plain one always is, so that a release can be looked at.
fn rendered(draft: &Draft<'_>, release: &ReleaseRecord) -> Rendered {
    let mut missing = Vec::new();
    for (variant, values) in variants(draft, release) {
        let key: Variant = (release.name.clone(), variant.clone());
        match draft.input.manifests.get(&key) {
            Some(Ok(())) => {}
            Some(Err(message)) => return Rendered::Failed(message.clone()),
            None => missing.push(RenderNeed { release: release.clone(), variant, values }),
        }
    }
    if missing.is_empty() { Rendered::All } else { Rendered::Missing(missing) }
}

fn variants(draft: &Draft<'_>, release: &ReleaseRecord) -> BTreeMap<Option<String>, Map<String, Value>> {
    let environment = &release.environment;
    let mut variants = BTreeMap::from([(None, environment.values.clone())]);
    let placement = draft.placement();
    for (name, placed) in placement.into_iter().flat_map(|placement| placement.clusters.iter()) {
        variants
            .entry(variant(environment, name.as_str(), &placed.labels, &placed.region))
            .or_insert_with(|| merged_values(environment, name.as_str(), &placed.labels, &placed.region));
    }
    variants
}

/// Asks for manifests that a cluster needs and that were not rendered when the release was made (it joined later).
pub(super) fn need(
    draft: &mut Draft<'_>,
    release: &ReleaseName,
    variant: Option<String>,
    cluster: (&str, &PlacedCluster),
) -> bool {
    let key: Variant = (release.clone(), variant.clone());
    match draft.input.manifests.get(&key) {
        Some(Ok(())) => true,
        Some(Err(message)) => {
            draft.unrendered.push((release.clone(), cluster.0.into(), message.clone()));
            false
        }
        None => {
            let need = draft.releases.get(release).map(|record| need_of(record, variant, cluster));
            draft.want(need);
            false
        }
    }
}

/// The manifests of a release with the values that a cluster has. The cluster need not be chosen yet: to choose it, what it would
/// have to hold must be known [S1].
pub(super) fn need_of(
    release: &ReleaseRecord,
    variant: Option<String>,
    (name, placed): (&str, &PlacedCluster),
) -> RenderNeed {
    let values = merged_values(&release.environment, name, &placed.labels, &placed.region);
    RenderNeed { release: release.clone(), variant, values }
}

/// Whether a step ≤ the release's own selects the cluster: the release has, or is to have, objects there [M3].
pub(super) fn reaches(release: &ReleaseRecord, cluster: (&str, &crate::state::PlacedCluster)) -> bool {
    let managed = release.strategy.manages_traffic();
    release.failed.is_none()
        && numbers(&release.strategy, release.position.step, cluster, super::Share::nothing(managed))
            .is_some()
}
