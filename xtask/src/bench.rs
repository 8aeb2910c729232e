//! `cargo xtask bench`: the benchmarks, in release mode.

use anyhow::Result;

use crate::command::{cargo, run as finish};
use crate::tools;

/// Run benchmarks; arguments are those of the `shipper-bench` program
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    tools::build()?;
    // `cargo run` builds one program; the daemons are run by it.
    let packages = ["hub", "agent", "bench"].map(|name| format!("--package=shipper-{name}"));
    finish(cargo(["build", "--quiet", "--release"]).args(packages).arg("--package=shipperctl"))?;
    finish(cargo(["run", "--quiet", "--release", "--package=shipper-bench", "--"]).args(&args.arguments))
}
