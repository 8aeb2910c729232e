//! What the hub is told, once everything it was pointed to is read.

use crate::access::{AccessSettings, SettingsError};
use crate::args::Args;
use crate::standing::Takeover;
use crate::store::Keep;
use crate::store::postgres::{Address, AddressError};
use jiff::Timestamp;
use shipper_git::{Credentials, Oid, RemoteConfig, RepositoryUrl, Secret, SshOptions, UrlError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the hub does not start: somebody must change a flag or a file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An address of a repository is none.
    #[error("--{flag}: {source}")]
    Repository {
        /// The flag.
        flag: &'static str,
        /// What is wrong.
        source: UrlError,
    },
    /// A file that a flag names cannot be read.
    #[error("--{flag} {path}: {source}; check the path and its permissions")]
    File {
        /// The flag.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that a flag names holds nothing.
    #[error("--{flag} {path}: the file is empty; put the secret into it, or leave the flag out")]
    Empty {
        /// The flag.
        flag: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Who may read is not clear.
    #[error(transparent)]
    Access(#[from] SettingsError),
    /// The shortest pause is longer than the longest.
    #[error("--poll-interval-min {min:?} is longer than --poll-interval-max {max:?}; exchange them")]
    Poll {
        /// The shortest pause.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// A commit is named by something else than its id.
    #[error(
        "--accept-history {0}: expected the full id of a commit, as the condition HistoryRewritten names it"
    )]
    Commit(String),
    /// The address of the database is none.
    #[error("--database: {0}")]
    Database(#[from] AddressError),
    /// Heartbeats are told to agents in whole seconds.
    #[error("--heartbeat {0:?} is not a whole number of seconds from 1s to 10m; the usual value is 10s")]
    Heartbeat(Duration),
}

/// How often the repository is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// While no hints come.
    pub min: Duration,
    /// While hints come.
    pub max: Duration,
}

/// Who the hub's commits are by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
}

/// How far the timeline goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// What is older is dropped.
    pub age: Duration,
    /// And of what is left all but so many entries, the newest.
    pub entries: u64,
    /// And of those all but so many bytes.
    pub bytes: u64,
}

impl Default for Retention {
    /// 90 days, a million, 512 MiB.
    fn default() -> Self {
        Self { age: Duration::from_secs(90 * 24 * 3600), entries: 1_000_000, bytes: 512 << 20 }
    }
}

impl Retention {
    /// What is to be kept at a time; `None` = the clock says a time that far back is none.
    pub fn at(&self, now: Timestamp) -> Option<Keep> {
        let since = now.checked_sub(self.age).ok()?;
        Some(Keep { since, entries: self.entries, bytes: self.bytes })
    }
}

/// What the hub is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The fleet repository.
    pub repository: RemoteConfig,
    /// The repository of the state branch; `None` = the fleet repository.
    pub state_repository: Option<RemoteConfig>,
    /// The branch people write.
    pub intent_branch: String,
    /// The branch the hub writes.
    pub state_branch: String,
    /// A commit accepted as a new beginning of its branch [X3].
    pub accept_history: Option<Oid>,
    /// How often to look.
    pub poll: Poll,
    /// How often agents report.
    pub heartbeat: Duration,
    /// Where to serve HTTP; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the copy of the repository is, and the database unless that is elsewhere.
    pub data_dir: PathBuf,
    /// A database that several hubs share; `None` = a file in the data directory.
    pub database: Option<Address>,
    /// How far the timeline goes back.
    pub retention: Retention,
    /// Where traces are sent; `None` = where the standard variables say, if they do.
    pub otlp_endpoint: Option<String>,
    /// YAML file of the agents' tokens.
    pub agent_tokens: Option<PathBuf>,
    /// Who may read.
    pub access: AccessSettings,
    /// What webhooks are signed with.
    pub webhook_secret: Option<Secret>,
    /// The `helm` binary; `None` = the one in `PATH`.
    pub helm: Option<PathBuf>,
    /// Who the hub's commits are by.
    pub author: Author,
    /// When to take over from hubs on another database [A6].
    pub takeover: Takeover,
}

impl TryFrom<Args> for Config {
    type Error = ConfigError;

    fn try_from(args: Args) -> Result<Self, ConfigError> {
        if args.poll_interval_min > args.poll_interval_max {
            return Err(ConfigError::Poll { min: args.poll_interval_min, max: args.poll_interval_max });
        }
        let seconds = args.heartbeat.as_secs();
        if !(1..=600).contains(&seconds) || args.heartbeat.subsec_nanos() != 0 {
            return Err(ConfigError::Heartbeat(args.heartbeat));
        }
        let accept_history = args.accept_history.as_deref().map(commit).transpose()?;
        let repository = remote("repository", &args.repository, &args)?;
        let state_repository =
            args.state_repository.as_deref().map(|url| remote("state-repository", url, &args)).transpose()?;
        let webhook_secret = args
            .webhook_secret_file
            .as_deref()
            .map(|path| secret("webhook-secret-file", path))
            .transpose()?;
        let client_secret = args
            .reading
            .oidc_client_secret_file
            .as_deref()
            .map(|path| secret("oidc-client-secret-file", path))
            .transpose()?;
        let access = AccessSettings::of(args.reading.clone(), client_secret)?;
        Ok(Self {
            repository,
            state_repository,
            intent_branch: args.intent_branch,
            state_branch: args.state_branch,
            accept_history,
            poll: Poll { min: args.poll_interval_min, max: args.poll_interval_max },
            heartbeat: args.heartbeat,
            listen: args.listen,
            data_dir: args.data_dir,
            database: args.database.as_ref().map(|url| url.reveal().parse()).transpose()?,
            retention: Retention {
                age: args.timeline_max_age,
                entries: args.timeline_max_entries,
                bytes: args.timeline_max_size,
            },
            otlp_endpoint: args.otlp_endpoint,
            agent_tokens: args.agent_tokens,
            access,
            webhook_secret,
            helm: args.helm,
            takeover: Takeover { after: args.takeover_after, ordered: args.take_over },
            author: Author { name: args.author_name, email: args.author_email },
        })
    }
}

fn commit(text: &str) -> Result<Oid, ConfigError> {
    // A shortened id would be read as one that ends in zeros.
    let id = Oid::from_str(text).ok().filter(|id| id.to_string() == text.to_lowercase());
    id.ok_or_else(|| ConfigError::Commit(text.to_owned()))
}

fn remote(flag: &'static str, url: &str, args: &Args) -> Result<RemoteConfig, ConfigError> {
    let url: RepositoryUrl = url.parse().map_err(|source| ConfigError::Repository { flag, source })?;
    let mut remote = RemoteConfig::new(url);
    // Which version of a bad file was the last good one is read from history.
    remote.shallow = false;
    if let Some(path) = &args.repository_token_file {
        let password = secret("repository-token-file", path)?;
        remote.credentials = Credentials::Basic { user: args.repository_username.clone(), password };
    }
    remote.ca_file.clone_from(&args.repository_ca_file);
    remote.ssh = SshOptions {
        identity_file: args.ssh_key_file.clone(),
        known_hosts_file: args.ssh_known_hosts_file.clone(),
    };
    Ok(remote)
}

fn secret(flag: &'static str, path: &Path) -> Result<Secret, ConfigError> {
    let content = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
        flag,
        path: path.to_owned(),
        source,
    })?;
    match content.trim() {
        "" => Err(ConfigError::Empty { flag, path: path.to_owned() }),
        secret => Ok(Secret::new(secret)),
    }
}
