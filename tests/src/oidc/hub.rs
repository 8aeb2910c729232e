//! A hub, a process of its own, that signs people in at a provider: whoever is in the group `sre` sees everything.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::Url;

use super::{Provider, SECRET, Visitor};
use crate::daemon;
use crate::eventually::within;
use crate::git_server::GitServer;
use crate::ports;
use crate::process::Process;
use crate::scratch::Scratch;

const START: Duration = Duration::from_secs(30);
const REPOSITORY: &str = "fleet.git";

/// A hub and its provider. They end when dropped.
#[derive(Debug)]
pub struct SignInHub {
    /// Its process.
    pub process: Process,
    /// Where it is.
    pub origin: String,
    _provider: Provider,
    _git: GitServer,
    _scratch: Scratch,
}

impl SignInHub {
    /// Starts both, over a fleet in which there is nothing.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn start() -> Result<Self> {
        let scratch = Scratch::new("sign-in")?;
        let git = GitServer::start()?;
        git.create_repo(REPOSITORY, &[("README.md", "A fleet.\n")])?;
        let listen = format!("127.0.0.1:{}", ports::free()?);
        let origin = format!("http://{listen}");
        let provider = Provider::start(&origin).await?;
        let process = daemon::spec("shipper-hub", scratch.path())?
            .args(["--repository", &git.url(REPOSITORY), "--listen", &listen, "--data-dir", "data"])
            .arg("--agent-tokens")
            .arg(scratch.write("tokens.yaml", "eu: an agent's token\n")?)
            .args(["--public-url", &origin, "--oidc-issuer", &provider.issuer])
            .args(["--oidc-client-id", "shipper"])
            .arg("--oidc-client-secret-file")
            .arg(scratch.write("secret", SECRET)?)
            .arg("--access-file")
            .arg(scratch.write("access.yaml", "groups: {sre: ['*']}\n")?)
            .args(["--log-format", "json"])
            .start()?;
        let hub = Self { process, origin, _provider: provider, _git: git, _scratch: scratch };
        within(START, async || {
            hub.process.ensure_running()?;
            let login = Visitor::new()?.get(&hub.url("/login")?).await?;
            ensure!(login.status == 200, "it answers {}", login.status);
            anyhow::Ok(())
        })
        .await
        .map_err(|error| anyhow::anyhow!("the hub does not start: {error}: {}", hub.process.log_tail()))?;
        Ok(hub)
    }

    /// A page of it.
    ///
    /// # Errors
    /// When the path is none.
    pub fn url(&self, path: &str) -> Result<Url> {
        Ok(format!("{}{path}", self.origin).parse()?)
    }

    /// Somebody new who signed in as `person`, but for the last step: with where the provider sends them back to.
    ///
    /// # Errors
    /// When the provider sends them elsewhere.
    pub async fn almost(&self, person: &str) -> Result<(Visitor, Url)> {
        let mut visitor = Visitor::new()?;
        let until = self.url("/login/callback")?;
        let callback = visitor.sign_in(&self.url("/login/oidc?back=%2F")?, person, until.as_str()).await?;
        Ok((visitor, callback))
    }

    /// How many readers were refused for this cause, as the hub tells somebody who sees everything.
    ///
    /// # Errors
    /// When it does not tell them.
    pub async fn refused(&self, reader: &mut Visitor, cause: &str) -> Result<u64> {
        let page = reader.get(&self.url("/metrics")?).await?;
        ensure!(page.status == 200, "the metrics are not told: {}: {}", page.status, page.text);
        let series = format!("shipper_hub_refused_readers_total{{cause=\"{cause}\"}} ");
        let count = page.text.lines().find_map(|line| line.strip_prefix(&series));
        count.map_or(Ok(0), |count| count.parse().context("no number"))
    }
}
