//! `cargo xtask demo`: the whole system on this machine, by `shipperctl demo`; with `--real` the same on real control planes.

use std::os::unix::process::CommandExt;

use anyhow::{Context, Result};

use crate::command::{cargo, run as finish};
use crate::tools;

/// What `--real` runs: the demo with the clusters of the end-to-end tests.
const REAL: &str = "shipper-test-demo";

/// Run the demo, with --real on real control planes; other arguments are those of `shipperctl demo`
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut command = if args.arguments.iter().any(|argument| argument == "--real") {
        tools::build()?;
        // The person uses this one beside the demo.
        finish(&mut cargo(["build", "--package", "shipperctl", "--bin", "shipperctl"]))?;
        cargo(["run", "--package", "shipper-tests", "--bin", REAL, "--"])
    } else {
        cargo(["run", "--package", "shipperctl", "--", "demo"])
    };
    // In the place of this process: Ctrl-C is then the demo's alone, and the prompt comes back when the demo has ended.
    Err(command.args(&args.arguments).exec()).context("cannot run cargo")
}
