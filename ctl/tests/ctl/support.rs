//! A repository, a hub that answers what it is told, and the command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::served::{Answer, served};
use clap::Parser;
use serde_json::{Value, json};
use shipper_core::api::ApplicationSummary;
use shipper_core::condition::Condition;
use shipper_core::protocol::{APPLICATIONS, CLUSTERS, ClusterView, FleetCluster, HubStatus, STATUS};
use shipper_core::status::ApplicationStatus;
use shipperctl::cli::Cli;
use shipperctl::exit::Exit;
use shipperctl::terminal::{Look, Terminal};

/// What a command printed, without colours, and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub exit: Exit,
    pub out: String,
    pub err: String,
}

/// Runs `shipperctl` with these arguments.
pub(crate) fn run<S: AsRef<str>>(arguments: impl IntoIterator<Item = S>) -> Outcome {
    run_at(arguments, Look::default(), None)
}

/// The same where somebody watches.
pub(crate) fn run_watched<S: AsRef<str>>(arguments: impl IntoIterator<Item = S>) -> Outcome {
    run_at(arguments, Look { colours: false, alive: true }, Some(80))
}

fn run_at<S: AsRef<str>>(arguments: impl IntoIterator<Item = S>, look: Look, width: Option<u16>) -> Outcome {
    let words = arguments.into_iter().map(|argument| argument.as_ref().to_owned());
    let cli = Cli::try_parse_from(["shipperctl".to_owned()].into_iter().chain(words)).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = shipperctl::run(&cli, &mut Terminal::new(&mut out, &mut err, [look; 2], width));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome { exit, out: text(out), err: text(err) }
}

/// Runs `git` in a directory, as Ada.
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.com")])
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// A bare repository `fleet.git` in this directory, and `clone`, where Grace works on its branch `main` with these files uncommitted.
pub(crate) fn repository(directory: &Path, files: &[(&str, &str)]) -> (PathBuf, PathBuf) {
    let (bare, clone) = (directory.join("fleet.git"), directory.join("clone"));
    git(directory, &["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
    git(directory, &["clone", "-q", bare.to_str().unwrap(), clone.to_str().unwrap()]);
    git(&clone, &["checkout", "-q", "-B", "main"]);
    git(&clone, &["config", "user.name", "Grace"]);
    git(&clone, &["config", "user.email", "grace@example.com"]);
    write(&clone, files);
    (bare, clone)
}

/// Commits everything, pushes it to `main` and returns the commit.
pub(crate) fn commit(work: &Path, message: &str) -> String {
    git(work, &["add", "-A"]);
    git(work, &["commit", "-q", "-m", message]);
    git(work, &["push", "-q", "origin", "HEAD:main"]);
    git(work, &["rev-parse", "HEAD"])
}

/// Writes files below a directory.
pub(crate) fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// A hub that knows these applications. It answers as long as the test runs.
pub(crate) fn hub(applications: Vec<ApplicationStatus>, status: HubStatus) -> String {
    hub_of(applications, status, Vec::new())
}

/// A hub that knows these clusters as well.
pub(crate) fn hub_of(
    applications: Vec<ApplicationStatus>,
    status: HubStatus,
    clusters: Vec<ClusterView>,
) -> String {
    served(move |path, query| {
        let page = |items: Vec<Value>| Some(json!({"items": items}));
        let body = match path {
            APPLICATIONS => {
                let cluster = query.split('&').find_map(|part| part.strip_prefix("cluster="));
                let there = |status: &&ApplicationStatus| {
                    cluster.is_none_or(|name| status.clusters.iter().any(|c| c.cluster.as_str() == name))
                };
                page(applications.iter().filter(there).map(|s| json!(ApplicationSummary::of(s))).collect())
            }
            STATUS => Some(json!(status)),
            CLUSTERS => page(clusters.iter().cloned().map(|one| json!(one.overview())).collect()),
            other => {
                let cluster = clusters.iter().find(|c| other == format!("{CLUSTERS}/{}", c.cluster.name));
                let one = applications.iter().find(|s| other == format!("{APPLICATIONS}/{}", s.application));
                cluster.map(|one| json!(one)).or(one.map(|one| json!(one)))
            }
        };
        // Below another path is no hub.
        let kind = if path.starts_with("/api/") { "application/problem+json" } else { "application/json" };
        match body {
            Some(body) => Answer::of(body.to_string()),
            None => Answer { code: "404 Not Found".to_owned(), kind, body: "no such page".to_owned() },
        }
    })
}

/// A hub's own status, with nothing the matter.
pub(crate) fn well(conditions: Vec<Condition>, clusters: Vec<FleetCluster>) -> HubStatus {
    HubStatus {
        version: "0.1.0".to_owned(),
        source: None,
        state: None,
        standing: None,
        epoch: 1,
        generation: 1,
        looked_at: None,
        conditions,
        refused: None,
        problems: Vec::new(),
        clusters,
    }
}
