//! `cargo xtask test`: unit tests, simulation, end-to-end tests.

use anyhow::Result;
use clap::ValueEnum;

use crate::command::{cargo, run as finish};
use crate::tools;

/// The simulation has random histories to run through; `release` makes a long search faster and a short one slower.
const SIM_PROFILE: &str = "dev";

/// Run tests: all of them, or one suite
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    suite: Option<Suite>,
    /// Arguments for `cargo test`, such as the name of a test
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Suite {
    /// Every crate but the simulation and the end-to-end tests
    Unit,
    /// The simulated fleet
    Sim,
    /// Against real control planes, Git servers and Helm
    E2e,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match args.suite {
        Some(suite) => run_suite(suite, &args.arguments),
        None => Suite::value_variants().iter().try_for_each(|&suite| run_suite(suite, &args.arguments)),
    }
}

fn run_suite(suite: Suite, arguments: &[String]) -> Result<()> {
    match suite {
        Suite::Unit => finish(
            cargo(["test", "--workspace", "--exclude", "shipper-sim", "--exclude", "shipper-tests"])
                .args(arguments),
        ),
        Suite::Sim => {
            finish(cargo(["test", "--package", "shipper-sim", "--profile", SIM_PROFILE]).args(arguments))
        }
        Suite::E2e => {
            tools::run()?;
            // `cargo test` builds only the binaries of the crate under test; these are run by it.
            finish(&mut cargo([
                "build",
                "--package=shipper-hub",
                "--package=shipper-agent",
                "--package=shipperctl",
            ]))?;
            finish(cargo(["test", "--package", "shipper-tests"]).args(arguments))
        }
    }
}
