//! What is said of it: numbers, not opinions. The hub judges them against the step [A1].

use super::objects::Objects;
use super::removal::{is_kept, remains};
use super::view::{View, Workload, count};
use crate::catalogue::Trouble;
use crate::observe::{Live, Pod};
use crate::report::{AppReport, Capacity, ObjectProblem, PodGroup, ReleaseReport, Traffic};
use crate::state::TargetRelease;
use crate::{ReleaseName, labels};
use std::collections::{BTreeMap, BTreeSet};

/// The state of the application as it is seen.
pub(super) fn report(view: &View<'_>, objects: &Objects, moving: &[ObjectProblem]) -> AppReport {
    let releases =
        view.wanted.target.releases.iter().map(|release| release_report(view, objects, release)).collect();
    let corked = view.corked().map(ReleaseName::from);
    AppReport {
        application: view.wanted.target.application.clone(),
        target_generation: view.wanted.target.generation,
        releases,
        unattended: view.service.is_some() && corked.is_none() && !view.old_selector && view.goals.total > 0,
        corked,
        remains: Some(remains(view)),
        problems: {
            let mut problems = objects.problems.clone();
            problems.extend_from_slice(moving);
            problems.extend(view.service_missing.then(|| no_service(view)));
            problems.sort();
            problems.dedup();
            problems
        },
        // Measured by the agent, which adds it.
        analysis: None,
    }
}

/// A release that was rendered when no traffic was asked for has no marked Service.
fn no_service(view: &View<'_>) -> ObjectProblem {
    ObjectProblem {
        object: format!("Application {}", view.wanted.target.application),
        heals: false,
        reason: Trouble::NoTrafficService,
        message: "no Service is marked to take its traffic; mark one with shipper.dev/traffic: \"true\" in the chart".to_owned(),
    }
}

fn release_report(view: &View<'_>, objects: &Objects, release: &TargetRelease) -> ReleaseReport {
    let workloads: Vec<&Workload<'_>> =
        view.workloads.iter().filter(|w| w.release.name == release.name).collect();
    // What is kept when a release is removed does not hold its tombstone up.
    let present = if release.absent { is_to_go(view, &release.name) } else { view.present(&release.name) };
    let expected = release.capacity > 0 || present;
    ReleaseReport {
        name: release.name.clone(),
        present,
        installed: release.absent || !expected || !objects.incomplete.contains(&release.name),
        capacity: {
            let mut capacity = capacity(view, release, &workloads);
            capacity.achieved &= !objects.undone.contains(&release.name);
            capacity
        },
        traffic: release
            .traffic
            .filter(|_| view.service.is_some() || view.service_missing)
            // Its traffic is not the releases' yet.
            .filter(|_| !(view.old_selector && view.wanted.target.arriving))
            .map(|_| traffic(view, release)),
        pods: pod_groups(view, release, &workloads),
        autoscaled: workloads
            .iter()
            .filter(|w| w.autoscaler.is_some() && !release.absent)
            .map(|w| (w.base.clone(), w.replicas()))
            .collect(),
    }
}

/// Whether anything of a removed release is still to go.
fn is_to_go(view: &View<'_>, release: &ReleaseName) -> bool {
    let of_release = view.observed.objects.iter().filter(|(_, live)| live.release.as_ref() == Some(release));
    of_release.clone().any(|(key, live)| !is_kept(key, live))
        || (of_release.count() == 0 && view.present(release))
}

fn capacity(view: &View<'_>, release: &TargetRelease, workloads: &[&Workload<'_>]) -> Capacity {
    let mut sum =
        Capacity { achieved: view.wanted.manifests.contains_key(&release.name), ..Capacity::default() };
    for workload in workloads {
        sum.rendered += workload.rendered;
        sum.desired += workload.desired;
        sum.replicas += workload.replicas();
        sum.pods += count(workload.pods.len());
        sum.ready += count(workload.pods.iter().filter(|pod| pod.ready).count());
        sum.available += count(workload.pods.iter().filter(|pod| view.available(workload, pod)).count());
        sum.achieved &= achieved(workload);
    }
    if release.absent {
        let pods =
            view.observed.pods.values().filter(|pod| pod.release == release.name && !pod.terminating).count();
        sum.pods = count(pods);
        sum.achieved = pods == 0;
    }
    sum
}

