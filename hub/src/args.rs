//! The command line. Every flag may also come from the environment: `--data-dir` is `SHIPPER_DATA_DIR`.

mod reading;

pub use reading::ReadingArgs;

use clap::Parser;
use shipper_core::resources::Quantity;
use shipper_git::Secret;
use shipper_telemetry::log::LogFormat;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLE: &str = "\
Example: a fleet repository on GitHub, agents that know their tokens, a push seen at once
  shipper-hub --repository https://github.com/acme/fleet.git \\
      --repository-token-file /etc/shipper/git-token \\
      --agent-tokens /etc/shipper/agents.yaml \\
      --webhook-secret-file /etc/shipper/webhook \\
      --data-dir /var/lib/shipper

Example: one of several hubs that share a database
  shipper-hub --repository https://github.com/acme/fleet.git \\
      --repository-token-file /etc/shipper/git-token \\
      --agent-tokens /etc/shipper/agents.yaml \\
      --database postgres://shipper@db.example.com/shipper?sslmode=verify-full \\
      --data-dir /var/lib/shipper

Example: people sign in with their accounts at an OpenID Connect provider
  shipper-hub --repository https://github.com/acme/fleet.git \
      --agent-tokens /etc/shipper/agents.yaml \
      --public-url https://shipper.example.com \
      --oidc-issuer https://sso.example.com/realms/acme --oidc-client-id shipper \
      --oidc-client-secret-file /etc/shipper/oidc-secret \
      --access-file /etc/shipper/access.yaml \
      --data-dir /var/lib/shipper

Example: try it on this machine, with a repository in a directory
  git init --bare fleet.git
  shipper-hub --repository ./fleet.git --data-dir ./hub --anonymous-read --log-format text

Exit codes: 0 stopped when asked to; 1 failed while running; 64 wrong flags or files, nothing was started.";

/// Reads what people committed, computes the next step of every rollout, and writes the desired state of every cluster
/// back into Git. Nothing is lost with this process: start it anew, anywhere, with the same repository.
#[derive(Clone, Debug, Parser)]
#[command(name = "shipper-hub", version, after_long_help = EXAMPLE, max_term_width = 110)]
pub struct Args {
    /// The fleet repository: https, http, ssh or a path. People write its branch main.
    #[arg(long, env = "SHIPPER_REPOSITORY", value_name = "URL", help_heading = "Repository")]
    pub repository: String,

    /// Another repository for the state branch. Recommended for more than a handful of clusters: agents then read this one
    /// alone, and people's repository stays light. Default: the fleet repository.
    #[arg(long, env = "SHIPPER_STATE_REPOSITORY", value_name = "URL", help_heading = "Repository")]
    pub state_repository: Option<String>,

