//! `shipperctl render`: what the hub would render for an application, by its own renderer; and what it rendered of a release.

use std::io::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Value, json};
use shipper_core::manifest::Manifests;
use shipper_core::manifest::compare::without_secrets;
use shipper_core::{AppKey, ClusterName, ReleaseName};
use shipper_git::{Oid, StoreError};
use shipper_hub::fleet::FleetView;
use shipper_hub::pilot::{Preview, RenderingError};

use super::restore::folders;
use crate::Error;
use crate::cli::{Global, StateArgs};
use crate::forecast::preview;
use crate::hub::pick;
use crate::output::{Output, OutputArgs, json};
use crate::records::{self, Records};
use crate::repository::{self, Place, RepositoryError, Scratch, adopt};
use crate::terminal::{Terminal, plain_yaml};
use shipper_core::suggest;

/// `render APP`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl render web/hello                            the work tree you are in, committed or not
  shipperctl render web/hello --revision main~3          a commit
  shipperctl render web/hello --cluster eu-1             with the values that this cluster gets
  shipperctl render web/hello --release hello-83e4eedd-1 what the hub rendered and committed
  shipperctl render web/hello | kubectl diff -f -        against the cluster of your kubeconfig

It reads the files as the hub does, renders them with the helm in PATH under the hub's limits, and makes \
them ready for a cluster as the hub does: namespaces, labels, the names of the release. What the hub would \
refuse is refused here, in the same words. It asks no hub and pushes nothing. The number at the end of the \
release's name is that of a first release; the hub counts on.

The values of Secrets are hidden; with --show-secrets they are not, and the output can be applied.")]
pub struct Args {
    /// Application, as namespace/name, or name where only one namespace has it
    #[arg(value_name = "[NAMESPACE/]APP")]
    pub app: String,
    /// Render this commit instead of the files on disk; of a repository elsewhere: this branch [default: main]
    #[arg(long, value_name = "COMMIT", conflicts_with = "release")]
    pub revision: Option<String>,
    /// With the overrides of this cluster
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: Option<String>,
    /// What the hub rendered of this release, from the branch that it writes
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// Print the values of Secrets too
    #[arg(long)]
    pub show_secrets: bool,
    /// The helm program [default: the one in PATH]
    #[arg(long, value_name = "PATH", env = "SHIPPER_HELM", hide_env_values = true)]
    pub helm: Option<PathBuf>,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Where the state of the fleet is.
    #[command(flatten)]
    pub state: StateArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no such application, cluster or release, or the hub would render nothing of it.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let bytes = match &args.release {
        Some(release) => of_release(global, args, release, terminal)?,
        None => {
            let place = repository::find(global.repository.as_deref())?;
            terminal.busy(&format!("Rendering {}", args.app));
            fresh(&place, args)?
        }
    };
    let read = Manifests::parse(&bytes)
        .map_err(|error| Error::Read { path: "what was rendered".to_owned(), reason: error.to_string() })?;
    let shown = |object: Value| if args.show_secrets { object } else { without_secrets(object) };
    let objects: Vec<Value> = read.objects.into_iter().map(|object| shown(object.value)).collect();
    write!(terminal.out, "{}", printed(args.output.output, &objects)?)?;
    Ok(())
}

/// Documents for kubectl, or a list that it takes as well.
fn printed(output: Output, objects: &[Value]) -> Result<String, Error> {
    match output {
        Output::Text | Output::Wide | Output::Yaml => {
            plain_yaml(objects).map_err(|error| Error::Output(std::io::Error::other(error.to_string())))
        }
        Output::Json => json(&json!({"apiVersion": "v1", "kind": "List", "items": objects})),
        Output::Name => {
            let text = |object: &Value, path: &str| {
                object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let name =
                |object: &Value| format!("{} {}", text(object, "/kind"), text(object, "/metadata/name"));
            output.print(objects, || objects.iter().map(name).collect(), || Ok(String::new()))
        }
    }
}

/// What the hub has of a release.
fn of_release(
    global: &Global,
    args: &Args,
    release: &str,
    terminal: &mut Terminal<'_>,
) -> Result<Vec<u8>, Error> {
    let place = repository::state_place(global, &args.state)?;
    terminal.busy(&format!("Reading {}", place.url));
    let records = Records::read(&place, &args.state.state_branch)?;
    let app = pick(&args.app, &records.applications()?)?;
    let names = records.releases(&app)?;
    let known: Vec<&str> = names.iter().map(ReleaseName::as_str).collect();
    if !known.contains(&release) {
        let hint = suggest::hint(release, &known);
        return Err(Error::NotFound { what: "release", name: release.to_owned(), hint });
    }
    let cluster = args.cluster.as_deref().map(ClusterName::from);
    records::manifests(records.snapshot(), &app, &ReleaseName::from(release), cluster.as_ref())
}

/// What the hub would render.
fn fresh(place: &Place, args: &Args) -> Result<Vec<u8>, Error> {
    let mut scratch = Scratch::of(place, true)?;
    let commit = commit(&mut scratch, place, args)?;
    let read = |error: StoreError| Error::from(RepositoryError::Store(error));
    let mut view = FleetView::default();
    view.follow_main(&scratch.store, commit).map_err(|error| read(error.source))?;
    let app = pick(&args.app, &view.applications().into_iter().collect::<Vec<AppKey>>())?;
    let cluster = args.cluster.as_deref().map(ClusterName::from);
    if let Some(name) = cluster.as_ref().filter(|name| !view.objects().fleet().clusters.contains_key(*name)) {
        let known: Vec<&str> = view.objects().fleet().clusters.keys().map(ClusterName::as_str).collect();
        let hint = suggest::hint(name.as_str(), &known);
        return Err(Error::NotFound { what: "cluster", name: name.to_string(), hint });
    }
    let folder =
        tempfile::Builder::new().prefix("shipperctl-").tempdir().map_err(RepositoryError::Scratch)?;
    let mut preview: Preview = preview(args.helm.clone(), folder.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rendered =
        runtime.block_on(preview.render(&scratch.store, &view, &app, cluster.as_ref(), Timestamp::now()));
    match rendered {
        Ok(rendering) => Ok(rendering.manifests.to_vec()),
        Err(RenderingError::Store(error)) => Err(read(error)),
        Err(refused) => Err(Error::Refused { message: refused.to_string() }),
    }
}

/// The commit that is rendered, in the store.
fn commit(scratch: &mut Scratch, place: &Place, args: &Args) -> Result<Oid, Error> {
    if let Some(clone) = &place.worktree {
        return Ok(adopt(&scratch.store, clone, args.revision.as_deref(), folders)?);
    }
    let branch = args.revision.as_deref().unwrap_or("main");
    let full = if branch.starts_with("refs/") { branch.to_owned() } else { format!("refs/heads/{branch}") };
    let found = scratch.branch(&full)?.map(|snapshot| snapshot.commit_id());
    found.ok_or_else(|| Error::NotFound {
        what: "branch",
        name: branch.to_owned(),
        hint: "of a repository elsewhere name a branch with --revision, or go to a clone of it".to_owned(),
    })
}
