//! Holds what the hub did after a merge against what was foretold of it.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::thread;
use std::time::{Duration, Instant};

use shipper_core::condition::Condition;
use shipper_core::intent::Severity;
use shipper_core::manifest::compare::Changed;
use shipper_core::state::{ReleaseRecord, StateObject, Target, TargetRelease};
use shipper_core::{AppKey, ClusterName, ReleaseName};
use shipperctl::forecast::{ApplicationForecast, Forecast, ObjectForecast, ShareOf};
use shipperctl::hub::Hub;

/// How long the hub may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until the hub has done what it does about `merged`, a commit of `main`, and asserts that it is what was foretold, and nothing
/// else. `git`: runs git in a clone of the repository.
pub fn comes_true(forecast: &Forecast, merged: &str, hub: &Hub, git: &dyn Fn(&[&str]) -> String) {
    let status = until(|| hub.status().ok().filter(|status| status.source.as_deref() == Some(merged)));
    for problem in forecast.files.iter().filter(|problem| problem.severity == Severity::Error) {
        let told =
            status.problems.iter().any(|told| told.file == problem.file && told.message == problem.message);
        assert!(told, "{problem} is not among {:?}", status.problems);
    }
    for foretold in &forecast.applications {
        let has = |conditions: &[Condition], wanted: &Condition| {
            conditions
                .iter()
                .any(|one| (one.kind, one.status, one.reason) == (wanted.kind, wanted.status, wanted.reason))
        };
        until(|| {
            let status = hub.known(&foretold.application).ok()?;
            let conditions = status.map(|status| status.conditions).unwrap_or_default();
            foretold.conditions.iter().all(|wanted| has(&conditions, wanted)).then_some(())
        });
        if is_written(foretold) {
            let commit = decided(forecast, merged, &foretold.application.to_string(), git);
            holds(foretold, &commit, git);
        }
    }
    if !forecast.applications.iter().any(is_written) {
        git(&["fetch", "-q", "origin", "shipper/state"]);
        let since = forecast.state.as_deref().unwrap();
        assert_eq!(git(&["diff", "--stat", since, "FETCH_HEAD", "--", "clusters"]), "", "{forecast:#?}");
    }
}

/// Whether something is written for the clusters, or of releases.
fn is_written(foretold: &ApplicationForecast) -> bool {
    !foretold.clusters.is_empty()
        || !foretold.releases.is_empty()
        || !foretold.withdrawn.is_empty()
        || foretold.step.is_some()
}

/// The first state commit that followed a commit of `main` and says something of an application.
fn decided(forecast: &Forecast, source: &str, app: &str, git: &dyn Fn(&[&str]) -> String) -> String {
    let since = forecast.state.as_deref().unwrap();
    until(|| {
        git(&["fetch", "-q", "origin", "shipper/state"]);
        let format = "--format=%H %(trailers:key=Shipper-Source,valueonly,separator=)";
        let log = git(&["log", "--reverse", format, &format!("{since}..FETCH_HEAD")]);
        let from_it = log.lines().filter_map(|line| line.split_once(' ')).filter(|(_, of)| *of == source);
        let touches = |commit: &&str| {
            let files = git(&["show", "--format=", "--name-only", commit]);
            files.lines().any(|file| file.contains(&format!("/{app}/")))
        };
        from_it.map(|(commit, _)| commit).find(touches).map(str::to_owned)
    })
}

/// Holds a state commit against what was foretold of an application.
fn holds(foretold: &ApplicationForecast, commit: &str, git: &dyn Fn(&[&str]) -> String) {
    let app = &foretold.application;
    let show = |path: &str| git(&["show", &format!("{commit}:{path}")]);
    let record = |release: &str| {
        ReleaseRecord::from_yaml(show(&format!("releases/{app}/{release}/release.yaml")).as_bytes()).unwrap()
    };
    for cluster in &foretold.clusters {
        let target = show(&format!("clusters/{}/{app}/target.yaml", cluster.cluster));
        assert_eq!(shares(&Target::from_yaml(target.as_bytes()).unwrap()), cluster.after, "{foretold:#?}");
    }
    let touched = git(&["show", "--format=", "--name-only", commit]);
    let targets = touched.lines().filter(|file| file.ends_with(&format!("/{app}/target.yaml")));
    let mut told: Vec<&str> = targets.filter_map(|file| file.split('/').nth(1)).collect();
    told.sort_unstable();
    let clusters: Vec<&str> = foretold.clusters.iter().map(|one| one.cluster.as_str()).collect();
    assert_eq!(told, clusters, "these clusters and no others");

    let releases = format!("releases/{app}/");
    let added = git(&["show", "--format=", "--name-only", "--no-renames", "--diff-filter=A", commit]);
    let mut made: Vec<&str> = added
        .lines()
        .filter_map(|file| file.strip_prefix(&releases)?.strip_suffix("/release.yaml"))
        .collect();
    made.sort_unstable();
    let mut names: Vec<&str> = foretold.releases.iter().map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(made, names, "these releases and no others");
    for release in &foretold.releases {
        let record = record(release.name.as_str());
        let steps: Vec<_> = record.strategy.steps.iter().map(|step| step.name.clone()).collect();
        assert_eq!((&steps, record.position.step), (&release.steps, release.step), "{}", release.name);
        for object in foretold.objects.iter().filter(|object| object.change.change != Changed::Removed) {
            for place in places(object, commit, &release.name, app, git) {
                let manifests = show(&place);
                // Names of releases stand for each other in a diff.
                let lines = object.change.diff.lines().filter_map(|line| line.strip_prefix('+'));
                for line in lines.map(str::trim).filter(|line| !line.contains("<release>")) {
                    let object = &object.change.object;
                    assert!(manifests.contains(line), "{line:?} of {object} is not in {place}:\n{manifests}");
                }
            }
        }
    }
    for release in &foretold.withdrawn {
        assert!(record(release.as_str()).withdrawn.is_some(), "{release} is not withdrawn");
    }
    if let Some(step) = &foretold.step {
        assert_eq!(record(step.release.as_str()).position.name, step.to);
    }
}

/// The files in which an object is to be as it was foretold: those of its clusters, as far as the release has got there.
fn places(
    object: &ObjectForecast,
    commit: &str,
    release: &ReleaseName,
    app: &AppKey,
    git: &dyn Fn(&[&str]) -> String,
) -> Vec<String> {
    let file = |cluster: &ClusterName| format!("clusters/{cluster}/{app}/{release}.yaml");
    let mut files: Vec<String> = object.clusters.iter().map(file).collect();
    files.retain(|file| !git(&["ls-tree", "--name-only", commit, file]).is_empty());
    files
}

fn shares(target: &Target) -> Vec<ShareOf> {
    let share = |release: &TargetRelease| ShareOf {
        release: release.name.clone(),
        capacity: release.capacity,
        traffic: release.traffic,
        absent: release.absent || target.absent,
    };
    target.releases.iter().map(share).collect()
}

/// Asks until there is an answer.
pub fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "it does not come");
        thread::sleep(Duration::from_millis(100));
    }
}
