//! `shipperctl measurements`: what was measured for gates that are over.

use std::io::Write as _;
use std::num::NonZeroUsize;

use jiff::Timestamp;
use shipper_core::api::Measurement;
use shipper_core::report::Outcome;

use crate::Error;
use crate::cli::Global;
use crate::hub::Hub;
use crate::output::OutputArgs;
use crate::render;
use crate::terminal::Terminal;

/// `measurements APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl measurements web/hello                               what was measured last, the newest first
  shipperctl measurements web/hello --failed                      which clusters failed, by which values
  shipperctl measurements web/hello --release hello-32e16a62-0    for the gates of one release
  shipperctl measurements web/hello --cluster eu-1 -o wide        in one cluster, every sample that is kept
  shipperctl measurements web/hello --limit 5000 -o json          for programs

The hub keeps it when a gate is over: passed, failed, or left before that. What is measured now is told by \
shipperctl status -o json.")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// Only for gates of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// Only in this cluster
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: Option<String>,
    /// Only where an analysis failed
    #[arg(long)]
    pub failed: bool,
    /// At most so many, one for each gate and cluster
    #[arg(long, value_name = "NUMBER", default_value = "50")]
    pub limit: NonZeroUsize,
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
    let key = hub.past_of(&args.app)?;
    let mut filter: Vec<(&str, &str)> = Vec::new();
    filter.extend(args.release.as_deref().map(|value| ("release", value)));
    filter.extend(args.cluster.as_deref().map(|value| ("cluster", value)));
    let failed = |one: &Measurement| one.outcome == Outcome::Failed;
    let found = hub.measurements(&key, &filter, args.limit.get(), args.failed.then_some(&failed));
    let found = found.map_err(|error| hub.no_past(Some(&key), error))?;
    let output = args.output.output;
    let text =
        || Ok(render::measurements(&found, Timestamp::now(), output.is_wide(), output.width(terminal)));
    let text = output.print(&found, || releases(&found), text)?;
    Ok(write!(terminal.out, "{text}")?)
}

/// The releases, each once.
fn releases(found: &[Measurement]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for one in found {
        if names.iter().all(|name| name != one.release.as_str()) {
            names.push(one.release.to_string());
        }
    }
    names
}
