//! `shipperctl plan`: what merging a branch would do, before anybody merges it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::Error;
use crate::cli::{Global, StateArgs};
use crate::forecast::{self, Asked, Forecast};
use crate::hub::Hub;
use crate::output::{Output, json};
use crate::pulls::{PullRequest, PullRequestError, Verdict, environment};
use crate::repository;
use crate::terminal::{Terminal, plain};

/// Name of the status that the plan sets.
const STATUS: &str = "shipper/plan";

/// `plan`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl plan                              the branch that you are on, once it is pushed
  shipperctl plan --head raise-replicas        another branch
  shipperctl plan --head refs/pull/12/head     a pull request, on hosts that have such refs
  shipperctl plan --post                       in a pipeline: as a comment on its pull request, and a status
  shipperctl plan --post=12                    the same anywhere, for this pull request

It merges the branch into main in a clone of its own, and asks the same planner that the hub has, with \
the hub's latest reports: which releases are made, which steps are taken, which clusters get what, which \
objects change (with what is secret hidden), how many pods are added, what is in the way. Nothing \
is pushed, and the hub is only asked. It fails with 1 if the branch brings an error in a file.

With --post there is one comment on the pull request, kept up to date, and the status shipper/plan on \
its commit, with a token from SHIPPER_GIT_TOKEN or what else the host calls it. Ready pipelines for \
GitHub Actions, GitLab CI, Forgejo and Gitea are in examples/ci.

Charts are rendered here, with the helm in PATH. The text is for people; programs take -o json.")]
pub struct Args {
    /// The branch that would be merged, as it is in the repository [default: the one of the work tree]
    #[arg(long, value_name = "BRANCH")]
    pub head: Option<String>,
    /// The branch that it would be merged into
    #[arg(long, value_name = "BRANCH", default_value = "main")]
    pub base: String,
    /// Post the plan to the pull request of this number, or of the pipeline that this runs in
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, require_equals = true, conflicts_with = "head")]
    pub post: Option<Option<u64>>,
    /// How to print
    #[arg(short = 'o', long = "output", visible_alias = "format", value_enum, default_value_t)]
    pub format: Format,
    /// The helm program [default: the one in PATH]
    #[arg(long, value_name = "PATH", env = "SHIPPER_HELM", hide_env_values = true)]
    pub helm: Option<PathBuf>,
    /// Where the state of the fleet is.
    #[command(flatten)]
    pub state: StateArgs,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// The same; a plan is never cut to the width of the terminal
    Wide,
    /// For a comment on a pull request
    Markdown,
    /// For programs
    Json,
    /// The same as YAML
    Yaml,
    /// Names of the applications that something changes for
    Name,
}

/// Runs the command.
///
/// # Errors
/// When the branches do not merge, hub or repository do not answer, or a file would be refused.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let place = repository::find(global.repository.as_deref())?;
    let state = repository::state_place(global, &args.state)?;
    let pull = args.post.map(|number| PullRequest::of(&place.url, number, &environment)).transpose()?;
    let here = || repository::current_branch(place.worktree.as_deref().unwrap_or(Path::new(".")));
    let head = args.head.clone().or_else(|| pull.as_ref().map(PullRequest::head)).or_else(here);
    let head = head.ok_or_else(|| Error::Usage {
        message: "there is no work tree on a branch here; name the branch with --head".to_owned(),
    })?;
    let asked = Asked {
        place: &place,
        state: &state,
        base: &args.base,
        head: &head,
        state_branch: &args.state.state_branch,
        helm: args.helm.clone(),
    };
    let doing = format!("Planning {head}");
    terminal.busy(&doing);
    let planned = |done, of| terminal.progress(&doing, (done, of), "applications");
    let foretold = Hub::of(global).map_err(Error::from);
    let foretold = foretold.and_then(|hub| forecast::foretell(&hub, &asked, planned));
    let posted = pull.as_ref().map(|pull| post(pull, foretold.as_ref().ok()));
    let forecast = match foretold {
        Ok(forecast) => forecast,
        Err(error) => {
            // Why there is no plan counts more than that nobody could be told.
            if let Some(Err(untold)) = &posted {
                writeln!(terminal.err, "{}", plain(&untold.to_string()))?;
            }
            return Err(error);
        }
    };
    let names = || forecast.applications.iter().map(|one| one.application.to_string()).collect();
    let text = match args.format {
        Format::Text | Format::Wide => forecast::text(&forecast),
        Format::Markdown => forecast::markdown(&forecast),
        Format::Json => json(&forecast)?,
        Format::Yaml => Output::Yaml.print(&forecast, names, || Ok(String::new()))?,
        Format::Name => Output::Name.print(&forecast, names, || Ok(String::new()))?,
    };
    write!(terminal.out, "{text}")?;
    if let Some(posted) = posted {
        writeln!(terminal.err, "Posted {}", plain(&posted?))?;
    }
    match forecast.errors() {
        0 => Ok(()),
        errors => Err(Error::Lint { errors }),
    }
}

/// Comments on the pull request and sets its status; where to read it. Without a plan there is only a status, that there is none.
fn post(pull: &PullRequest, forecast: Option<&Forecast>) -> Result<String, PullRequestError> {
    let Some(forecast) = forecast else {
        pull.status(None, STATUS, (Verdict::Error, "there is no plan; the pipeline's log says why"), None)?;
        return Ok(String::new());
    };
    let commented = pull.comment(forecast::MARK, &forecast::markdown(forecast));
    let verdict = if forecast.errors() == 0 { Verdict::Success } else { Verdict::Failure };
    // An earlier status of the same commit must not outlive what is known now.
    let link = commented.as_ref().ok().map(String::as_str);
    pull.status(Some(&forecast.head), STATUS, (verdict, &forecast.headline()), link)?;
    commented
}
