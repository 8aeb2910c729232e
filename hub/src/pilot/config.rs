//! What the loop is told: where the repositories are, how often to look, who signs.

use crate::config::Config;
use shipper_core::state::paths;
use shipper_git::{Oid, RemoteConfig, Signer};
use shipper_telemetry::trace::Traces;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Signs the hub's commits.
pub type SharedSigner = Arc<dyn Signer + Send + Sync>;
/// Called between composing a commit and pushing it.
pub type BeforePush = Arc<dyn Fn() + Send + Sync>;

/// What the loop is told.
#[derive(Clone)]
pub struct PilotConfig {
    /// Where the copies of the repositories are kept; may be deleted whenever the hub is stopped.
    pub data_dir: PathBuf,
    /// The repository that people write.
    pub repository: RemoteConfig,
    /// The repository that the hub writes; `None` = the same.
    pub state_repository: Option<RemoteConfig>,
    /// The branch that people write, in full.
    pub intent_branch: String,
    /// The branch that the hub writes, in full.
    pub state_branch: String,
    /// A commit of either branch that a person accepted as a new beginning [X3].
    pub accept_history: Option<Oid>,
    /// How often the repository is looked at while no hints come.
    pub poll_min: Duration,
    /// How often it is looked at while hints come.
    pub poll_max: Duration,
    /// First wait after a failure; doubled by every further one.
    pub retry_min: Duration,
    /// Longest wait after a failure, unless the server asks for a longer one.
    pub retry_max: Duration,
    /// How long an application's changes are kept together with manifests that are still being rendered.
    pub render_patience: Duration,
    /// Applications that are planned and written in one turn: what a busy second brings, and few enough that their plans, which are in memory
    /// together, take some megabytes.
    pub turn: usize,
    /// Name of author and committer.
    pub author_name: String,
    /// Mail address of author and committer.
    pub author_email: String,
    /// Signs every commit.
    pub signer: Option<SharedSigner>,
    /// Where what leads to each commit is told.
    pub traces: Traces,
    /// A seam for tests of lost races; `None` in earnest.
    pub before_push: Option<BeforePush>,
}

impl PilotConfig {
    /// The defaults: one repository, the standard branches, a look every second while no hints come.
    pub fn new(data_dir: PathBuf, repository: RemoteConfig) -> Self {
        Self {
            data_dir,
            repository,
            state_repository: None,
            intent_branch: paths::INTENT_BRANCH.to_owned(),
            state_branch: paths::STATE_BRANCH.to_owned(),
            accept_history: None,
            poll_min: Duration::from_secs(1),
            poll_max: Duration::from_secs(30),
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(30),
            render_patience: Duration::from_secs(2),
            turn: 200,
            author_name: "Shipper".to_owned(),
            author_email: "shipper@localhost".to_owned(),
            signer: None,
            traces: Traces::off(),
            before_push: None,
        }
    }
}

impl From<&Config> for PilotConfig {
    fn from(config: &Config) -> Self {
        Self {
            state_repository: config.state_repository.clone(),
            intent_branch: full(&config.intent_branch),
            state_branch: full(&config.state_branch),
            accept_history: config.accept_history,
            poll_min: config.poll.min,
            poll_max: config.poll.max,
            author_name: config.author.name.clone(),
            author_email: config.author.email.clone(),
            ..Self::new(config.data_dir.clone(), config.repository.clone())
        }
    }
}

/// The full name of a branch that may have been given without `refs/heads/`.
fn full(branch: &str) -> String {
    if branch.starts_with("refs/") { branch.to_owned() } else { format!("refs/heads/{branch}") }
}

impl fmt::Debug for PilotConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PilotConfig")
            .field("data_dir", &self.data_dir)
            .field("repository", &self.repository)
            .field("state_repository", &self.state_repository)
            .field("intent_branch", &self.intent_branch)
            .field("state_branch", &self.state_branch)
            .field("accept_history", &self.accept_history)
            .field("signed", &self.signer.is_some())
            .finish_non_exhaustive()
    }
}
