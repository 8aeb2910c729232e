//! Charts of chart repositories: a version for a range, and the archive of a version.
//!
//! A repository is an `index.yaml` and archives beside it or elsewhere, over `http` or `https`. Which hosts the hub asks is decided by who may write
//! Applications and by the repositories they name: addresses are not filtered here, so a hub that must not reach internal hosts is
//! to be kept from them by the network. No credentials are sent to anybody. OCI registries are not supported yet.
//!
//! An index is asked for again after half a minute, and then only transferred if it changed. Archives are kept in a folder by their
//! SHA-256, with a note of which version they are: a version that was rendered once renders again while its repository is away,
//! and is what it was even if the repository replaced it.

mod cache;
mod error;
mod fetch;
mod index;
mod unpack;

pub use error::ChartError;
pub use unpack::{UnpackError, unpack};

use super::range::{VersionRange, parse_version};
use cache::Cache;
use fetch::{Answer, Fetcher};
use index::{Entry, Index};
use shipper_core::hash;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// What a chart repository may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most bytes of an index. Large public repositories have some 20 MiB.
    pub index_bytes: usize,
    /// Most bytes of an archive.
    pub archive_bytes: usize,
    /// Longest time for one transfer.
    pub time: Duration,
    /// How long an index is taken to be fresh.
    pub index_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            index_bytes: 32 << 20,
            archive_bytes: 16 << 20,
            time: Duration::from_secs(60),
            index_age: Duration::from_secs(30),
        }
    }
}

/// The chart repositories, with what is known of them.
#[derive(Debug)]
pub struct Charts {
    fetcher: Fetcher,
    limits: Limits,
    cache: Cache,
    /// By repository URL; the inner lock makes several who want the same index ask once.
    indexes: Mutex<HashMap<String, Arc<Mutex<Option<Known>>>>>,
}

#[derive(Clone, Debug)]
struct Known {
    index: Arc<Index>,
    etag: Option<String>,
    since: Instant,
}

impl Charts {
    /// A client that keeps archives in `cache_dir`, which may be emptied at any time.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(cache_dir: PathBuf, limits: Limits) -> Result<Self, ChartError> {
        Ok(Self {
            fetcher: Fetcher::new(limits.time)?,
            limits,
            cache: Cache::new(cache_dir),
            indexes: Mutex::default(),
        })
    }

    /// The highest version of the chart in `range` (empty = the newest), as the repository writes it: the pin of a release [R3].
    ///
    /// # Errors
    /// When the repository cannot be read, or has no such chart or version.
    pub async fn resolve(&self, repo_url: &str, chart: &str, range: &str) -> Result<String, ChartError> {
        highest(&*self.index(repo_url, self.limits.index_age).await?, repo_url, chart, range)
    }

    /// As [`Charts::resolve`], by what the repository has at this moment: somebody asks for a new look [R3].
    ///
    /// # Errors
    /// As [`Charts::resolve`].
    pub async fn resolve_anew(&self, repo_url: &str, chart: &str, range: &str) -> Result<String, ChartError> {
        highest(&*self.index(repo_url, Duration::ZERO).await?, repo_url, chart, range)
    }

    /// The archive (`.tgz`) of an exact version.
    ///
    /// # Errors
    /// When it is neither kept here nor to be had from the repository, or is not what the index says it is.
    pub async fn archive(&self, repo_url: &str, chart: &str, version: &str) -> Result<Vec<u8>, ChartError> {
        let note = hash::sha256_hex(format!("{repo_url}\n{chart}\n{version}").as_bytes());
        if let Some(archive) = self.cache.get(&note).await {
            return Ok(archive);
        }
        let index = self.index(repo_url, self.limits.index_age).await?;
        let entry =
            index.entries(repo_url, chart)?.iter().find(|entry| entry.version == version).ok_or_else(
                || ChartError::NoVersion {
                    repo_url: repo_url.to_owned(),
                    chart: chart.to_owned(),
                    range: version.to_owned(),
                    versions: Vec::new(),
                },
            )?;
        let archive = self.download(repo_url, entry).await?;
        self.cache.put(&note, &archive).await?;
        Ok(archive)
    }

    async fn download(&self, repo_url: &str, entry: &Entry) -> Result<Vec<u8>, ChartError> {
        let url = fetch::join(repo_url, &entry.url)?;
        let Answer::New { bytes, .. } = self.fetcher.get(&url, None, self.limits.archive_bytes).await? else {
            return Err(ChartError::Status { url: url.to_string(), status: 304 });
        };
        let actual = hash::sha256_hex(&bytes);
        match &entry.digest {
            Some(expected) if *expected != actual => {
                Err(ChartError::Digest { url: url.to_string(), expected: expected.clone(), actual })
            }
            _ => Ok(bytes),
        }
    }

    /// The index, not older than `age`.
    async fn index(&self, repo_url: &str, age: Duration) -> Result<Arc<Index>, ChartError> {
        let slot = self.indexes.lock().await.entry(repo_url.to_owned()).or_default().clone();
        let mut known = slot.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.since.elapsed() < age) {
            return Ok(known.index.clone());
        }
        let url = fetch::join(repo_url, "index.yaml")?;
        let etag = known.as_ref().and_then(|known| known.etag.as_deref());
        match (self.fetcher.get(&url, etag, self.limits.index_bytes).await?, known.as_mut()) {
            (Answer::Unchanged, Some(known)) => {
                known.since = Instant::now();
                Ok(known.index.clone())
            }
            (Answer::Unchanged, None) => Err(ChartError::Status { url: url.to_string(), status: 304 }),
            (Answer::New { bytes, etag }, _) => {
                let index = Arc::new(index::read(bytes, &url).await?);
                *known = Some(Known { index: index.clone(), etag, since: Instant::now() });
                Ok(index)
            }
        }
    }
}

/// The highest version of a chart in a range, as the repository writes it.
fn highest(index: &Index, repo_url: &str, chart: &str, range: &str) -> Result<String, ChartError> {
    let entries = index.entries(repo_url, chart)?;
    if let Some(exact) = entries.iter().find(|entry| !range.is_empty() && entry.version == range) {
        return Ok(exact.version.clone());
    }
    let wanted = VersionRange::parse(range)?;
    entries
        .iter()
        .filter_map(|entry| Some((parse_version(&entry.version)?, entry)))
        .filter(|(version, _)| wanted.matches(version))
        .max_by(|(a, _), (b, _)| a.cmp(b))
        .map(|(_, entry)| entry.version.clone())
        .ok_or_else(|| ChartError::NoVersion {
            repo_url: repo_url.to_owned(),
            chart: chart.to_owned(),
            range: wanted.to_string(),
            versions: index::newest(entries),
        })
}
