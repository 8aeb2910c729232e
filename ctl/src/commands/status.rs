//! `shipperctl status`: what rolls out, what it waits for, which pods fail where.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use shipper_core::status::ApplicationStatus;

use crate::Error;
use crate::cli::Global;
use crate::hub::{Hub, HubError};
use crate::output::OutputArgs;
use crate::render;
use crate::terminal::{BAD, Screen, Terminal, plain};

const REFRESH: Duration = Duration::from_secs(1);

/// `status [APP]`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl status                      all applications, a line each, and which pods fail where
  shipperctl status web/hello            one of them: steps, clusters, failing pods
  shipperctl status web/hello --watch    the same, as it changes
  shipperctl status -o wide              with versions, incumbents and pods
  shipperctl status web/hello -o wide    with all its releases, and the targets of clusters
  shipperctl status web/hello -o json    the hub's own object, for programs
  shipperctl status -o name              names, for other commands

CAPACITY is available of wanted pods, +n those there are beyond; TRAFFIC is ready of wanted pods with traffic.")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it [default: all]
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: Option<String>,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Go on, and show every change
    #[arg(short, long)]
    pub watch: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is no such application, or the hub does not answer.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let hub = Hub::of(global)?;
    if args.watch {
        return watch(&hub, args, terminal);
    }
    let picture = look(&hub, args, terminal.width)?;
    write!(terminal.out, "{picture}")?;
    Ok(())
}

/// One look, as it is printed.
fn look(hub: &Hub, args: &Args, width: Option<u16>) -> Result<String, Error> {
    let (now, output) = (Timestamp::now(), args.output.output);
    let width = width.filter(|_| !output.is_wide());
    let Some(app) = &args.app else {
        let all = hub.applications()?;
        let names = || all.iter().map(|status| status.application.to_string()).collect();
        let text = || {
            let remarks = render::remarks(&hub.status()?, now, |_| true);
            Ok(render::overview(&all, output.is_wide(), width) + &render::failing(&all) + &remarks)
        };
        return output.print(&all, names, text);
    };
    let status = hub.application(app)?;
    let text =
        || Ok(render::application(&status, now, output.is_wide(), width) + &remarks(hub, &status, now)?);
    output.print(&status, || vec![status.application.to_string()], text)
}

/// What concerns this application, of what is wrong with the fleet.
fn remarks(hub: &Hub, status: &ApplicationStatus, now: Timestamp) -> Result<String, HubError> {
    let mut whole = hub.status()?;
    let placed = |name| status.clusters.iter().any(|cluster| cluster.cluster == name);
    whole.clusters.retain(|cluster| placed(cluster.name.clone()));
    let own = format!("applications/{}.", status.application);
    Ok(render::remarks(&whole, now, |file| file.starts_with(&own) || !file.starts_with("applications/")))
}

fn watch(hub: &Hub, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let interactive = terminal.width.is_some();
    let mut last = String::new();
    let mut screen = Screen::default();
    // The first look must succeed, so that a wrong name or address is an error and not a loop.
    let mut picture = look(hub, args, terminal.width)?;
    loop {
        if interactive {
            screen.draw(&picture, &mut terminal.out)?;
        } else if picture != last {
            writeln!(terminal.out, "{picture}")?;
            terminal.out.flush()?;
        }
        last = picture;
        thread::sleep(REFRESH);
        picture = match look(hub, args, terminal.width) {
            Ok(picture) => picture,
            Err(Error::Hub(error)) if error.is_away() => {
                let known = last.split("\n\n! ").next().unwrap_or_default().trim_end();
                format!("{known}\n\n! {BAD}{}{BAD:#}\n", plain(&error.to_string()))
            }
            Err(error) => return Err(error),
        };
    }
}
