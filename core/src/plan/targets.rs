//! What the releases and the step mean for every cluster [M3, R7].

use super::bases::base;
use super::evidence::{is_empty, is_gone};
use super::numbers::{numbers, own_end};
use super::releases::{need, reaches};
use super::site::{Site, sites};
use super::{Draft, EventReason, PlannedTarget, Share};
use crate::few::{Few, InOrder};
use crate::intent::StrategySpec;
use crate::manifest::values::variant;
use crate::state::{PlacedCluster, ReleaseRecord, Target, TargetRelease, WithdrawalReason};
use crate::{ClusterName, ReleaseName};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Where no release has come.
static NO_STRATEGY: LazyLock<StrategySpec> = LazyLock::new(StrategySpec::default);

/// Computes the target of every cluster that has, or is to have, anything of the application.
pub(super) fn compute(draft: &mut Draft<'_>) {
    let Some(placement) = draft.record.as_ref().and_then(|record| record.placement.clone()) else {
        keep(draft);
        return;
    };
    draft.targets = Few::with_capacity(placement.clusters.len().max(draft.input.targets.len()));
    for site in sites(draft.input, &placement.clusters) {
        let releases = wanted(draft, &site);
        write(draft, &site, releases);
    }
    for site in sites(draft.input, &placement.leaving) {
        empty(draft, &site);
    }
    // What nobody decided on stays as it is.
    let (mut placed, mut leaving) = (InOrder::of(&placement.clusters), InOrder::of(&placement.leaving));
    for (name, target) in draft.input.targets {
        let decided = placed.get(name).is_some() || leaving.get(name).is_some();
        if !decided && !draft.input.fleet.removed.contains(name) {
            let manifests = kept_manifests(draft, name, target);
            draft.targets.insert(name.clone(), PlannedTarget { target: target.clone(), manifests });
        }
    }
}

/// Empties a cluster that gave its part over [S2, S4]: everything goes to 0/0, then becomes a tombstone, and the target goes when the cluster
/// has reported that nothing is left.
fn empty(draft: &mut Draft<'_>, site: &Site<'_, '_>) {
    let name = site.name;
    let Some(current) = site.target else {
        left(draft, name);
        return;
    };
    let mut target = Target { absent: false, ..current.clone() };
    target.releases = current
        .releases
        .iter()
        .filter_map(|listed| {
            let Part { share, absent } = fading(site, listed, listed.traffic.is_some())?;
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
    let manifests = manifests_of(draft, name, site.placed, &target);
    draft.targets.insert(name.clone(), PlannedTarget { target, manifests });
}

/// Nothing of the application is left there.
fn left(draft: &mut Draft<'_>, name: &ClusterName) {
    if let Some(placement) = draft.placement_mut() {
        placement.leaving.remove(name);
    }
    if let Some(contender) = draft.contender_name() {
        let message = format!("{name} has nothing of it any more");
        draft.event_in(name, &contender, EventReason::ClusterLeft, message);
    }
}

/// Whether the target that stands in Git asks for what the contender's step means now.
pub(super) fn in_force(draft: &Draft<'_>, site: &Site<'_, '_>) -> bool {
    site.target.is_some_and(|target| asks(target, &wanted(draft, site)))
}

/// Whether a target asks for these numbers.
pub(super) fn asks(target: &Target, wanted: &[TargetRelease]) -> bool {
    let counts = |r: &&TargetRelease| !r.absent && (r.capacity, r.traffic.unwrap_or(0)) != (0, 0);
    target.releases.iter().filter(counts).eq(wanted.iter().filter(counts))
}

/// Whether a placed cluster has nothing of the application and is to have nothing yet: the first release has not come there.
pub(super) fn has_nothing(draft: &Draft<'_>, site: &Site<'_, '_>) -> bool {
    site.target.is_none() && wanted(draft, site).is_empty()
}

/// The releases of a cluster with their numbers, oldest first.
pub(super) fn wanted(draft: &Draft<'_>, site: &Site<'_, '_>) -> Vec<TargetRelease> {
    let roles = draft.roles();
    let cluster = site.by_name();
    let (contender, incumbent) = (roles.contender, roles.incumbent);
    let own = incumbent.and_then(|release| own_end(&release.strategy, cluster));
    let reached = contender.filter(|release| reaches(release, cluster));
    let managed = governing(reached, incumbent).is_some_and(|release| release.strategy.manages_traffic());
    let mut shares = Shares::default();
    match reached {
        Some(contender) => {
            // Where the incumbent has never been, a number that the step leaves out means all of it: what has the load there
            // goes with the contender's coming [R7], and something has to carry it on.
            let full = |incumbent: &ReleaseRecord| Share::everything(incumbent.strategy.manages_traffic());
            let before = own.or(incumbent.map(full)).unwrap_or(Share::nothing(managed));
            if let Some(numbers) = numbers(&contender.strategy, contender.position.step, cluster, before) {
                shares.set(contender.generation, &contender.name, Part::of(numbers.contender));
                if let Some(incumbent) = incumbent {
                    shares.set(incumbent.generation, &incumbent.name, Part::of(numbers.incumbent));
                }
            }
        }
        None => {
            if let (Some(incumbent), Some(own)) = (incumbent, own) {
                shares.set(incumbent.generation, &incumbent.name, Part::of(own));
            }
        }
    }
    for listed in site.target.map(|target| &target.releases).into_iter().flatten() {
        if shares.0.iter().any(|(_, name, _)| **name == listed.name) {
            continue;
        }
        let is_contender = contender.is_some_and(|release| release.name == listed.name);
        if let Some(part) = leaving(draft, site, listed, (reached.is_some(), is_contender), managed) {
            shares.set(listed.generation, &listed.name, part);
        }
    }
    let returning = shares.0.iter().any(|(_, name, part)| !part.absent && returned(draft, name));
    shares
        .0
        .into_iter()
        .map(|(generation, listed, part)| TargetRelease {
            generation,
            capacity: part.share.capacity,
            traffic: part.share.traffic,
            absent: part.absent,
            autoscaler_base: contender
                .filter(|release| release.name == *listed)
                .map(|release| base(release, site.name, returning))
                .unwrap_or_default(),
            name: listed.clone(),
        })
        .collect()
}

/// What a release is to have in a cluster.
#[derive(Clone, Copy)]
struct Part {
    share: Share,
    /// Nothing of it may remain.
    absent: bool,
}

impl Part {
    fn of(share: Share) -> Self {
        Self { share, absent: false }
    }
}

/// The releases of one cluster with their generations, oldest first.
#[derive(Default)]
struct Shares<'r>(Vec<(u64, &'r ReleaseName, Part)>);

