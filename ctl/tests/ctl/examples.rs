//! What the book shows is what is in `examples/`, and works.

use std::path::{Path, PathBuf};
use std::process::Command as Program;

use clap::{CommandFactory, Parser};

use crate::support::run;
use jiff::Timestamp;
use serde_json::Value;
use shipper_core::AppKey;
use shipper_core::intent::{Application, Object, load};
use shipper_core::plan::{BlockSurvey, Fleet};
use shipper_core::yaml;
use shipperctl::cli::{Cli, Command};
use shipperctl::exit::Exit;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn object(path: &str) -> Object {
    let text = std::fs::read_to_string(root().join("examples/blocks").join(path)).unwrap();
    let page = std::fs::read_to_string(root().join("docs/blocks.md")).unwrap();
    assert!(page.contains(&text), "docs/blocks.md does not show examples/blocks/{path} as it is");
    let loaded = load(path, text.as_bytes());
    assert_eq!(loaded.problems, [], "{path}");
    loaded.object.unwrap()
}

/// [B1] [B2] [B4] The examples of the page on blocks stop what the page says they stop.
#[test]
fn the_blocks_of_the_book_do_what_it_says() {
    let linted = run(["lint", root().join("examples/blocks").to_str().unwrap()]);
    assert_eq!(linted.exit, Exit::Ok, "{}{}", linted.out, linted.err);

    let mut fleet = Fleet::default();
    for path in ["blocks/holidays.yaml", "blocks/weekend.yaml", "blocks/web/incident.yaml"] {
        let Object::RolloutBlock(block) = object(path) else { panic!("{path} is no block") };
        fleet.blocks.insert((block.metadata.namespace.clone(), block.metadata.name.clone()), block);
    }
    let Object::Application(shop) = object("applications/web/shop.yaml") else { panic!("no application") };
    let mut plain: Application = shop.clone();
    plain.metadata.annotations.clear();
    let keys = [shop.key(), AppKey::new("web", "plain"), AppKey::new("pay", "plain")];
    let survey = BlockSurvey::of(&fleet, keys.iter().zip([&shop, &plain, &plain]));
    let told = |now: &str| {
        let blocks = survey.statuses(now.parse::<Timestamp>().unwrap()).into_iter();
        let told = blocks
            .map(|block| (block.name, block.in_force, block.applications.len(), block.overridden_by.len()));
        told.collect::<Vec<_>>()
    };
    let of = |weekend| {
        [("holidays", true, 2, 1), ("weekend", weekend, 2, 1), ("incident", true, 1, 1)]
            .map(|(name, in_force, stopped, overriding)| (name.to_owned(), in_force, stopped, overriding))
    };
    assert_eq!(told("2026-01-09T16:59:00Z"), of(false), "Friday, a minute to six in Amsterdam");
    assert_eq!(told("2026-01-09T17:00:00Z"), of(true));
    assert_eq!(told("2026-01-12T06:59:00Z"), of(true), "Monday, a minute to eight");
    assert_eq!(told("2026-01-12T07:00:00Z"), of(false));
}

/// The cookbook shows the strategies as they are, and they are fit for a fleet.
#[test]
fn the_strategies_of_the_book_are_those_of_the_example() {
    let folder = root().join("examples/strategies");
    let linted = run(["lint", folder.to_str().unwrap()]);
    assert!(linted.exit == Exit::Ok && linted.err.contains("0 warnings"), "{}{}", linted.out, linted.err);
    let page = std::fs::read_to_string(root().join("docs/strategies.md")).unwrap();
    let mut shown = 0;
    for entry in std::fs::read_dir(folder.join("strategies")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let spec = &text[text.find("spec:").unwrap()..];
        assert!(page.contains(spec), "docs/strategies.md does not show this as it is:\n{spec}");
        shown += 1;
    }
    assert_eq!(shown, 4);
}

