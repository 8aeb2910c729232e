//! `index.yaml`: which versions of which charts a repository has, and where.

use super::super::range::parse_version;
use super::ChartError;
use reqwest::Url;
use serde_json::Value;
use shipper_core::yaml;
use std::collections::HashMap;

/// How many versions a message names.
const NAMED: usize = 5;

#[derive(Debug)]
pub(super) struct Index {
    charts: HashMap<String, Vec<Entry>>,
}

/// One version of a chart.
#[derive(Debug)]
pub(super) struct Entry {
    /// As the repository writes it.
    pub(super) version: String,
    /// Where its archive is, perhaps relative to the repository.
    pub(super) url: String,
    /// SHA-256 of the archive in lower-case hex.
    pub(super) digest: Option<String>,
}

impl Index {
    pub(super) fn entries(&self, repo_url: &str, chart: &str) -> Result<&[Entry], ChartError> {
        self.charts
            .get(chart)
            .map(Vec::as_slice)
            .ok_or_else(|| ChartError::NoChart { repo_url: repo_url.to_owned(), chart: chart.to_owned() })
    }
}

/// Reads an index; versions without an archive are not there.
pub(super) async fn read(bytes: Vec<u8>, url: &Url) -> Result<Index, ChartError> {
    // A large one takes a second of computing, which others are not to wait for.
    let documents = tokio::task::spawn_blocking(move || yaml::read_documents(&bytes)).await;
    let no_entries = || ChartError::NoEntries { url: url.to_string() };
    let documents = documents
        .map_err(|_| no_entries())?
        .map_err(|source| ChartError::Index { url: url.to_string(), source })?;
    let entries =
        documents.first().and_then(|index| index.get("entries")?.as_object()).ok_or_else(no_entries)?;
    let charts = entries.iter().map(|(chart, versions)| {
        let versions = versions.as_array().into_iter().flatten();
        (chart.clone(), versions.filter_map(entry).collect())
    });
    Ok(Index { charts: charts.collect() })
}

fn entry(version: &Value) -> Option<Entry> {
    let digest = version.get("digest").and_then(Value::as_str).filter(|digest| !digest.is_empty());
    Some(Entry {
        version: version.get("version")?.as_str()?.to_owned(),
        url: version.get("urls")?.get(0)?.as_str()?.to_owned(),
        digest: digest.map(|digest| digest.trim_start_matches("sha256:").to_ascii_lowercase()),
    })
}

/// The newest versions, for a message.
pub(super) fn newest(entries: &[Entry]) -> Vec<String> {
    let mut versions: Vec<_> =
        entries.iter().filter_map(|e| Some((parse_version(&e.version)?, &e.version))).collect();
    versions.sort_by(|(a, _), (b, _)| b.cmp(a));
    versions.into_iter().take(NAMED).map(|(_, version)| version.clone()).collect()
}
