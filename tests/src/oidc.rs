//! An OpenID Connect provider that runs as a process of its own.
//!
//! - [`visitor`]: a browser without a window, a screen or a script that signs in at it
//! - [`hub`]: a hub that signs people in there

pub mod hub;
mod visitor;

use std::time::Duration;

use anyhow::{Result, ensure};

pub use self::visitor::{Page, Visitor};
use crate::eventually::eventually;
use crate::node_js;
use crate::ports;
use crate::process::{Process, Spec};
use crate::scratch::Scratch;

const STARTING: Duration = Duration::from_secs(60);
/// What it shares with its client `shipper`, with characters that have to be escaped somewhere.
pub const SECRET: &str = "the secret of the hub: 100% + a/b";

/// A provider. It ends with the test.
#[derive(Debug)]
pub struct Provider {
    /// Its issuer.
    pub issuer: String,
    process: Process,
    _scratch: Scratch,
}

impl Provider {
    /// Starts one that knows the hub at this address.
    ///
    /// # Errors
    /// When it cannot be fetched or does not start.
    pub async fn start(hub: &str) -> Result<Self> {
        let fetched =
            tokio::task::spawn_blocking(|| shipper_toolchain::oidc_provider(&mut std::io::stderr()));
        let program = fetched.await??;
        let scratch = Scratch::new("oidc")?;
        let port = ports::free()?;
        let process = Spec::new("oidc-provider", node_js::program()?, scratch.path())
            .arg(&program)
            .args([port.to_string().as_str(), hub])
            .start()?;
        let provider = Self { issuer: format!("http://127.0.0.1:{port}"), process, _scratch: scratch };
        provider.ready(1).await;
        Ok(provider)
    }

    /// Starts it again, with other keys than before.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn change_keys(&self) -> Result<()> {
        let starts = self.starts();
        self.process.restart()?;
        self.ready(starts + 1).await;
        Ok(())
    }

    /// How often it has been ready.
    fn starts(&self) -> usize {
        self.process.log().lines().filter(|line| *line == "ready").count()
    }

    async fn ready(&self, starts: usize) {
        eventually(STARTING, || async {
            self.process.ensure_running()?;
            ensure!(self.starts() >= starts, "it is not ready yet");
            anyhow::Ok(())
        })
        .await;
    }
}
