//! `cargo xtask demo`: the whole system on this machine, by `shipperctl demo`.

use anyhow::Result;

use crate::command::{cargo, run as finish};

/// Run the demo; arguments are those of `shipperctl demo`
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    finish(cargo(["run", "--quiet", "--package", "shipperctl", "--", "demo"]).args(&args.arguments))
}
