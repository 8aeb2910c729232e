//! What is read of the state branch, and what stays in force when it cannot be read.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use shipper_agent::accept::Memory;
use shipper_agent::source::Source;
use shipper_agent::targets::{SyncError, Targets};
use shipper_core::ClusterName;
use shipper_core::state::FleetState;
use std::path::PathBuf;
use support::{RELEASE, Repo, app_key, manifests, release};

const TARGET: &str = "clusters/c1/shop/web/target.yaml";

fn manifest_file() -> String {
    format!("clusters/c1/shop/web/{RELEASE}.yaml")
}

fn targets(repo: &Repo) -> Targets {
    Targets::new(ClusterName::from("c1"), Memory::in_dir(repo.dir.path()))
}

#[test]
fn only_what_changed_for_this_cluster_is_handed_on() {
    let repo = Repo::new();
    let first = repo.target(1, 100, &manifests(1, "hello"));
    let (mut source, mut targets) = (repo.source("a"), targets(&repo));
    let changes = targets.sync(&mut source).unwrap().unwrap();
    assert_eq!((changes.commit, changes.set.len()), (first.to_string(), 1));
    assert_eq!(changes.set[0].1.manifests[&release()].objects.len(), 3);
    assert!(targets.sync(&mut source).unwrap().is_none(), "no new commit");

    repo.commit(&[("clusters/c2/shop/web/target.yaml", Some(b"not ours"))]);
    let changes = targets.sync(&mut source).unwrap().unwrap();
    assert!(changes.set.is_empty() && changes.problems.is_empty(), "another cluster's files are not read");

    repo.target(2, 50, &manifests(1, "hello"));
    let changes = targets.sync(&mut source).unwrap().unwrap();
    assert_eq!(changes.set[0].1.target.generation, 2);
    assert_eq!(changes.set[0].1.manifests[&release()].objects.len(), 3);
}

#[test]
fn i1_the_last_good_version_stays_in_force() {
    let repo = Repo::new();
    repo.target(1, 100, &manifests(1, "hello"));
    let (mut source, mut targets) = (repo.source("a"), targets(&repo));
    targets.sync(&mut source).unwrap();

    repo.commit(&[(TARGET, Some(b"kind: Target\nreleases: 7\n"))]);
    let changes = targets.sync(&mut source).unwrap().unwrap();
    assert!(changes.set.is_empty() && changes.gone.is_empty());
    assert!(changes.problems.contains_key(TARGET), "{:?}", changes.problems);

    repo.target(2, 50, "- : [");
    let changes = targets.sync(&mut source).unwrap().unwrap();
    assert_eq!(changes.set[0].1.target.generation, 2, "the numbers are new");
    assert_eq!(changes.set[0].1.manifests[&release()].objects.len(), 3, "the objects are the last good ones");
    assert_eq!(changes.problems.keys().collect::<Vec<_>>(), [&manifest_file()]);

    repo.commit(&[(&manifest_file(), None)]);
    let changes = targets.sync(&mut source).unwrap().unwrap();
    assert!(changes.set.is_empty(), "a file that is not there changes nothing");
    assert!(changes.problems[&manifest_file()].contains("not there"));

    repo.target(3, 50, &manifests(2, "better"));
    let changes = targets.sync(&mut source).unwrap().unwrap();
    assert!(changes.problems.is_empty());
    assert_eq!(changes.set[0].1.target.generation, 3);
}

#[test]
fn a_directory_that_disappears_is_told_as_gone() {
    let repo = Repo::new();
    repo.target(1, 100, &manifests(1, "hello"));
    let (mut source, mut targets) = (repo.source("a"), targets(&repo));
    targets.sync(&mut source).unwrap();
    repo.commit(&[(TARGET, None), (&manifest_file(), None)]);
    assert_eq!(targets.sync(&mut source).unwrap().unwrap().gone, [app_key()]);
}

#[test]
fn x5_a_rewritten_branch_is_refused_until_a_new_epoch_takes_over() {
    let repo = Repo::new();
    let first = repo.target(1, 100, &manifests(1, "hello"));
    let (mut source, mut targets) = (repo.source("a"), targets(&repo));
    targets.sync(&mut source).unwrap();

    let state =
        |epoch, generation, supersedes| FleetState { epoch, generation, supersedes, ..FleetState::default() };
    repo.commit_as(&state(1, 50, None), &[], false);
    assert!(matches!(targets.sync(&mut source), Err(SyncError::Refused(_))));
    repo.commit_as(&state(2, 50, None), &[], false);
    assert!(
        matches!(targets.sync(&mut source), Err(SyncError::Refused(_))),
        "it names nothing that it supersedes"
    );
    assert_eq!(targets.accepted().unwrap().commit, first.to_string());

    let new = repo.commit_as(&state(2, 3, Some(first.to_string())), &[], false);
    assert!(targets.sync(&mut source).unwrap().is_some());
    assert_eq!(targets.accepted().unwrap().commit, new.to_string());
}

#[test]
fn after_a_restart_the_accepted_state_is_read_without_the_server() {
    let repo = Repo::new();
    let commit = repo.target(1, 100, &manifests(1, "hello"));
    {
        let (mut source, mut targets) = (repo.source("a"), targets(&repo));
        targets.sync(&mut source).unwrap();
    }
    let away: PathBuf = repo.dir.path().join("away.git");
    std::fs::rename(repo.path(), &away).unwrap();
    let (mut source, mut targets) = (repo.source("a"), targets(&repo));
    let changes = targets.resume(&source).unwrap();
    assert_eq!((changes.commit, changes.set.len()), (commit.to_string(), 1));
    assert!(source.fetch().is_err());
    assert!(matches!(targets.sync(&mut source), Err(SyncError::Source(_))));

    std::fs::rename(&away, repo.path()).unwrap();
    assert!(targets.sync(&mut source).unwrap().is_none(), "nothing is new");
}
