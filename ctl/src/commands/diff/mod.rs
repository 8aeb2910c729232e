//! `shipperctl diff`: what differs between two releases, or between what Git asks for and what a cluster has.

mod live;

use std::io::Write as _;

use serde::Serialize;
use shipper_core::manifest::compare::{ObjectChange, Side, differences};
use shipper_core::state::paths;
use shipper_core::status::ApplicationStatus;
use shipper_core::{AppKey, ClusterName, ReleaseName};
use shipper_git::Snapshot;

use crate::Error;
use crate::cli::{Global, StateArgs};
use crate::hub::Hub;
use crate::objects::shown;
use crate::output::OutputArgs;
use crate::records::{Records, manifests};
use crate::repository;
use crate::terminal::{FAINT, STRONG, Terminal, plain, styled};
use shipper_core::suggest;

/// `diff APP [FROM] [TO]`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl diff web/hello                                     from the incumbent to the contender
  shipperctl diff web/hello hello-83e4eedd-0                    from an older release to the contender
  shipperctl diff web/hello hello-83e4eedd-0 hello-2f77f0bd-1   between these two
  shipperctl diff web/hello --cluster eu-1                      as they are rendered for that cluster
  shipperctl diff web/hello --live --cluster eu-1               what the cluster has, and what Git asks for
  shipperctl diff web/hello -o name                             names of the objects that differ

Compared is what the hub rendered and committed. Names and labels that only say which release an \
object is of are left out; hidden are the values of Secrets, and of variables and ConfigMap entries \
whose names look like secrets. --live reads the cluster with your \
own kubeconfig, and looks at the fields that Git names; `shipperctl history` lists the releases.")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// Release to compare from [default: the incumbent]
    #[arg(value_name = "FROM")]
    pub from: Option<String>,
    /// Release to compare to [default: the contender]
    #[arg(value_name = "TO")]
    pub to: Option<String>,
    /// As rendered for this cluster, with its overrides
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: Option<String>,
    /// Compare what the cluster has with what Git asks for
    #[arg(long, requires = "cluster", conflicts_with_all = ["from", "to"])]
    pub live: bool,
    /// Context of your kubeconfig that is the cluster [default: the one of the cluster's name, else the current one]
    #[arg(long, value_name = "NAME", requires = "live")]
    pub context: Option<String>,
    /// End with 8 where there are differences
    #[arg(long)]
    pub exit_code: bool,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Where the state of the fleet is.
    #[command(flatten)]
    pub state: StateArgs,
}

/// What differs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Comparison {
    application: AppKey,
    /// The release compared from, or `live`.
    from: Option<String>,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    objects: Vec<ObjectChange>,
}

/// Runs the command.
///
/// # Errors
/// When there is no such application or release, or hub, repository or cluster do not answer.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let status = Hub::of(global)?.application(&args.app)?;
    let place = repository::state_place(global, &args.state)?;
    terminal.busy(&format!("Reading {}", place.url));
    let records = Records::read(&place, &args.state.state_branch)?;
    let state = records.snapshot();
    let comparison =
        if args.live { live::compare(args, &status, state)? } else { releases(args, &status, state)? };
    let names = || comparison.objects.iter().map(|change| change.object.clone()).collect();
    let text = args.output.output.print(&comparison, names, || Ok(text(&comparison)))?;
    write!(terminal.out, "{text}")?;
    if args.exit_code && !comparison.objects.is_empty() { Err(Error::Different) } else { Ok(()) }
}

fn releases(args: &Args, status: &ApplicationStatus, state: &Snapshot) -> Result<Comparison, Error> {
    let app = &status.application;
    let from = match &args.from {
        Some(name) => Some(named(status, name)?),
        None => status.incumbent.clone(),
    };
    let to = match &args.to {
        Some(name) => named(status, name)?,
        None => status.contender.clone().ok_or_else(|| Error::Refused {
            message: format!("{app} has no release yet: there is nothing to compare"),
        })?,
    };
    let cluster = args.cluster.as_deref().map(ClusterName::from);
    if let Some(name) = &args.cluster {
        let known: Vec<&str> = status.clusters.iter().map(|one| one.cluster.as_str()).collect();
        if !known.contains(&name.as_str()) {
            let hint = suggest::hint(name, &known);
            return Err(Error::NotFound { what: "cluster", name: name.clone(), hint });
        }
    }
    let before = from.as_ref().map(|from| manifests(state, app, from, cluster.as_ref())).transpose()?;
    let after = manifests(state, app, &to, cluster.as_ref())?;
    let side = |release, manifests| Side { release, manifests };
    let old = from.as_ref().zip(before.as_deref()).map(|(release, manifests)| side(release, manifests));
    let objects = differences(app, old, Some(side(&to, &after))).map_err(|error| Error::Read {
        path: paths::release_manifests(app, &to, None),
        reason: error.to_string(),
    })?;
    Ok(Comparison {
        application: app.clone(),
        from: from.map(|from| from.to_string()),
        to: to.to_string(),
        cluster: args.cluster.clone(),
        objects,
    })
}

fn named(status: &ApplicationStatus, asked: &str) -> Result<ReleaseName, Error> {
    let names: Vec<&str> = status.releases.iter().map(|release| release.name.as_str()).collect();
    if names.contains(&asked) {
        return Ok(ReleaseName::from(asked));
    }
    Err(Error::NotFound { what: "release", name: asked.to_owned(), hint: suggest::hint(asked, &names) })
}

fn text(comparison: &Comparison) -> String {
    let Comparison { application, from, to, cluster, objects } = comparison;
    let place = cluster.as_ref().map(|cluster| format!(" in {}", plain(cluster))).unwrap_or_default();
    let from = from.as_deref().unwrap_or("nothing");
    let head = format!(
        "{}{FAINT}: from {} to {}{place}{FAINT:#}\n",
        styled(STRONG, &application.to_string()),
        plain(from),
        plain(to)
    );
    if objects.is_empty() { head + "No object differs.\n" } else { head + &shown(objects) }
}
