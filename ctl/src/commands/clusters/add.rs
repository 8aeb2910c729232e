//! `shipperctl clusters add`: the commit that lets a cluster join the fleet.

use std::collections::BTreeMap;

use serde::Serialize;
use shipper_core::command::Command;
use shipper_core::intent::{Cluster, ClusterSpec, Metadata, Scheduler, Severity, load};
use shipper_core::yaml::write_object;

use crate::Error;
use crate::cli::{CommitArgs, Global};
use crate::commands::commit::Commit;
use crate::repository::{self, FileChange};
use crate::terminal::Terminal;

/// `clusters add CLUSTER`
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl clusters add eu-3 --region eu
  shipperctl clusters add eu-3 --region eu --capability gpu --label tier=edge --cordoned

It writes clusters/<name>.yaml. Applications that run everywhere are to run in it from then on, and their rollouts wait for its agent: \
start the agent first, or add the cluster with --cordoned and take that back with `shipperctl clusters uncordon` once it reports.")]
pub struct Args {
    /// Its name
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// Its region, as applications name it
    #[arg(long, value_name = "REGION")]
    pub region: String,
    /// Something it offers, as applications require it; may be repeated
    #[arg(long = "capability", value_name = "NAME")]
    pub capabilities: Vec<String>,
    /// A label that strategies and overrides select by; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
    /// How much of the load it gets, compared with the others of its region [default: 100]
    #[arg(long, value_name = "NUMBER")]
    pub weight: Option<u32>,
    /// It gets no application before it is uncordoned
    #[arg(long)]
    pub cordoned: bool,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| "write it as KEY=VALUE".to_owned())?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Runs the command.
///
/// # Errors
/// When there is such a cluster already, its file would be refused, or the commit cannot be made.
pub(super) fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let name = &args.cluster;
    let path = format!("clusters/{name}.yaml");
    let bytes = file(args, &path)?;
    let show = Command::new("shipperctl clusters show").word(name);
    let commit = Commit::begin(global, &args.commit, &format!("Add cluster {name}"), terminal)?;
    let published = commit.publish(false, |main, _| {
        let there = repository::clusters(main)?.into_iter().find(|(known, _)| known.as_str() == name);
        if let Some((_, path)) = there {
            return Err(Error::Refused {
                message: format!("{path} is there already; edit it, or see `{show}`"),
            });
        }
        Ok(commit.change(vec![(path.clone(), FileChange::Write(bytes.clone()))]))
    })?;
    let next = format!(
        "Give it a token in the file of the hub's --agent-tokens, and start its agent: {}. \
         Then see: {show}",
        Command::new("shipper-agent").option("--cluster", name)
    );
    commit.announce(&published, &commit.subject, "the cluster is there already", &next, terminal)
}

/// The file that adds the cluster, if the hub would take it.
fn file(args: &Args, path: &str) -> Result<Vec<u8>, Error> {
    #[derive(Serialize)]
    struct File<'a> {
        metadata: &'a Metadata,
        spec: Spec<'a>,
    }
    /// Without what a person would not write.
    #[derive(Serialize)]
    struct Spec<'a> {
        region: &'a str,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        capabilities: &'a [String],
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        scheduler: BTreeMap<&'static str, serde_json::Value>,
    }
    let cluster = Cluster {
        metadata: Metadata {
            name: args.cluster.clone(),
            labels: args.labels.iter().cloned().collect(),
            ..Metadata::default()
        },
        spec: ClusterSpec {
            region: args.region.clone(),
            capabilities: args.capabilities.clone(),
            scheduler: Scheduler {
                unschedulable: args.cordoned,
                weight: args.weight,
                ..Scheduler::default()
            },
            ..ClusterSpec::default()
        },
    };
    let mut scheduler = BTreeMap::new();
    scheduler.extend(cluster.spec.scheduler.unschedulable.then(|| ("unschedulable", true.into())));
    scheduler.extend(cluster.spec.scheduler.weight.map(|weight| ("weight", weight.into())));
    let spec = Spec { region: &cluster.spec.region, capabilities: &cluster.spec.capabilities, scheduler };
    let usage = |message: String| Error::Usage { message };
    let bytes = write_object("Cluster", &File { metadata: &cluster.metadata, spec })
        .map_err(|error| usage(error.to_string()))?;
    match load(path, &bytes).problems.into_iter().find(|problem| problem.severity == Severity::Error) {
        Some(problem) => Err(usage(problem.message)),
        None => Ok(bytes),
    }
}
