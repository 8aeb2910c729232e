//! What the releases and the step mean for every cluster [M3, R7].

use super::bases::base;
use super::evidence::{is_empty, is_gone};
use super::numbers::{numbers, own_end};
use super::releases::{need, reaches};
use super::{Draft, EventReason, PlannedTarget, Share};
use crate::intent::StrategySpec;
use crate::manifest::values::variant;
use crate::state::{PlacedCluster, ReleaseRecord, Target, TargetRelease, WithdrawalReason};
use crate::{ClusterName, ReleaseName};
use std::collections::BTreeMap;

/// Computes the target of every cluster that has, or is to have, anything of the application.
pub(super) fn compute(draft: &mut Draft<'_>) {
    let Some(placement) = draft.record.as_ref().and_then(|record| record.placement.clone()) else {
        keep(draft);
        return;
    };
    for (name, placed) in placement.clusters.iter() {
        let releases = wanted(draft, name, placed);
        write(draft, name, placed, releases);
    }
    for (name, placed) in placement.leaving.iter() {
        empty(draft, name, placed);
    }
    // What nobody decided on stays as it is.
    for (name, target) in draft.input.targets {
        let decided = placement.clusters.contains_key(name) || placement.leaving.contains_key(name);
        if !decided && !draft.input.fleet.removed.contains(name) {
            let manifests = kept_manifests(draft, name, target);
            draft.targets.insert(name.clone(), PlannedTarget { target: target.clone(), manifests });
        }
    }
}

/// Empties a cluster that gave its part over [S2, S4]: everything goes to 0/0, then becomes a tombstone, and the target goes when the cluster
/// has reported that nothing is left.
fn empty(draft: &mut Draft<'_>, name: &ClusterName, placed: &PlacedCluster) {
    let Some(current) = draft.input.targets.get(name) else {
        left(draft, name);
        return;
    };
    let mut target = Target { absent: false, ..current.clone() };
    target.releases = current
        .releases
        .iter()
        .filter_map(|listed| {
            let (_, share, absent) = fading(draft, name, listed, listed.traffic.is_some())?;
            let numbers =
                TargetRelease { capacity: share.capacity, traffic: share.traffic, absent, ..listed.clone() };
            Some(TargetRelease { autoscaler_base: BTreeMap::new(), ..numbers })
        })
        .collect();
    if target.releases.is_empty() {
        left(draft, name);
        return;
    }
    if target != *current {
        target.generation = next_generation(draft);
    }
    let manifests = manifests_of(draft, name, placed, &target);
    draft.targets.insert(name.clone(), PlannedTarget { target, manifests });
}

/// Nothing of the application is left there.
fn left(draft: &mut Draft<'_>, name: &ClusterName) {
    if let Some(placement) = draft.record.as_mut().and_then(|record| record.placement.as_mut()) {
        placement.leaving.remove(name);
    }
    if let Some(contender) = draft.roles().contender {
        let message = format!("{name} has nothing of it any more");
        draft.event_in(name, &contender, EventReason::ClusterLeft, message);
    }
}

/// Whether the target that stands in Git asks for what the contender's step means now.
pub(super) fn in_force(draft: &Draft<'_>, name: &ClusterName, placed: &PlacedCluster) -> bool {
    let target = draft.input.targets.get(name);
    target.is_some_and(|target| asks(target, &wanted(draft, name, placed)))
}

/// Whether a target asks for these numbers.
pub(super) fn asks(target: &Target, wanted: &[TargetRelease]) -> bool {
    let numbers = |releases: &[TargetRelease]| -> Vec<TargetRelease> {
        releases
            .iter()
            .filter(|r| !r.absent && (r.capacity, r.traffic.unwrap_or(0)) != (0, 0))
            .cloned()
            .collect()
    };
    numbers(&target.releases) == numbers(wanted)
}