/// [A1] [A3] The examples of failure are fit for a fleet.
#[test]
fn the_examples_of_failure_are_fit_for_a_fleet() {
    let folder = root().join("examples/failure");
    let linted = run(["lint", folder.to_str().unwrap()]);
    assert!(linted.exit == Exit::Ok && linted.err.contains("0 warnings"), "{}{}", linted.out, linted.err);
}

/// Pipelines run commands and set variables that there are; that of Forgejo and Gitea is run by the end-to-end tests, those of hosts that
/// cannot be had for a test are held against the program.
#[test]
fn the_pipelines_run_commands_that_there_are() {
    let read = |path: &str| {
        let bytes = std::fs::read(root().join("examples/ci").join(path)).unwrap();
        yaml::read_documents(&bytes).unwrap().remove(0)
    };
    // Before it a pipeline may install what it runs.
    let step = |pipeline: Value| {
        let step = pipeline["jobs"]["plan"]["steps"].as_array().unwrap().last().unwrap().clone();
        (step["run"].clone(), step["env"].clone())
    };
    let (github, forgejo) = (read("github/shipper-plan.yaml"), step(read("forgejo/shipper-plan.yaml")));
    for permission in ["pull-requests", "statuses"] {
        assert_eq!(github["permissions"][permission], "write", "{permission}");
    }
    let gitlab = read("gitlab/shipper-plan.yaml")["shipper/plan"].clone();
    let install = github["jobs"]["plan"]["steps"][0].clone();
    installs(&install["env"], install["run"].as_str().unwrap());
    let lines = gitlab["before_script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
    installs(&gitlab["variables"], &lines.collect::<Vec<_>>().join("\n"));
    assert_eq!(step(github), forgejo, "both speak the same language");
    let mut told = gitlab["variables"].clone();
    for own in ["GIT_STRATEGY", "SHIPPERCTL_URL", "SHIPPERCTL_SHA256"] {
        told.as_object_mut().unwrap().remove(own).unwrap();
    }
    for (run, variables) in [forgejo, (gitlab["script"][0].clone(), told)] {
        let command = Cli::try_parse_from(run.as_str().unwrap().split(' ')).unwrap();
        assert!(matches!(&command.command, Command::Plan(args) if args.post == Some(None)), "{run}");
        let mut known: Vec<String> = Cli::command()
            .get_arguments()
            .filter_map(|one| Some(one.get_env()?.to_str()?.to_owned()))
            .collect();
        known.extend(["SHIPPER_GIT_TOKEN", "SHIPPER_TOKEN"].map(str::to_owned));
        let unknown = variables.as_object().unwrap().keys().find(|name| !known.contains(name));
        assert_eq!(unknown, None);
    }
}

/// What a pipeline does to have a `shipperctl` is done, with a program that is there and with one that is another.
fn installs(variables: &Value, script: &str) {
    for variable in ["SHIPPERCTL_URL", "SHIPPERCTL_SHA256"] {
        assert!(variables[variable].is_string(), "{variable} is to be filled in: {variables}");
    }
    let folder = tempfile::tempdir().unwrap();
    let served = folder.path().join("served");
    std::fs::write(&served, "#!/bin/sh\necho installed\n").unwrap();
    let sum = Program::new("sha256sum").arg(&served).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap().split_whitespace().next().unwrap().to_owned();
    let run = |sum: &str, then: &str| {
        Program::new("bash")
            .args(["-ec", &format!("{script}\n{then}")])
            .current_dir(folder.path())
            .env("SHIPPERCTL_URL", format!("file://{}", served.display()))
            .env("SHIPPERCTL_SHA256", sum)
            .env("GITHUB_PATH", folder.path().join("path"))
            .env("RUNNER_TEMP", folder.path())
            .env("HOME", folder.path())
            .output()
            .unwrap()
    };
    let refused = run(&"0".repeat(64), "echo went on");
    assert!(!refused.status.success() && !String::from_utf8_lossy(&refused.stdout).contains("went on"));
    let done = run(&sum, "if [ -f path ]; then PATH=$(cat path):$PATH; fi; shipperctl");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(String::from_utf8_lossy(&done.stdout).ends_with("installed\n"));
}
