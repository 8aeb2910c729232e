//! `shipperctl why`: every decision of the hub on an application, with its rule and the evidence.

use std::io::Write as _;

use crate::Error;
use crate::cli::Global;
use crate::hub::Hub;
use crate::output::OutputArgs;
use crate::render;
use crate::terminal::Terminal;

/// `why APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl why web/hello            why it is as it is, in sentences
  shipperctl why web/hello -o json    the same, for programs

The hub decides once more, without writing anything, and tells every decision: the rule in brackets, \
what it is about, and the reports that it rests on.")]
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
    let why = Hub::of(global)?.why(&args.app)?;
    let names = || vec![why.application.to_string()];
    let text = args.output.output.print(&why, names, || Ok(render::why(&why)))?;
    Ok(write!(terminal.out, "{text}")?)
}