/// Generation observed and updated = ready = available = desired; what an autoscaler scales has its minimum [C4].
fn achieved(workload: &Workload<'_>) -> bool {
    let minimum = workload.autoscaler.as_ref().map(|scaler| scaler.minimum).filter(|_| workload.desired > 0);
    match (workload.live.and_then(Live::deployment), minimum) {
        (Some(live), Some(minimum)) => {
            let ready = workload.pods.iter().filter(|pod| pod.ready).count();
            let counts = [live.replicas, live.updated, live.ready, live.available, count(ready)];
            live.observed && counts.iter().all(|n| *n >= minimum)
        }
        (Some(live), None) => {
            let wanted = workload.desired;
            live.observed
                && live.replicas == wanted
                && [live.total, live.updated, live.ready, live.available].iter().all(|n| *n == wanted)
                && workload.pods.len() == wanted as usize
        }
        (None, _) => workload.desired == 0,
    }
}

/// The set of ready endpoint addresses of the release is the wanted one [C4].
fn traffic(view: &View<'_>, release: &TargetRelease) -> Traffic {
    let wanted = view.goals.of(&release.name);
    let listed: BTreeSet<&str> = view
        .observed
        .pods
        .values()
        .filter(|pod| {
            pod.release == release.name && !pod.terminating && view.endpoints.contains(pod.name.as_str())
        })
        .map(|pod| pod.name.as_str())
        .collect();
    let served: BTreeSet<&str> = view
        .serving_pods()
        .filter(|(workload, pod)| workload.release.name == release.name && view.served(workload, pod))
        .map(|(_, pod)| pod.name.as_str())
        .collect();
    let labelled = view
        .serving_pods()
        .filter(|(workload, pod)| workload.release.name == release.name && pod.serving)
        .count();
    Traffic {
        wanted,
        ready: count(served.len()),
        achieved: listed == served
            && served.len() == wanted as usize
            && labelled == wanted as usize
            && settled(view),
    }
}

/// The selector is where it is to stay: by release where one has all the weight, by label otherwise.
fn settled(view: &View<'_>) -> bool {
    let Some(live) = view.live_service().and_then(Live::service) else { return false };
    match view.sole() {
        Some(sole) if view.goals.of(&sole.name) > 0 => {
            live.selector.get(labels::RELEASE).map(String::as_str) == Some(sole.name.as_str())
        }
        _ => !live.selector.contains_key(labels::RELEASE),
    }
}

fn pod_groups(view: &View<'_>, release: &TargetRelease, workloads: &[&Workload<'_>]) -> Vec<PodGroup> {
    let mut groups: BTreeMap<String, PodGroup> = BTreeMap::new();
    let mut add = |pod: &Pod| {
        let Some((reason, message)) = &pod.trouble else { return };
        let group = groups.entry(reason.clone()).or_insert_with(|| PodGroup {
            reason: reason.clone(),
            count: 0,
            example: pod.name.clone(),
            message: message.clone(),
        });
        group.count += 1;
    };
    view.observed
        .pods
        .values()
        .filter(|pod| pod.release == release.name && !pod.terminating)
        .for_each(&mut add);
    for workload in workloads {
        let failure = workload.live.and_then(Live::deployment).and_then(|d| d.replica_failure.as_ref());
        if let Some(message) = failure {
            let missing = workload.replicas().saturating_sub(count(workload.pods.len()));
            groups.insert(
                "FailedCreate".to_owned(),
                PodGroup {
                    reason: "FailedCreate".to_owned(),
                    count: missing,
                    example: workload.manifest.key.name.clone(),
                    message: message.clone(),
                },
            );
        }
    }
    groups.into_values().collect()
}
