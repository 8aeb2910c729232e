//! `shipperctl why`: every decision of the hub on an application, with its rule and the evidence.

use crate::Error;
use crate::cli::{Global, Output};
use crate::hub::Hub;
use crate::render;
use crate::terminal::{Terminal, plain_json};

/// `why APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl why web/hello            why it is as it is, in sentences
  shipperctl why web/hello -o json    the same, for programs

The hub decides once more, without writing anything, and tells every decision: the rule in brackets,
what it is about, and the reports that it rests on.")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// Runs the command.
///
/// # Errors
/// When there is no such application, or the hub does not answer.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let why = Hub::new(&global.hub)?.why(&args.app)?;
    let text = match args.output {
        Output::Json => {
            plain_json(&serde_json::to_string_pretty(&why).unwrap_or_default()).into_owned() + "\n"
        }
        Output::Text => render::why(&why),
    };
    write!(terminal.out, "{text}")?;
    Ok(())
}
