//! The agents of the demo, one for each cluster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use shipper_agent::hub::{HttpHub, HttpHubOptions};
use shipper_agent::source::GitSource;
use shipper_agent::{App, Config, Polling};
use shipper_git::RemoteConfig;

use super::{example, failed};
use crate::Error;

const STATE_BRANCH: &str = "shipper/state";
/// The hub says when to look; this is the safety net.
const POLL: Duration = Duration::from_secs(10);

/// Whose reports the hub takes.
pub(super) struct Tokens {
    /// All of them, for the hub.
    pub(super) file: PathBuf,
    /// One file each, for the agents.
    each: BTreeMap<&'static str, PathBuf>,
}

/// A new token for every cluster.
pub(super) fn tokens(directory: &Path) -> Result<Tokens, Error> {
    let write = |path: &Path, text: &str| std::fs::write(path, text).map_err(failed("write tokens"));
    std::fs::create_dir_all(directory).map_err(failed("write tokens"))?;
    let mut all = String::new();
    let mut each = BTreeMap::new();
    for cluster in example::clusters() {
        let token = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        let path = directory.join(cluster);
        write(&path, &token)?;
        all.push_str(&format!("{cluster}: \"{token}\"\n"));
        each.insert(cluster, path);
    }
    let file = directory.join("agents.yaml");
    write(&file, &all)?;
    Ok(Tokens { file, each })
}

/// An agent for each cluster; must be called within the runtime that will run them.
pub(super) fn build(
    directory: &Path,
    tokens: &Tokens,
    hub: &str,
    repository: &str,
    clusters: Vec<(&'static str, Client)>,
) -> Result<Vec<App<GitSource>>, Error> {
    let wrong =
        |error: &dyn std::error::Error| Error::Demo { step: "start an agent", reason: error.to_string() };
    let mut agents = Vec::new();
    for (cluster, client) in clusters {
        let data_dir = directory.join("agents").join(cluster);
        std::fs::create_dir_all(&data_dir).map_err(failed("make a directory for an agent"))?;
        let url = repository.parse().map_err(|error: shipper_git::UrlError| wrong(&error))?;
        let source = GitSource::open(&data_dir.join("repository"), RemoteConfig::new(url), STATE_BRANCH)
            .map_err(|error| wrong(&error))?;
        let token_file = tokens.each.get(cluster).cloned().unwrap_or_default();
        let options = HttpHubOptions { url: hub.to_owned(), token_file, ca_file: None };
        let link = HttpHub::new(options).map_err(|error| wrong(&error))?;
        let mut config = Config::new(cluster, data_dir, Timestamp::now(), rand::random());
        config.polling = Polling::every(POLL);
        agents.push(App::build(config, client, Arc::new(link), source));
    }
    Ok(agents)
}