    /// The branch that people write.
    #[arg(
        long,
        env = "SHIPPER_INTENT_BRANCH",
        value_name = "BRANCH",
        default_value = "main",
        help_heading = "Repository"
    )]
    pub intent_branch: String,

    /// The branch that only the hub writes. Protect it at the Git host from everybody else.
    #[arg(
        long,
        env = "SHIPPER_STATE_BRANCH",
        value_name = "BRANCH",
        default_value = "shipper/state",
        help_heading = "Repository"
    )]
    pub state_branch: String,

    /// File with the token or password for http and https. It needs to read the branch main and write the state branch.
    #[arg(long, env = "SHIPPER_REPOSITORY_TOKEN_FILE", value_name = "FILE", help_heading = "Repository")]
    pub repository_token_file: Option<PathBuf>,

    /// User name that goes with the token. Most hosts ignore it; Bitbucket wants x-token-auth.
    #[arg(
        long,
        env = "SHIPPER_REPOSITORY_USERNAME",
        value_name = "NAME",
        default_value = "git",
        help_heading = "Repository"
    )]
    pub repository_username: String,

    /// PEM file of certificate authorities trusted for https beside the system's.
    #[arg(long, env = "SHIPPER_REPOSITORY_CA_FILE", value_name = "FILE", help_heading = "Repository")]
    pub repository_ca_file: Option<PathBuf>,

    /// Private key for ssh. Without it, ssh uses what it finds.
    #[arg(long, env = "SHIPPER_SSH_KEY_FILE", value_name = "FILE", help_heading = "Repository")]
    pub ssh_key_file: Option<PathBuf>,

    /// The only host keys trusted for ssh, as `ssh-keyscan` writes them.
    #[arg(long, env = "SHIPPER_SSH_KNOWN_HOSTS_FILE", value_name = "FILE", help_heading = "Repository")]
    pub ssh_known_hosts_file: Option<PathBuf>,

    /// How often to look at the repository while no webhook says when.
    #[arg(
        long,
        env = "SHIPPER_POLL_INTERVAL_MIN",
        value_name = "TIME",
        default_value = "1s",
        value_parser = duration,
        help_heading = "Repository"
    )]
    pub poll_interval_min: Duration,

    /// How often to look while webhooks come: they say when, and this is only the safety net.
    #[arg(
        long,
        env = "SHIPPER_POLL_INTERVAL_MAX",
        value_name = "TIME",
        default_value = "30s",
        value_parser = duration,
        help_heading = "Repository"
    )]
    pub poll_interval_max: Duration,

    /// Take this commit, in full, as a new beginning of the branch it is on, whose history was rewritten on purpose: of the
    /// intent branch, or of the state branch, which then goes on in a new epoch that the agents follow. For one start only.
    #[arg(long, env = "SHIPPER_ACCEPT_HISTORY", value_name = "COMMIT", help_heading = "Repository")]
    pub accept_history: Option<String>,

    /// Name in the hub's commits.
    #[arg(
        long,
        env = "SHIPPER_AUTHOR_NAME",
        value_name = "NAME",
        default_value = "Shipper",
        help_heading = "Repository"
    )]
    pub author_name: String,

    /// Mail address in the hub's commits.
    #[arg(
        long,
        env = "SHIPPER_AUTHOR_EMAIL",
        value_name = "ADDRESS",
        default_value = "shipper@localhost",
        help_heading = "Repository"
    )]
    pub author_email: String,

    /// File with the webhook's secret. With it, POST /api/v1/webhook takes only what GitHub, Gitea, Forgejo or GitLab signed
    /// with it.
    #[arg(long, env = "SHIPPER_WEBHOOK_SECRET_FILE", value_name = "FILE", help_heading = "Repository")]
    pub webhook_secret_file: Option<PathBuf>,

    /// Where to serve HTTP. Put a proxy that speaks TLS in front of it where agents come over a network that is not yours.
    #[arg(
        long,
        env = "SHIPPER_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8080",
        help_heading = "Agents"
    )]
    pub listen: SocketAddr,

    /// YAML map of cluster names to their agents' tokens, read again when it changes. Without it no agent may report.
    /// One line: `eu-west-1: 6f1c…` (make a token with `openssl rand -hex 32`).
    #[arg(long, env = "SHIPPER_AGENT_TOKENS", value_name = "FILE", help_heading = "Agents")]
    pub agent_tokens: Option<PathBuf>,

    /// How often an agent reports even if nothing changed. After three of these without a report it counts as offline.
    #[arg(
        long,
        env = "SHIPPER_HEARTBEAT",
        value_name = "TIME",
        default_value = "10s",
        value_parser = duration,
        help_heading = "Agents"
    )]
    pub heartbeat: Duration,

    /// Who may read.
    #[command(flatten)]
    pub reading: ReadingArgs,

    /// A PostgreSQL database that several hubs share, so that all may act: postgres://USER@HOST/DATABASE. The password comes best from
    /// PGPASSWORD or ~/.pgpass. Without it, a file in --data-dir, for one hub.
    #[arg(
        long,
        env = "SHIPPER_DATABASE",
        value_name = "URL",
        hide_env_values = true,
        value_parser = secret,
        help_heading = "This process"
    )]
    pub database: Option<Secret>,

    /// How far the timeline of events goes back, and what is kept of measurements for gates.
    #[arg(
        long,
        env = "SHIPPER_TIMELINE_MAX_AGE",
        value_name = "TIME",
        default_value = "90d",
        value_parser = duration,
        help_heading = "This process"
    )]
    pub timeline_max_age: Duration,

    /// How many events the timeline holds at most; the oldest go first. A million take about 300 MB.
    #[arg(
        long,
        env = "SHIPPER_TIMELINE_MAX_ENTRIES",
        value_name = "NUMBER",
        default_value_t = 1_000_000,
        value_parser = clap::value_parser!(u64).range(1..),
        help_heading = "This process"
    )]
    pub timeline_max_entries: u64,

    /// How much room the timeline takes at most; the oldest events go first. In bytes, as 512Mi or 2G.
    #[arg(
        long,
        env = "SHIPPER_TIMELINE_MAX_SIZE",
        value_name = "SIZE",
        default_value = "512Mi",
        value_parser = size,
        help_heading = "This process"
    )]
    pub timeline_max_size: u64,

    /// How long agents have to have been without a hub that acts before a hub on another database takes over.
    #[arg(
        long,
        env = "SHIPPER_TAKEOVER_AFTER",
        value_name = "TIME",
        default_value = "30s",
        value_parser = duration,
        help_heading = "Several hubs"
    )]
    pub takeover_after: Duration,

    /// Take over at once from hubs on another database that are gone for good. For one start only: two hubs with this flag take over from
    /// each other in turns.
    #[arg(long, env = "SHIPPER_TAKE_OVER", help_heading = "Several hubs")]
    pub take_over: bool,

    /// Directory for a copy of the repository, and for the database where there is no --database. Losing it loses history, never a
    /// rollout.
    #[arg(long, env = "SHIPPER_DATA_DIR", value_name = "DIR", help_heading = "This process")]
    pub data_dir: PathBuf,

    /// The helm binary, version 3 or 4. Without it, the one in PATH; without any, only plain manifests can be rendered.
    #[arg(long, env = "SHIPPER_HELM", value_name = "PATH", help_heading = "This process")]
    pub helm: Option<PathBuf>,

    /// How to write the log. RUST_LOG says how much, for example RUST_LOG=info,shipper_hub=debug.
    #[arg(
        long,
        env = "SHIPPER_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value_t = LogFormat::Text,
        help_heading = "This process"
    )]
    pub log_format: LogFormat,

    /// Send traces to this OTLP receiver over HTTP, for example http://collector:4318. Without it the standard variables
    /// OTEL_EXPORTER_OTLP_ENDPOINT and the like count; OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG say which traces, and a
    /// trace goes from a commit on main to the objects that agents apply for it. Default: no traces.
    #[arg(long, env = "SHIPPER_OTLP_ENDPOINT", value_name = "URL", help_heading = "This process")]
    pub otlp_endpoint: Option<String>,
}

