//! `shipperctl remove`: the commit that removes applications or a cluster, with the trailer that confirms it [X1, X2].

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use shipper_core::AppKey;
use shipper_core::api::ApplicationSummary;
use shipper_core::command::Command;
use shipper_core::state::CONFIRM_REMOVAL;
use shipper_core::status::ApplicationStatus;
use shipper_git::Snapshot;

use super::commit::Commit;
use crate::Error;
use crate::cli::{CommitArgs, Global};
use crate::hub::{Hub, pick};
use crate::repository::{self, Change, FileChange};
use crate::terminal::{BUSY, Terminal, plain};

/// `remove APP…`, `remove --cluster NAME`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl remove web/hello                   the application goes from all its clusters, at once
  shipperctl remove web/hello web/old           both in one commit
  shipperctl remove --cluster eu-2              the cluster leaves the fleet; what runs there stays as it is
  shipperctl remove web/hello --branch bye      as a commit for a pull request; merge it with a merge commit,
                                                or keep the trailer in the message when you squash

It removes applications/<namespace>/<name>.yaml, or clusters/<name>.yaml, and writes the trailer that \
confirms it, also where the file is missing already:

  Shipper-Confirm-Removal: web/hello

In the clusters, definitions of custom resources, namespaces, volume claims and objects annotated \
`shipper.dev/keep: \"true\"` stay. Putting the file back ends a removal; what is gone is made anew.")]
pub struct Args {
    /// Applications, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP", required_unless_present = "cluster", conflicts_with = "cluster")]
    pub apps: Vec<String>,
    /// A cluster to remove from the fleet: its agent is refused, its applications are placed elsewhere
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// How the commit is made.
    #[command(flatten)]
    pub commit: CommitArgs,
}

/// Paths, and what becomes of them.
type Files = Vec<(String, FileChange)>;

/// Runs the command.
///
/// # Errors
/// When there is nothing of that name, or the commit cannot be made.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let asked = args.cluster.iter().chain(&args.apps).cloned().collect();
    let commit = Commit::begin(global, &args.commit, &usual_subject(args, &asked), terminal)?;
    let hub = Hub::of(global)?;
    let listed = match &args.cluster {
        Some(cluster) => hub.applications_in(cluster),
        None => hub.applications(),
    };
    let known = match listed {
        Ok(known) => known,
        Err(error) if error.is_away() => {
            // The file tells the name as well; what runs where is not known then.
            writeln!(terminal.err, "{BUSY}not checked:{BUSY:#} {}", plain(&error.to_string()))?;
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    let mut going = BTreeMap::<String, Option<ApplicationStatus>>::new();
    let mut subject = String::new();
    let published = commit.publish(false, |main, _| {
        let (removed, files) = match &args.cluster {
            Some(cluster) => (BTreeSet::from([cluster.clone()]), cluster_files(main, cluster, &known)?),
            None => application_files(main, &args.apps, &known)?,
        };
        let usual = || plain(&usual_subject(args, &removed)).into_owned();
        subject = args.commit.message.clone().unwrap_or_else(usual);
        let trailers: Vec<String> =
            removed.iter().map(|name| format!("{CONFIRM_REMOVAL}: {}", plain(name))).collect();
        let message = format!("{}\n\n{}", subject.trim_end(), trailers.join("\n"));
        // Asked before the push: the hub may be done with the removal before another answer is here.
        going.retain(|name, _| removed.contains(name));
        for name in removed {
            going.entry(name).or_insert_with_key(|name| running(&hub, &known, name));
        }
        Ok(Change { files, message, says_something: true })
    })?;
    let next = match &args.cluster {
        Some(cluster) => format!(
            "The hub refuses the agent of {} within seconds and places its applications elsewhere; what runs there stays as it is.",
            plain(cluster)
        ),
        None => {
            let told = going.iter().map(|(name, status)| what_goes(&plain(name), status.as_ref()));
            told.collect::<Vec<_>>().join("\n")
        }
    };
    commit.announce(&published, &subject, "", &next, terminal)
}

fn usual_subject(args: &Args, names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match (&args.cluster, names.as_slice()) {
        (Some(cluster), _) => format!("Remove cluster {cluster}"),
        (None, [several @ .., _]) if several.len() > 2 => format!("Remove {} applications", names.len()),
        _ => format!("Remove {}", names.join(", ")),
    }
}

/// The applications that are meant, and their files where those are there.
fn application_files(
    main: &Snapshot,
    asked: &[String],
    known: &[ApplicationSummary],
) -> Result<(BTreeSet<String>, Files), Error> {
    let there = repository::applications(main)?;
    let all: BTreeSet<AppKey> =
        there.iter().map(|(key, _)| key.clone()).chain(known.iter().map(|s| s.application.clone())).collect();
    let all: Vec<AppKey> = all.into_iter().collect();
    let (mut names, mut files) = (BTreeSet::new(), Vec::new());
    for name in asked {
        let key = pick(name, &all)?;
        let own = there.iter().filter(|(other, _)| *other == key);
        files.extend(own.map(|(_, path)| (path.clone(), FileChange::Remove)));
        names.insert(key.to_string());
    }
    Ok((names, files))
}

/// `known`: what has something there.
fn cluster_files(main: &Snapshot, cluster: &str, known: &[ApplicationSummary]) -> Result<Files, Error> {
    let mut files = Vec::new();
    for path in ["yaml", "yml"].map(|end| format!("clusters/{cluster}.{end}")) {
        if main.entry(&path).map_err(repository::RepositoryError::from)?.is_some() {
            files.push((path, FileChange::Remove));
        }
    }
    if files.is_empty() && known.is_empty() {
        return Err(Error::NotFound {
            what: "cluster",
            name: cluster.to_owned(),
            hint: format!("neither is clusters/{cluster}.yaml on main, nor does an application run there"),
        });
    }
    Ok(files)
}

/// What the hub says of an application of this name; `None` where it knows none, or is away.
fn running(hub: &Hub, known: &[ApplicationSummary], name: &str) -> Option<ApplicationStatus> {
    let key = known.iter().map(|one| &one.application).find(|key| key.to_string() == *name)?;
    hub.known(key).ok().flatten()
}

/// What the removal of an application means, in a sentence.
fn what_goes(name: &str, known: Option<&ApplicationStatus>) -> String {
    let follow = format!("Follow it: {}", Command::new("shipperctl status").word(name).flag("--watch"));
    let Some(status) = known else {
        return format!("{name} goes within seconds of the hub reading it. {follow}");
    };
    let clusters: Vec<_> = status.clusters.iter().map(|cluster| plain(cluster.cluster.as_str())).collect();
    let pods: u32 =
        status.clusters.iter().flat_map(|c| &c.releases).map(|release| release.capacity.ready).sum();
    if clusters.is_empty() {
        return format!("{name} runs nowhere; the hub forgets it.");
    }
    format!("{name} goes from {} ({pods} ready pods) within seconds. {follow}", clusters.join(", "))
}
