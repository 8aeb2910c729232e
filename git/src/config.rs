//! How to reach one remote: address, credentials, limits. Secrets hide from `Debug`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::url::RepositoryUrl;

/// A string that `Debug` does not show.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What an HTTP remote is told about who asks. Sent only to the scheme, host and port of the remote's own URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Anonymous, or whatever the URL itself carried.
    #[default]
    None,
    /// HTTP basic.
    Basic {
        /// User name; hosts that take a token often ignore it.
        user: String,
        /// Password or token.
        password: Secret,
    },
    /// `Authorization: Bearer`.
    Bearer(Secret),
}

/// How long and how much one call may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Time to establish a connection.
    pub connect: Duration,
    /// Time for one whole call (a fetch, a push), all its requests together.
    pub total: Duration,
    /// Time without a byte from the server.
    pub idle: Duration,
    /// Bytes the server may send in one call.
    pub max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            total: Duration::from_secs(120),
            idle: Duration::from_secs(30),
            max_bytes: 2 << 30,
        }
    }
}

/// What OpenSSH is told beyond the address.
#[derive(Clone, Debug, Default)]
pub struct SshOptions {
    /// Private key; the agent's or user's keys are not tried when it is given.
    pub identity_file: Option<PathBuf>,
    /// The only host keys that are trusted; the user's and the system's when absent.
    pub known_hosts_file: Option<PathBuf>,
}

/// One remote.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// Where it is.
    pub url: RepositoryUrl,
    /// Who asks; `None` falls back to the user information of the URL.
    pub credentials: Credentials,
    /// Deadlines and sizes.
    pub limits: Limits,
    /// Begin with the newest commit alone. Servers that cannot, and local paths, give the whole history.
    pub shallow: bool,
    /// For SSH.
    pub ssh: SshOptions,
    /// PEM file of certificate authorities trusted beside the system's, for HTTPS.
    pub ca_file: Option<PathBuf>,
}

impl RemoteConfig {
    /// The defaults for an address: shallow, anonymous, two minutes.
    pub fn new(url: RepositoryUrl) -> Self {
        Self {
            url,
            credentials: Credentials::None,
            limits: Limits::default(),
            shallow: true,
            ssh: SshOptions::default(),
            ca_file: None,
        }
    }
}