/// Whether a placed cluster has nothing of the application and is to have nothing yet: the first release has not come there.
pub(super) fn has_nothing(draft: &Draft<'_>, name: &ClusterName, placed: &PlacedCluster) -> bool {
    !draft.input.targets.contains_key(name) && wanted(draft, name, placed).is_empty()
}

/// The releases of a cluster with their numbers, oldest first.
pub(super) fn wanted(draft: &Draft<'_>, name: &ClusterName, placed: &PlacedCluster) -> Vec<TargetRelease> {
    let roles = draft.roles();
    let cluster = (name.as_str(), placed);
    let contender = roles.contender.as_ref().and_then(|name| draft.releases.get(name));
    let incumbent = roles.incumbent.as_ref().and_then(|name| draft.releases.get(name));
    let own = incumbent.and_then(|release| own_end(&release.strategy, cluster));
    let reached = contender.filter(|release| reaches(release, cluster));
    let managed = governing(reached, incumbent).is_some_and(|release| release.strategy.manages_traffic());
    let mut shares: BTreeMap<u64, (ReleaseName, Share, bool)> = BTreeMap::new();
    match reached {
        Some(contender) => {
            // Where the incumbent has never been, a number that the step leaves out means all of it: what has the load there
            // goes with the contender's coming [R7], and something has to carry it on.
            let full = |incumbent: &ReleaseRecord| Share::everything(incumbent.strategy.manages_traffic());
            let before = own.or(incumbent.map(full)).unwrap_or(Share::nothing(managed));
            if let Some(numbers) = numbers(&contender.strategy, contender.position.step, cluster, before) {
                shares.insert(contender.generation, (contender.name.clone(), numbers.contender, false));
                if let Some(incumbent) = incumbent {
                    shares.insert(incumbent.generation, (incumbent.name.clone(), numbers.incumbent, false));
                }
            }
        }
        None => {
            if let (Some(incumbent), Some(own)) = (incumbent, own) {
                shares.insert(incumbent.generation, (incumbent.name.clone(), own, false));
            }
        }
    }
    let target = draft.input.targets.get(name);
    for listed in target.map(|target| &target.releases).into_iter().flatten() {
        if shares.values().any(|(name, ..)| *name == listed.name) {
            continue;
        }
        if let Some(leaving) = leaving(draft, name, listed, reached.is_some(), managed) {
            shares.insert(listed.generation, leaving);
        }
    }
    let returning = shares.values().any(|(name, _, absent)| !absent && returned(draft, name));
    shares
        .into_iter()
        .map(|(generation, (listed, share, absent))| TargetRelease {
            generation,
            capacity: share.capacity,
            traffic: share.traffic,
            absent,
            autoscaler_base: contender
                .filter(|release| release.name == listed)
                .map(|release| base(release, name, returning))
                .unwrap_or_default(),
            name: listed,
        })
        .collect()
}

/// It was taken back, and what it served goes back to its predecessor [M8].
fn returned(draft: &Draft<'_>, name: &ReleaseName) -> bool {
    let withdrawn = draft.releases.get(name).and_then(|release| release.withdrawn.as_ref());
    withdrawn.is_some_and(|w| matches!(w.reason, WithdrawalReason::Returned | WithdrawalReason::RolledBack))
}

/// A release that is neither contender nor incumbent here: at 0/0 until the cluster reports it empty, a tombstone until it is reported
/// gone, then no more. Older history stays in clusters that the contender has not reached [R7].
fn leaving(
    draft: &Draft<'_>,
    cluster: &ClusterName,
    listed: &TargetRelease,
    reached: bool,
    managed: bool,
) -> Option<(ReleaseName, Share, bool)> {
    let record = draft.releases.get(&listed.name);
    let withdrawn = record.is_none_or(|release| release.withdrawn.is_some());
    let contender = draft.roles().contender.as_ref() == Some(&listed.name);
    if !reached && !withdrawn && !contender && !was_removed(draft, cluster) {
        return Some((
            listed.name.clone(),
            Share { capacity: listed.capacity, traffic: listed.traffic },
            listed.absent,
        ));
    }
    fading(draft, cluster, listed, managed)
}