/// Something that is shown nowhere.
#[expect(clippy::unnecessary_wraps, reason = "that is how clap wants it")]
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// A number of bytes as Kubernetes writes them: `512Mi`, `2G`.
fn size(text: &str) -> Result<u64, String> {
    match text.parse().map(Quantity::to_whole) {
        Ok(bytes) if bytes > 0 => Ok(bytes),
        _ => Err(format!("{text:?} is not a number of bytes such as 512Mi or 2G")),
    }
}

/// A length of time as people write it: `10s`, `1m30s`, `250ms`; `90d` for days of 24 hours.
fn duration(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let span = match days {
        Some(days) => jiff::SignedDuration::from_hours(i64::from(days) * 24),
        None => text.parse().map_err(|_| format!("{text:?} is not a length of time such as 10s or 1m30s"))?,
    };
    match Duration::try_from(span) {
        Ok(length) if !length.is_zero() => Ok(length),
        _ => Err(format!("{text:?} is not a length of time longer than nothing, such as 10s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigError};
    use crate::store::Keep;
    use jiff::Timestamp;
    use shipper_git::Credentials;

    fn config(more: &[&str]) -> Result<Config, ConfigError> {
        let base =
            ["shipper-hub", "--repository", "https://git.example.com/fleet.git", "--data-dir", "/data"];
        let args = Args::try_parse_from(base.iter().chain(more)).unwrap_or_else(|error| panic!("{error}"));
        Config::try_from(args)
    }

    #[test]
    fn a_repository_and_a_directory_are_enough() {
        let config = config(&[]).unwrap();
        assert_eq!((config.intent_branch.as_str(), config.state_branch.as_str()), ("main", "shipper/state"));
        assert_eq!(config.heartbeat, Duration::from_secs(10));
        assert!(config.state_repository.is_none() && config.agent_tokens.is_none());
        assert!(config.database.is_none());
        assert_eq!(config.retention.age, Duration::from_secs(90 * 24 * 3600));
    }

    #[test]
    fn how_far_the_timeline_goes_back_is_as_the_flags_say() {
        let limits =
            ["--timeline-max-age", "2h", "--timeline-max-entries", "3000", "--timeline-max-size", "4Ki"];
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let since = Timestamp::from_second(1_800_000_000 - 7200).unwrap();
        let keep = config(&limits).unwrap().retention.at(now);
        assert_eq!(keep, Some(Keep { since, entries: 3000, bytes: 4096 }));
    }

    #[test]
    fn the_password_of_the_database_is_never_shown() {
        let url = "postgres://hub:s3cret@db.example.com/shipper";
        let config = config(&["--database", url]).unwrap();
        assert_eq!(config.database.as_ref().unwrap().to_string(), "shipper at db.example.com:5432");
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn a_token_file_makes_credentials_for_both_repositories() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "s3cret\n").unwrap();
        let state = "https://git.example.com/state.git";
        let config =
            config(&["--repository-token-file", file.to_str().unwrap(), "--state-repository", state])
                .unwrap();
        for remote in [&config.repository, config.state_repository.as_ref().unwrap()] {
            match &remote.credentials {
                Credentials::Basic { user, password } => {
                    assert_eq!((user.as_str(), password.reveal()), ("git", "s3cret"));
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_flag_and_the_next_step() {
        let refused = |flags: &[&str]| config(flags).unwrap_err().to_string();
        assert!(refused(&["--state-repository", "ftp://x/y"]).starts_with("--state-repository: "));
        assert!(
            refused(&["--webhook-secret-file", "/no/such/file"])
                .contains("--webhook-secret-file /no/such/file")
        );
        assert!(
            refused(&["--poll-interval-min", "1m", "--poll-interval-max", "5s"]).contains("exchange them")
        );
        assert!(refused(&["--heartbeat", "500ms"]).contains("10s"));
        assert!(refused(&["--database", "hub.db"]).starts_with("--database: "));
        assert!(refused(&["--public-url", "hub.example.com"]).starts_with("--public-url hub.example.com: "));
        let oidc =
            ["--oidc-issuer", "http://sso.example.com", "--oidc-client-id", "x", "--access-file", "/x"];
        let oidc = [&oidc[..], &["--public-url", "https://hub.example.com"]].concat();
        assert!(refused(&oidc).starts_with("--oidc-issuer http://sso.example.com: "));
        assert!(refused(&["--session-idle", "2d"]).contains("exchange them"));
        assert!(refused(&["--accept-history", "main"]).starts_with("--accept-history main: "));
    }

    #[test]
    fn the_help_gives_examples_that_parse() {
        use clap::CommandFactory;
        Args::command().debug_assert();
        let joined = EXAMPLE.replace("\\\n", " ");
        let examples: Vec<&str> =
            joined.lines().map(str::trim).filter(|l| l.starts_with("shipper-hub")).collect();
        assert_eq!(examples.len(), 4);
        for example in examples {
            Args::try_parse_from(example.split_whitespace()).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