impl<'r> Shares<'r> {
    fn set(&mut self, generation: u64, name: &'r ReleaseName, part: Part) {
        match self.0.binary_search_by_key(&generation, |(own, ..)| *own) {
            Ok(at) => self.0[at] = (generation, name, part),
            Err(at) => self.0.insert(at, (generation, name, part)),
        }
    }
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
    site: &Site<'_, '_>,
    listed: &TargetRelease,
    (reached, is_contender): (bool, bool),
    managed: bool,
) -> Option<Part> {
    let record = draft.releases.get(&listed.name);
    let withdrawn = record.is_none_or(|release| release.withdrawn.is_some());
    if !reached && !withdrawn && !is_contender && !site.was_removed() {
        let share = Share { capacity: listed.capacity, traffic: listed.traffic };
        return Some(Part { share, absent: listed.absent });
    }
    fading(site, listed, managed)
}

/// The way out: 0/0, a tombstone, nothing. Each waits for the report that the one before is done.
fn fading(site: &Site<'_, '_>, listed: &TargetRelease, managed: bool) -> Option<Part> {
    let share = Share::nothing(managed);
    if site.was_removed() {
        return Some(Part::of(share));
    }
    if listed.absent {
        return (!is_gone(site, &listed.name)).then_some(Part { share, absent: true });
    }
    let at_zero = listed.capacity == 0 && listed.traffic.unwrap_or(0) == 0;
    Some(Part { share, absent: at_zero && is_empty(site, &listed.name) })
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
fn write(draft: &mut Draft<'_>, site: &Site<'_, '_>, mut releases: Vec<TargetRelease>) {
    let (name, placed) = (site.name, site.placed);
    let mut manifests = Few::with_capacity(releases.len());
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
    let current = site.target;
    if !complete && site.was_removed() {
        // The removal ends at once: what is at hand is asked for, and what is not listed is left alone. What is on its way out stays on it.
        let roles = draft.roles();
        releases.retain_mut(|release| {
            release.absent |= !manifests.contains_key(&release.name);
            !release.absent || !roles.has(&release.name)
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
    let mut target = shaped(draft, site, releases);
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

fn shaped(draft: &Draft<'_>, site: &Site<'_, '_>, releases: Vec<TargetRelease>) -> Target {
    let roles = draft.roles();
    let (contender, incumbent) = (roles.contender, roles.incumbent);
    let reached = contender.filter(|release| reaches(release, site.by_name()));
    let strategy = governing(reached, incumbent).map_or(&*NO_STRATEGY, |release| &release.strategy);
    let current = site.target;
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
            && reached.is_some_and(|release| is_arriving(release, &releases, site.by_name())),
        absent: false,
        releases,
        analysis: super::gates::measured(draft, site.name, site.placed),
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
) -> Few<ReleaseName, Option<String>> {
    let fallback = PlacedCluster::default();
    let placement = draft.placement();
    let placed = placement.and_then(|placement| placement.of(name));
    manifests_of(draft, name, placed.unwrap_or(&fallback), target)
}

/// Which manifests belong beside a target.
fn manifests_of(
    draft: &Draft<'_>,
    name: &ClusterName,
    placed: &PlacedCluster,
    target: &Target,
) -> Few<ReleaseName, Option<String>> {
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