/// The way out: 0/0, a tombstone, nothing. Each waits for the report that the one before is done.
fn fading(
    draft: &Draft<'_>,
    cluster: &ClusterName,
    listed: &TargetRelease,
    managed: bool,
) -> Option<(ReleaseName, Share, bool)> {
    let nothing = Share::nothing(managed);
    if was_removed(draft, cluster) {
        return Some((listed.name.clone(), nothing, false));
    }
    if listed.absent {
        return (!is_gone(draft.input, cluster, &listed.name)).then(|| (listed.name.clone(), nothing, true));
    }
    let at_zero = listed.capacity == 0 && listed.traffic.unwrap_or(0) == 0;
    let absent = at_zero && is_empty(draft.input, cluster, &listed.name);
    Some((listed.name.clone(), nothing, absent))
}

/// Whether the application was being removed there, and is to stay after all [X1]. The tombstones of its releases were written without asking
/// whether they are empty, so that each begins its way out anew.
fn was_removed(draft: &Draft<'_>, cluster: &ClusterName) -> bool {
    draft.input.targets.get(cluster).is_some_and(|target| target.absent)
}

/// Whose strategy says how things move here: the contender's where it has come, else the incumbent's, so that a target
/// stays byte for byte where the contender has not come [M3].
fn governing<'a>(
    reached: Option<&'a ReleaseRecord>,
    incumbent: Option<&'a ReleaseRecord>,
) -> Option<&'a ReleaseRecord> {
    reached.or(incumbent)
}

/// Turns the numbers into a target; its generation is raised where anything differs from what stands in Git.
fn write(
    draft: &mut Draft<'_>,
    name: &ClusterName,
    placed: &PlacedCluster,
    mut releases: Vec<TargetRelease>,
) {
    let mut manifests = BTreeMap::new();
    let mut complete = true;
    for release in releases.iter().filter(|release| !release.absent) {
        let variant = draft
            .releases
            .get(&release.name)
            .and_then(|record| variant(&record.environment, name.as_str(), &placed.labels, &placed.region));
        if need(draft, &release.name, variant.clone(), (name.as_str(), placed)) {
            manifests.insert(release.name.clone(), variant);
        } else {
            complete = false;
        }
    }
    let current = draft.input.targets.get(name);
    if !complete && was_removed(draft, name) {
        // The removal ends at once: what is at hand is asked for, and what is not listed is left alone. What is on its way out stays on it.
        let roles = draft.roles();
        let has_role = |name| [&roles.contender, &roles.incumbent].contains(&&Some(name));
        releases.retain_mut(|release| {
            release.absent |= !manifests.contains_key(&release.name);
            !release.absent || !has_role(release.name.clone())
        });
        complete = true;
    }
    if !complete || (releases.is_empty() && current.is_none()) {
        // What is missing is asked for; until then the target stays as it is.
        if let Some(target) = current {
            let manifests = kept_manifests(draft, name, target);
            draft.targets.insert(name.clone(), PlannedTarget { target: target.clone(), manifests });
        }
        return;
    }
    let mut target = shaped(draft, name, placed, releases);
    match current {
        Some(current) => {
            target.generation = current.generation;
            if target != *current {
                target.generation = next_generation(draft);
            }
        }
        None => target.generation = next_generation(draft),
    }
    draft.targets.insert(name.clone(), PlannedTarget { target, manifests });
}

pub(super) fn next_generation(draft: &mut Draft<'_>) -> u64 {
    match draft.record.as_mut() {
        Some(record) => {
            record.target_generation += 1;
            record.targets_written = Some(draft.input.now);
            record.target_generation
        }
        None => 1,
    }
}

