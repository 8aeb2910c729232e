//! `shipperctl events`: what happened, and what happens.

use std::io::Write as _;
use std::num::NonZeroUsize;

use jiff::{SignedDuration, Timestamp};
use shipper_core::api::TimelineEvent;

use crate::Error;
use crate::cli::Global;
use crate::hub::Hub;
use crate::output::{Output, OutputArgs, json_line};
use crate::render;
use crate::terminal::Terminal;

/// `events [APP]`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl events                                    what happened last, the newest at the end
  shipperctl events web/hello --watch                  of one application, and what comes
  shipperctl events --cluster eu-1 --since 2h          in one cluster, in the last two hours
  shipperctl events --reason StepAchieved -o json      for programs, the newest first")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it [default: all]
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: Option<String>,
    /// Only of the applications of this namespace
    #[arg(long, value_name = "NAMESPACE", conflicts_with = "app")]
    pub namespace: Option<String>,
    /// Only in this cluster
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: Option<String>,
    /// Only for this reason
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Only since then: a time, or for how long, as 2h
    #[arg(long, value_name = "TIME|DURATION")]
    pub since: Option<String>,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value = "50")]
    pub limit: NonZeroUsize,
    /// Go on, and show what happens
    #[arg(short, long)]
    pub watch: bool,
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
    let key = args.app.as_deref().map(|name| hub.past_of(name)).transpose()?;
    let since = args.since.as_deref().map(|text| moment(text, Timestamp::now())).transpose()?;
    let mut filter: Vec<(&str, &str)> = Vec::new();
    filter.extend(args.namespace.as_deref().map(|value| ("namespace", value)));
    filter.extend(args.cluster.as_deref().map(|value| ("cluster", value)));
    filter.extend(args.reason.as_deref().map(|value| ("reason", value)));
    filter.extend(since.as_deref().map(|value| ("since", value)));
    let output = args.output.output;
    // The stream begins before the list ends: nothing is missed in between.
    let told = args.watch.then(|| hub.watch_events(key.as_ref(), &filter)).transpose();
    let told = told.and_then(|stream| Ok((stream, hub.events(key.as_ref(), &filter, args.limit.get())?)));
    let (stream, events) = told.map_err(|error| hub.no_past(key.as_ref(), error))?;
    let names = || events.iter().map(|event| event.reason.clone()).collect();
    let text = || Ok(render::events(events.iter().rev(), key.is_none(), output.is_wide()));
    if !args.watch {
        return Ok(write!(terminal.out, "{}", output.print(&events, names, text)?)?);
    }
    for event in events.iter().rev() {
        write!(terminal.out, "{}", line(event, output, key.is_none())?)?;
    }
    terminal.out.flush()?;
    for event in stream.into_iter().flatten() {
        let event = event?;
        if events.contains(&event) {
            continue;
        }
        write!(terminal.out, "{}", line(&event, output, key.is_none())?)?;
        terminal.out.flush()?;
    }
    Ok(())
}

fn line(event: &TimelineEvent, output: Output, named: bool) -> Result<String, Error> {
    match output {
        Output::Json => json_line(event),
        output => {
            let names = || vec![event.reason.clone()];
            output.print(event, names, || Ok(render::events([event], named, output.is_wide())))
        }
    }
}

/// A time, or how long before now.
fn moment(text: &str, now: Timestamp) -> Result<String, Error> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.to_string());
    }
    let ago = crate::cli::duration(text).ok().and_then(|ago| SignedDuration::try_from(ago).ok());
    let at = ago.and_then(|ago| now.checked_sub(ago).ok());
    at.map(|at| at.to_string()).ok_or_else(|| Error::Usage {
        message: format!("--since {text}: write a time as 2026-11-23T05:20:00Z, or a duration as 2h"),
    })
}
