//! One etcd for any number of API servers, which keep apart by prefix.

use std::time::Duration;

use anyhow::{Result, anyhow};
use shipper_toolchain::{Tool, Toolchain};

use crate::eventually::within;
use crate::ports;
use crate::process::{Process, Spec};
use crate::scratch::Scratch;

const START: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Etcd {
    url: String,
    process: Process,
    _scratch: Scratch,
}

impl Etcd {
    pub(crate) async fn start(tools: &Toolchain) -> Result<Self> {
        let scratch = Scratch::new("etcd")?;
        let url = format!("http://127.0.0.1:{}", ports::free()?);
        let peers = format!("http://127.0.0.1:{}", ports::free()?);
        let process = Spec::new("etcd", tools.path(Tool::Etcd), scratch.path())
            .arg("--data-dir=data")
            .arg(format!("--listen-client-urls={url}"))
            .arg(format!("--advertise-client-urls={url}"))
            .arg(format!("--listen-peer-urls={peers}"))
            .arg(format!("--initial-advertise-peer-urls={peers}"))
            .arg(format!("--initial-cluster=default={peers}"))
            // The data is worth nothing once the tests are over.
            .arg("--unsafe-no-fsync")
            .arg("--log-level=warn")
            .start()?;
        let etcd = Self { url, process, _scratch: scratch };
        within(START, || etcd.check()).await.map_err(|error| anyhow!("etcd does not start: {error}"))?;
        Ok(etcd)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    async fn check(&self) -> Result<()> {
        self.process.ensure_running()?;
        reqwest::get(format!("{}/health", self.url)).await?.error_for_status()?;
        Ok(())
    }
}