fn shaped(
    draft: &Draft<'_>,
    name: &ClusterName,
    placed: &PlacedCluster,
    releases: Vec<TargetRelease>,
) -> Target {
    let roles = draft.roles();
    let contender = roles.contender.as_ref().and_then(|name| draft.releases.get(name));
    let incumbent = roles.incumbent.as_ref().and_then(|name| draft.releases.get(name));
    let reached = contender.filter(|release| reaches(release, (name.as_str(), placed)));
    let fallback = StrategySpec::default();
    let strategy = governing(reached, incumbent).map_or(&fallback, |release| &release.strategy);
    let current = draft.input.targets.get(name);
    let spec = draft.input.intent.map(|intent| &intent.application.spec);
    Target {
        application: draft.input.application.clone(),
        generation: 0,
        surge: withdrawal_surge(draft, &releases).unwrap_or(strategy.surge),
        settle_seconds: strategy.settle.into(),
        traffic: spec.map_or_else(|| current.map(|t| t.traffic).unwrap_or_default(), |spec| spec.traffic),
        create_namespace: spec
            .map_or_else(|| current.is_some_and(|t| t.create_namespace), |spec| spec.create_namespace),
        arriving: incumbent.is_none()
            && reached.is_some_and(|release| is_arriving(release, &releases, (name.as_str(), placed))),
        absent: false,
        releases,
        analysis: super::gates::measured(draft, name, placed),
    }
}

/// Whether the first release has not got the numbers of its last step. Told by the numbers alone, so that a target stays byte for
/// byte where they do [M3].
fn is_arriving(first: &ReleaseRecord, listed: &[TargetRelease], cluster: (&str, &PlacedCluster)) -> bool {
    let Some(end) = own_end(&first.strategy, cluster) else { return false };
    listed
        .iter()
        .find(|listed| listed.name == first.name)
        .is_some_and(|listed| (listed.capacity, listed.traffic) != (end.capacity, end.traffic))
}

/// While a release is on its way out, its own `withdrawalSurge` holds [C2].
fn withdrawal_surge(draft: &Draft<'_>, releases: &[TargetRelease]) -> Option<crate::intent::Surge> {
    releases
        .iter()
        .rev()
        .filter(|listed| !listed.absent)
        .filter_map(|listed| draft.releases.get(&listed.name))
        .find(|release| {
            release.withdrawn.as_ref().is_some_and(|w| {
                matches!(
                    w.reason,
                    WithdrawalReason::Returned | WithdrawalReason::Superseded | WithdrawalReason::RolledBack
                )
            })
        })
        .and_then(|release| release.strategy.withdrawal_surge)
}

/// Leaves every target as it stands.
pub(super) fn keep(draft: &mut Draft<'_>) {
    for (name, target) in draft.input.targets {
        if draft.input.fleet.removed.contains(name) {
            continue;
        }
        let manifests = kept_manifests(draft, name, target);
        draft.targets.insert(name.clone(), PlannedTarget { target: target.clone(), manifests });
    }
}

fn kept_manifests(
    draft: &Draft<'_>,
    name: &ClusterName,
    target: &Target,
) -> BTreeMap<ReleaseName, Option<String>> {
    let fallback = PlacedCluster::default();
    let placement = draft.record.as_ref().and_then(|record| record.placement.as_ref());
    let placed = placement.and_then(|p| p.clusters.get(name).or_else(|| p.leaving.get(name)));
    manifests_of(draft, name, placed.unwrap_or(&fallback), target)
}

/// Which manifests belong beside a target.
fn manifests_of(
    draft: &Draft<'_>,
    name: &ClusterName,
    placed: &PlacedCluster,
    target: &Target,
) -> BTreeMap<ReleaseName, Option<String>> {
    let listed = target.releases.iter().filter(|release| !release.absent);
    listed
        .map(|release| {
            let record = draft.releases.get(&release.name);
            let values = record.and_then(|record| {
                variant(&record.environment, name.as_str(), &placed.labels, &placed.region)
            });
            (release.name.clone(), values)
        })
        .collect()
}
