//! Why a release could not be rendered; the text is shown to people in the release's record [I3].

use super::charts::UnpackError;
use shipper_core::manifest::RenderProblem;
use shipper_core::yaml;
use std::io;
use std::time::Duration;

/// Why a release could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// No Helm on this machine.
    #[error("no helm binary was found: put helm into PATH or name it in the hub's configuration")]
    NoHelm,
    /// The temporary folder cannot be used.
    #[error("the work folder cannot be used while {doing}: check the hub's --work-dir and its free space")]
    WorkDir {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Helm cannot be run.
    #[error("helm cannot be run: {0}")]
    Run(#[source] io::Error),
    /// Helm took too long.
    #[error("helm took longer than {} s and was stopped: look for loops in the chart's templates", limit.as_secs_f64())]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// Too much was rendered.
    #[error("more than {limit} bytes were rendered: split the application")]
    OutputTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Sub-charts are not in `charts/`.
    #[error(
        "{words}; charts are rendered offline: run `helm dependency build` and commit the folder charts/"
    )]
    MissingDependencies {
        /// Helm's own words.
        words: String,
    },
    /// Helm refused.
    #[error("{words}")]
    Helm {
        /// Helm's own words.
        words: String,
    },
    /// The folder holds no chart.
    #[error("no Chart.yaml in the chart's folder: name the folder that holds it")]
    NoChart,
    /// A file's path leads elsewhere, or is there twice.
    #[error("the file {path:?} of the chart cannot be used: {reason}")]
    Path {
        /// The path.
        path: String,
        /// Why not.
        reason: &'static str,
    },
    /// The chart's archive cannot be used.
    #[error("the chart's archive cannot be used: {0}")]
    Archive(#[source] UnpackError),
    /// No manifests below the path.
    #[error("no file ending in .yaml, .yml or .json below the path of the manifests")]
    NoManifests,
    /// A file of plain manifests is not YAML.
    #[error("{path}: {source}")]
    Manifest {
        /// The file.
        path: String,
        /// Where and why.
        source: yaml::Error,
    },
    /// What was rendered cannot become a release.
    #[error(transparent)]
    Problem(#[from] RenderProblem),
}

impl RenderError {
    /// Whether the same environment would fail again on any machine, so that the release is to be marked failed. Otherwise it is this
    /// machine's fault, and rendering is worth trying again.
    pub fn is_permanent(&self) -> bool {
        !matches!(self, Self::NoHelm | Self::WorkDir { .. } | Self::Run(_))
    }
}
