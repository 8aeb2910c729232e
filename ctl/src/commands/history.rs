//! `shipperctl history`: the releases of an application, what became of each, and who asked for it.

use std::io::Write as _;

use jiff::Timestamp;

use crate::Error;
use crate::cli::Global;
use crate::hub::Hub;
use crate::output::OutputArgs;
use crate::render;
use crate::terminal::Terminal;

/// `history APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl history web/hello            every release that is kept, the newest first
  shipperctl history web/hello -o wide    with the commit that asked for it in full, and its pods
  shipperctl history web/hello -o name    names, as rollback --to and diff take them")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no such application, or the hub does not answer.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let hub = Hub::of(global)?;
    let key = hub.application(&args.app)?.application;
    let releases = hub.releases(&key)?;
    let output = args.output.output;
    let names = || releases.iter().map(|one| one.release.name.to_string()).collect();
    let text = || Ok(render::history(&releases, Timestamp::now(), output.is_wide(), output.width(terminal)));
    let text = output.print(&releases, names, text)?;
    Ok(write!(terminal.out, "{text}")?)
}
