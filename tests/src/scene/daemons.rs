//! How the hubs and agents of a scene are started.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{Hub, REPOSITORY, STATE_REPOSITORY, Scene, WITNESS};
use crate::cluster::Cluster;
use crate::git_server::Webhook;
use crate::process::{Process, Spec};
use crate::{clock_shift, daemon, ports};

const LOG: &str = "info,shipper_hub=debug,shipper_agent=debug";

impl Scene {
    pub(super) async fn add_hub(&mut self, number: usize) -> Result<()> {
        let name = format!("hub-{}", number + 1);
        let data = self.directory(&name)?;
        let port = ports::free()?;
        let witness = self.common.is_some().then_some(WITNESS);
        let names = self.fleet.clusters().iter().map(|cluster| cluster.name()).chain(witness);
        let tokens: String = names.map(|name| format!("{name}: {}\n", token(name))).collect();
        let tokens = self.scratch.write("tokens.yaml", tokens)?;
        let helm = tokio::task::spawn_blocking(|| shipper_toolchain::helm(&mut std::io::stderr())).await??;
        // A way of its own to the same repositories, so that its requests can be told apart.
        std::os::unix::fs::symlink(self.git.root(), self.git.root().join(&name))?;
        let url = |repository: &str| self.url(&format!("{name}/{repository}"));
        let mut spec = Spec::new(&name, daemon::binary("shipper-hub")?, self.scratch.path())
            .args(["--repository", &url(REPOSITORY)])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--heartbeat", "2s", "--takeover-after", "6s", "--anonymous-read"])
            .arg("--data-dir")
            .arg(&data)
            .arg("--agent-tokens")
            .arg(tokens)
            .arg("--helm")
            .arg(helm)
            .env("RUST_LOG", LOG)
            .env("NO_COLOR", "1");
        if self.state_repository {
            spec = spec.args(["--state-repository", &url(STATE_REPOSITORY)]);
        }
        if let Some(common) = &self.common {
            spec = spec.env("SHIPPER_DATABASE", &common.url);
        }
        let url = format!("http://127.0.0.1:{port}");
        if number == 0 {
            let url = format!("{url}/api/v1/webhook");
            self.git.set_webhook(Some(Webhook { url, secret: None }));
        }
        let process = self.with_key(spec).start()?;
        self.hubs.push(Hub { process, url, port, data });
        self.hubs[number].wait_until_serving().await
    }

    /// Starts an agent for a cluster, beside those that there are: a process of this name, with a disk of its own and a clock that is
    /// wrong by so many seconds.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_agent(&self, name: &str, cluster: &Cluster, clock: i64) -> Result<Process> {
        let repository = self.state_repository();
        let token = self.scratch.write(&format!("token-{}", cluster.name()), token(cluster.name()))?;
        let (hub, repository) = match self.cable.as_ref().filter(|cable| cable.is_of(cluster.name())) {
            Some(cable) => (cable.hub_url(), cable.repository_url(repository)),
            None => (self.agents_hub(), self.url(repository)),
        };
        let spec = Spec::new(name, daemon::binary("shipper-agent")?, self.scratch.path())
            .args(["--repository", &repository, "--cluster", cluster.name()])
            .args(["--hub", &hub, "--lease-namespace", &self.namespace])
            .args(["--log-format", "text"])
            .arg("--token-file")
            .arg(token)
            .arg("--data-dir")
            .arg(self.directory(name)?)
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig_path())
            .env("RUST_LOG", LOG)
            .env("NO_COLOR", "1");
        let spec = self.with_key(spec);
        if clock == 0 { spec } else { clock_shift::shifted(spec, clock)? }.start()
    }

    /// The repository with the state branch.
    pub(super) fn state_repository(&self) -> &'static str {
        if self.state_repository { STATE_REPOSITORY } else { REPOSITORY }
    }

    fn with_key(&self, spec: Spec) -> Spec {
        match &self.ssh {
            Some(ssh) => spec
                .arg("--ssh-key-file")
                .arg(ssh.private_key())
                .arg("--ssh-known-hosts-file")
                .arg(ssh.known_hosts()),
            None => spec,
        }
    }

    fn url(&self, repository: &str) -> String {
        match &self.ssh {
            Some(ssh) => ssh.url(repository),
            None => self.git.url(repository),
        }
    }

    fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.scratch.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }
}

/// The token with which the agent of a cluster reports.
#[must_use]
pub fn token(cluster: &str) -> String {
    format!("the-token-of-{cluster}")
}
