//! Rendering: from a chart or plain YAML to the manifests of a release.
//!
//! A release is rendered once for each distinct set of values ([`shipper_core::manifest::values`]); what comes of it is committed
//! and never rendered again. Charts are programs of others, so `helm` runs as a process of its own with an empty home, no
//! environment, no way out to the network, a time limit and an output limit; every chart in a repository is unpacked with limits
//! before that. Memory is bounded by the container the hub runs in.
//!
//! - [`Renderer`] runs `helm template`, or reads plain YAML, and normalises the result.
//! - [`charts`] finds and downloads charts of repositories.
//! - [`range`] resolves version ranges as Helm does.

pub mod charts;
mod error;
mod files;
mod helm;
pub mod range;

#[cfg(test)]
pub(crate) mod tests;

pub use error::RenderError;
pub use files::SourceFile;

use serde_json::{Map, Value};
use shipper_core::manifest::{self, Context};
use shipper_core::{AppKey, ReleaseName};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What rendering may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest run of `helm`.
    pub time: Duration,
    /// Most bytes that one rendering may have, and that plain manifests may have.
    pub output_bytes: usize,
    /// Most bytes of a chart, unpacked.
    pub chart_bytes: u64,
    /// Renderings at once; the others wait.
    pub concurrent: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(30), output_bytes: 16 << 20, chart_bytes: 64 << 20, concurrent: 2 }
    }
}

/// What is rendered.
#[derive(Clone, Debug)]
pub enum Source {
    /// A chart of the fleet repository: its files, relative to the folder with `Chart.yaml`.
    Chart(Vec<SourceFile>),
    /// A chart of a chart repository: the `.tgz` ([`charts::Charts::archive`]).
    Archive(Vec<u8>),
    /// Plain YAML or JSON: the files below the path, relative to it. Files with other endings are left out.
    Manifests(Vec<SourceFile>),
}

/// One rendering.
#[derive(Clone, Debug)]
pub struct RenderRequest {
    /// The application: its name is Helm's release name, so that what charts derive from it stays from release to release.
    pub application: AppKey,
    /// The release.
    pub release: ReleaseName,
    /// What is rendered.
    pub source: Source,
    /// The values of the cluster or clusters it is for ([`manifest::values::merged_values`]).
    pub values: Map<String, Value>,
    /// The strategy names traffic and the application's traffic mode is `podLabels`.
    pub manages_traffic: bool,
    /// Objects outside the application's namespace are allowed.
    pub allow_cluster_scope: bool,
    /// Secrets with contents are allowed.
    pub allow_secrets: bool,
}

/// Renders charts and plain manifests.
#[derive(Debug)]
pub struct Renderer {
    helm: Option<PathBuf>,
    limits: Limits,
    work_dir: PathBuf,
    turns: Semaphore,
}

impl Renderer {
    /// A renderer that runs `helm` (searched for in `PATH` where it is `None`) and keeps its temporary folders in `work_dir`.
    /// Without any Helm, plain manifests still render.
    pub fn new(helm: Option<PathBuf>, limits: Limits, work_dir: PathBuf) -> Self {
        let turns = Semaphore::new(limits.concurrent.max(1));
        Self { helm: helm.or_else(helm::in_path), limits, work_dir, turns }
    }

    /// Renders and normalises; the bytes are the file that is committed.
    ///
    /// # Errors
    /// When the source does not render, renders what the application may not have, or a limit is hit;
    /// [`RenderError::is_permanent`] tells these from faults of this machine.
    pub async fn render(&self, request: &RenderRequest) -> Result<Vec<u8>, RenderError> {
        let rendered = match &request.source {
            Source::Chart(files) => self.template(files, request).await?,
            Source::Archive(archive) => {
                let files = charts::unpack(archive, self.limits.chart_bytes).map_err(RenderError::Archive)?;
                self.template(&files, request).await?
            }
            Source::Manifests(files) => files::concatenated(files, self.limits.output_bytes)?,
        };
        let context = Context {
            application: &request.application,
            release: &request.release,
            manages_traffic: request.manages_traffic,
            allow_cluster_scope: request.allow_cluster_scope,
            allow_secrets: request.allow_secrets,
        };
        Ok(manifest::normalise(&rendered, &context)?)
    }

    async fn template(&self, files: &[SourceFile], request: &RenderRequest) -> Result<Vec<u8>, RenderError> {
        let helm = self.helm.as_deref().ok_or(RenderError::NoHelm)?;
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        helm::Run { helm, limits: &self.limits, work_dir: &self.work_dir, request }.template(files).await
    }
}
