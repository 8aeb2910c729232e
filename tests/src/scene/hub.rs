//! What the hub says, and what `shipperctl` makes of it.

use std::ffi::OsStr;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use shipper_core::protocol::HubStatus;
use shipper_core::status::{ApplicationStatus, WaitingFor};

use super::{Hub, START, Scene};
use crate::daemon;
use crate::eventually::within;

/// Whether the release is the contender, at `step`, and waits for `state`.
///
/// # Errors
/// It is not; the message says what is so.
pub fn ensure_at(status: &ApplicationStatus, release: &str, step: usize, state: WaitingFor) -> Result<()> {
    let contender = status.contender.as_ref().map(ToString::to_string).unwrap_or_default();
    let at = status.releases.iter().find(|r| r.name.as_str() == release).map(|r| r.step);
    ensure!(
        contender == release && at == Some(step) && status.waiting.state == state,
        "{contender} is the contender, {release} is at step {at:?}; waits for {:?}: {}",
        status.waiting.state,
        status.waiting.message
    );
    Ok(())
}

impl Hub {
    /// Waits until it answers.
    ///
    /// # Errors
    /// When it ends, or does not within a minute.
    pub async fn wait_until_serving(&self) -> Result<()> {
        within(START, async || {
            self.process.ensure_running()?;
            self.get::<HubStatus>("/api/v1/status").await.map(drop)
        })
        .await
        .map_err(|error| anyhow::anyhow!("the hub does not start: {error}"))
    }

    /// What it says of the fleet.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status(&self) -> Result<HubStatus> {
        self.get("/api/v1/status").await
    }

    /// A counter among its metrics, without labels.
    ///
    /// # Errors
    /// When it does not answer, or has no such counter.
    pub async fn counter(&self, name: &str) -> Result<u64> {
        let text = reqwest::get(format!("{}/metrics", self.url)).await?.error_for_status()?.text().await?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("no {name} among\n{text}"))?.parse()?)
    }

    /// Kills it, removes everything it had written down, and starts it again.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn restart_with_nothing(&self) -> Result<()> {
        self.process.kill()?;
        std::fs::remove_dir_all(&self.data)?;
        std::fs::create_dir_all(&self.data)?;
        self.process.start()
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let response = reqwest::get(format!("{}{path}", self.url)).await?.error_for_status()?;
        Ok(response.json().await?)
    }
}

impl Scene {
    /// What the first hub says of an application.
    ///
    /// # Errors
    /// When it does not answer, or does not know it.
    pub async fn status(&self, app: &str) -> Result<ApplicationStatus> {
        self.hub().get(&format!("/api/v1/applications/{}/{app}", self.namespace)).await
    }

    /// Waits until the contender is another release than `before`, and returns its name.
    ///
    /// # Errors
    /// When there is none within `deadline`.
    pub async fn contender_after(&self, app: &str, before: &str, deadline: Duration) -> Result<String> {
        within(deadline, async || {
            let status = self.status(app).await?;
            let contender = status.contender.context("there is no contender")?.to_string();
            ensure!(contender != before, "{contender} is still the contender");
            Ok(contender)
        })
        .await
        .map_err(|error| anyhow::anyhow!("no new release of {app} within {deadline:?}: {error}"))
    }

    /// Waits until the contender is at `step` and waits for `state`.
    ///
    /// # Errors
    /// When it is not so within `deadline`.
    pub async fn wait_until(
        &self,
        app: &str,
        release: &str,
        step: usize,
        state: WaitingFor,
        deadline: Duration,
    ) -> Result<ApplicationStatus> {
        within(deadline, async || {
            let status = self.status(app).await?;
            ensure_at(&status, release, step, state)?;
            anyhow::Ok(status)
        })
        .await
        .map_err(|error| anyhow::anyhow!("{app}: not so within {deadline:?}: {error}"))
    }

    /// Runs `shipperctl` for this fleet, in the person's clone.
    ///
    /// # Errors
    /// When it is not there, or ends badly; the message holds what it said.
    pub async fn shipperctl(&self, arguments: &[&str]) -> Result<String> {
        let output = self.shipperctl_output(arguments).await?;
        ensure!(
            output.status.success(),
            "shipperctl {arguments:?}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs a line in a shell, as a person does who has `shipperctl` on the path and their hub in the environment.
    ///
    /// # Errors
    /// When it fails.
    pub async fn in_a_shell(&self, line: &str) -> Result<String> {
        let program = daemon::binary("shipperctl")?;
        let beside = program.parent().context("shipperctl is in no directory")?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(beside.to_owned()).chain(std::env::split_paths(&path));
        let mut command = tokio::process::Command::new("sh");
        command
            .args(["-c", line])
            .env("PATH", std::env::join_paths(path)?)
            .env("SHIPPER_HUB", &self.hub().url);
        let output = self.by_ada(&mut command).await?;
        ensure!(
            output.status.success(),
            "{line}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// As [`Scene::shipperctl`], however it ends.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn shipperctl_output(&self, arguments: &[&str]) -> Result<Output> {
        self.shipperctl_with(arguments, &[]).await
    }

    /// The same with more in its environment.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn shipperctl_with(
        &self,
        arguments: &[&str],
        environment: &[(&str, &OsStr)],
    ) -> Result<Output> {
        let mut command = tokio::process::Command::new(daemon::binary("shipperctl")?);
        command.args(["--hub", &self.hub().url]).args(arguments).envs(environment.iter().copied());
        self.by_ada(&mut command).await
    }

    /// Runs a command in the checkout of somebody who has a name.
    async fn by_ada(&self, command: &mut tokio::process::Command) -> Result<Output> {
        command
            .current_dir(self.desk.path())
            .env("NO_COLOR", "1")
            .envs([("GIT_AUTHOR_NAME", "Ada Lovelace"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
            .envs([("GIT_COMMITTER_NAME", "Ada Lovelace"), ("GIT_COMMITTER_EMAIL", "ada@example.com")])
            .output()
            .await
            .context("cannot run the command")
    }
}
