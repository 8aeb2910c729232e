//! `cargo xtask test`: unit tests, simulation, end-to-end tests.
//!
//! Every suite selects the whole workspace and then targets in it, because cargo decides the features of dependencies by
//! the packages it is asked for: with `--package` every suite would build tokio, kube and the rest anew.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::command::{cargo, root, run as finish, run_reading, say};
use crate::failures::Failures;
use crate::tools;

/// End-to-end tests share control planes, which share the machine: more at once are slower, not faster.
const E2E_THREADS: &str = "2";

/// Hub and agents over simulated clusters: needs none of the tools, though it shares means with the end-to-end tests.
const SIMULATED: &str = "--test=simulated";

/// Run tests: all of them, or one suite
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    suite: Option<Suite>,
    /// Arguments for `cargo test`, such as the name of a test
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Every crate but the simulation and the end-to-end tests
    Unit,
    /// The simulated fleet
    Sim,
    /// Against real control planes, Git servers and Helm
    E2e,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let suites = args.suite.as_ref().map_or(Suite::value_variants(), std::slice::from_ref);
    if suites.contains(&Suite::E2e) {
        tools::build()?;
        tools::for_some_tests();
        // The tests start the daemons, which cargo builds beside the tests of the daemons' own crates.
        finish(&mut cargo(["test", "--workspace", "--no-run"]))?;
    }
    // A suite that fails is no reason to know nothing of the others.
    let (mut failed, mut failures) = (Vec::new(), Failures::default());
    for suite in suites {
        let mut command = suite.command()?;
        failed.extend(run_reading(command.args(&args.arguments), |line| failures.read(line)).err());
    }
    failures.told().iter().for_each(|failure| say(failure));
    failed.iter().for_each(|failure| say(&format!("{failure:#}")));
    ensure!(failed.is_empty(), "{} of {} suites failed", failed.len(), suites.len());
    Ok(())
}

impl Suite {
    fn command(self) -> Result<Command> {
        let mut command = cargo(["test", "--workspace", "--no-fail-fast"]);
        match self {
            Suite::Unit => {
                command.args(["--exclude", "shipper-sim", "--exclude", "shipper-tests"]);
                match tools::helm() {
                    Ok(helm) => _ = command.env("SHIPPER_HELM", helm),
                    Err(error) => say(&format!("the tests of charts are skipped: {error:#}")),
                }
            }
            Suite::Sim => {
                command.args(targets("sim")?);
                command.args(targets("tests")?.into_iter().filter(|target| target == SIMULATED));
            }
            Suite::E2e => {
                command.args(targets("tests")?.into_iter().filter(|target| target != SIMULATED));
                if std::env::var_os("RUST_TEST_THREADS").is_none() {
                    command.env("RUST_TEST_THREADS", E2E_THREADS);
                }
            }
        }
        Ok(command)
    }
}

/// `--test NAME` for every test target in `<package>/tests`.
fn targets(package: &str) -> Result<Vec<String>> {
    let directory = root().join(package).join("tests");
    let mut targets = Vec::new();
    for entry in fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let path = entry?.path();
        let is_target = match path.is_dir() {
            true => path.join("main.rs").exists(),
            false => path.extension().is_some_and(|extension| extension == "rs"),
        };
        if let Some(name) = path.file_stem().filter(|_| is_target) {
            targets.push(format!("--test={}", name.to_string_lossy()));
        }
    }
    ensure!(!targets.is_empty(), "{} holds no tests", directory.display());
    targets.sort();
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_files_and_folders_with_a_main() {
        let sim = targets("sim").unwrap();
        assert!(
            sim.contains(&"--test=conformance".to_owned()) && sim.contains(&"--test=histories".to_owned())
        );
        let tests = targets("tests").unwrap();
        assert!(tests.contains(&"--test=harness".to_owned()), "{tests:?}");
        assert!(tests.contains(&SIMULATED.to_owned()), "{tests:?}");
    }
}
