//! The clusters of the demo, simulated, and their agents, which are real.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use shipper_agent::hub::{HttpHub, HttpHubOptions};
use shipper_agent::source::GitSource;
use shipper_agent::{App, Config, Polling};
use shipper_git::RemoteConfig;
use shipper_sim::{Cluster, Delay};

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

/// A cluster with an agent for each of the example's; must be called within the runtime that will run them.
pub(super) fn start(
    directory: &Path,
    tokens: &Tokens,
    hub: &str,
    repository: &str,
) -> Result<Vec<App<GitSource>>, Error> {
    let wrong =
        |error: &dyn std::error::Error| Error::Demo { step: "start an agent", reason: error.to_string() };
    let mut agents = Vec::new();
    for (cluster, token_file) in &tokens.each {
        let data_dir = directory.join("agents").join(cluster);
        std::fs::create_dir_all(&data_dir).map_err(failed("make a directory for an agent"))?;
        let url = repository.parse().map_err(|error: shipper_git::UrlError| wrong(&error))?;
        let source = GitSource::open(&data_dir.join("repository"), RemoteConfig::new(url), STATE_BRANCH)
            .map_err(|error| wrong(&error))?;
        let options = HttpHubOptions { url: hub.to_owned(), token_file: token_file.clone(), ca_file: None };
        let link = HttpHub::new(options).map_err(|error| wrong(&error))?;
        let mut config = Config::new(cluster, data_dir, Timestamp::now(), rand::random());
        config.polling = Polling::every(POLL);
        let model = Arc::new(Mutex::new(Cluster::new(settings(), StdRng::seed_from_u64(rand::random()))));
        agents.push(App::build(config, shipper_sim::client(&model), Arc::new(link), source));
    }
    Ok(agents)
}

/// Quick enough to be fun, slow enough to be seen.
fn settings() -> shipper_sim::Options {
    let between = |low, high| Delay::Between(Duration::from_millis(low), Duration::from_millis(high));
    shipper_sim::Options {
        epoch: Timestamp::now(),
        schedule: between(50, 300),
        start: between(800, 2500),
        terminate: between(200, 900),
        ..shipper_sim::Options::default()
    }
}
