//! Why a chart is not to be had; the text is shown to people on the Application.

use super::super::range::RangeError;
use shipper_core::yaml;
use std::io;

/// Why a chart is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// Not an address this client goes to.
    #[error("{url:?} cannot be used: {reason}")]
    Url {
        /// The address, without any password in it.
        url: String,
        /// Why not.
        reason: &'static str,
    },
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[source] reqwest::Error),
    /// No answer, or one that broke off.
    #[error("{url} cannot be fetched: {source}; the hub tries again")]
    Fetch {
        /// The address.
        url: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// An answer other than success.
    #[error(
        "{url} was answered with status {status}: check the repository's address and that the chart is still there"
    )]
    Status {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// Too much to take.
    #[error("{url} has more than {limit} bytes")]
    TooLarge {
        /// The address.
        url: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The index is no YAML.
    #[error("{url} is not the index of a chart repository: {source}")]
    Index {
        /// The address.
        url: String,
        /// Why not.
        source: yaml::Error,
    },
    /// The index has no `entries`.
    #[error("{url} is not the index of a chart repository: it has no entries")]
    NoEntries {
        /// The address.
        url: String,
    },
    /// No such chart.
    #[error("{repo_url} has no chart {chart}: check the name")]
    NoChart {
        /// The repository.
        repo_url: String,
        /// The chart.
        chart: String,
    },
    /// Not a version range.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// No version in the range.
    #[error("{repo_url} has no version {range} of the chart {chart}{}", newest(versions))]
    NoVersion {
        /// The repository.
        repo_url: String,
        /// The chart.
        chart: String,
        /// The range.
        range: String,
        /// Its newest versions.
        versions: Vec<String>,
    },
    /// Not what the index promised.
    #[error(
        "{url} has the SHA-256 {actual}, and the index says {expected}: the archive was changed or damaged"
    )]
    Digest {
        /// The address.
        url: String,
        /// From the index.
        expected: String,
        /// Of what came.
        actual: String,
    },
    /// The folder of archives cannot be written.
    #[error("the chart cache cannot be written: {0}; check the hub's --work-dir and its free space")]
    Cache(#[source] io::Error),
}

impl ChartError {
    /// Whether asking again without any change to the Application or the repository is pointless. Otherwise the
    /// repository or the way to it may recover.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Url { .. } | Self::Range(_) => true,
            Self::Status { status, .. } => (400..500).contains(status) && ![408, 425, 429].contains(status),
            Self::TooLarge { .. } | Self::NoChart { .. } | Self::NoVersion { .. } | Self::Digest { .. } => {
                true
            }
            Self::Index { .. } | Self::NoEntries { .. } => true,
            Self::Client(_) | Self::Fetch { .. } | Self::Cache(_) => false,
        }
    }
}

fn newest(versions: &[String]) -> String {
    if versions.is_empty() { String::new() } else { format!("; its newest are {}", versions.join(", ")) }
}
