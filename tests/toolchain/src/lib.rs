//! The programs that the tests run against: etcd, the Kubernetes control plane, kwok and Helm; and for real nodes kubelet,
//! kube-proxy and a container runtime, for the plugin kubectl, for analyses Prometheus, for traces an OpenTelemetry Collector, for dashboards
//! Grafana's schema and libraries, for pull requests Gitea, for pages axe-core, for signing in an OpenID Connect provider.
//!
//! They are built from the Go module proxy at the versions that the `go.mod` files next to this crate pin, once,
//! into a cache directory named after everything that decides how they come out. No container engine and no image
//! registry is needed, and two processes that ask at once build once.

mod cache;
mod error;
mod gitea;
mod go;
mod node;
mod npm;
mod packages;
mod tool;

use std::io::Write;
use std::path::{Path, PathBuf};

pub use cache::directory;
pub use error::Error;
pub use gitea::Gitea;
pub use node::NodeTools;
pub use tool::Tool;

/// A directory that holds every [`Tool`] at the pinned version.
#[derive(Debug, Clone)]
pub struct Toolchain {
    directory: PathBuf,
}

impl Toolchain {
    /// Finds all tools, building those that are missing (about ten minutes on two cores with cold caches, nothing
    /// afterwards). Progress is written to `progress`, one line at a time.
    ///
    /// # Errors
    /// When `go` is missing and something must be built, when a build fails, or when the cache cannot be written.
    pub fn find_or_build(progress: &mut dyn Write) -> Result<Self, Error> {
        let directory = cache::directory()?;
        for tool in Tool::ALL {
            cache::find_or_build(&directory, tool, progress)?;
        }
        Ok(Self { directory })
    }

    /// The directory that holds the tools.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The path of one tool.
    #[must_use]
    pub fn path(&self, tool: Tool) -> PathBuf {
        self.directory.join(tool.name())
    }
}

/// Finds Helm alone, building it when it is missing; see [`Toolchain::find_or_build`].
///
/// # Errors
/// As [`Toolchain::find_or_build`].
pub fn helm(progress: &mut dyn Write) -> Result<PathBuf, Error> {
    cache::find_or_build(&cache::directory()?, Tool::Helm, progress)
}

/// Finds axe-core, the file that a page is given to look for accessibility faults in it; fetches it with `npm` when it is missing.
///
/// # Errors
/// When `npm` or its registry cannot be had, or what comes is not what is pinned.
pub fn axe_core(progress: &mut dyn Write) -> Result<PathBuf, Error> {
    npm::find_or_fetch(&npm::AXE, progress)
}

/// Finds the program of an OpenID Connect provider, which `node` runs; fetches what it consists of with `npm` when that is missing.
///
/// # Errors
/// When `npm` or its registry cannot be had, or what comes is not what is pinned.
pub fn oidc_provider(progress: &mut dyn Write) -> Result<PathBuf, Error> {
    npm::find_or_install(&npm::OIDC, progress)
}

/// Finds kubectl, building it when it is missing (about a minute on two cores); see [`Toolchain::find_or_build`].
///
/// # Errors
/// As [`Toolchain::find_or_build`].
pub fn kubectl(progress: &mut dyn Write) -> Result<PathBuf, Error> {
    cache::find_or_build(&cache::own_directory(Tool::Kubectl)?, Tool::Kubectl, progress)
}

/// Finds what reads dashboards with the libraries of Grafana's page, a program that `node` runs; fetches what it consists of with `npm` when
/// that is missing (200 MB). It is given files, and tells their faults, one a line.
///
/// # Errors
/// When `npm` or its registry cannot be had, or what comes is not what is pinned.
pub fn grafana_libraries(progress: &mut dyn Write) -> Result<PathBuf, Error> {
    npm::find_or_install(&npm::GRAFANA, progress)
}

/// Finds Prometheus, building it when it is missing (about five minutes on two cores); see [`Toolchain::find_or_build`].
///
/// # Errors
/// As [`Toolchain::find_or_build`].
pub fn prometheus(progress: &mut dyn Write) -> Result<PathBuf, Error> {
    cache::find_or_build(&cache::own_directory(Tool::Prometheus)?, Tool::Prometheus, progress)
}

/// Finds promtool, which tries alerts on series that are given, building it when it is missing (about three minutes on two cores); see
/// [`Toolchain::find_or_build`].
///
/// # Errors
/// As [`Toolchain::find_or_build`].
pub fn promtool(progress: &mut dyn Write) -> Result<PathBuf, Error> {
    cache::find_or_build(&cache::own_directory(Tool::Promtool)?, Tool::Promtool, progress)
}

/// Finds the OpenTelemetry Collector, building it when it is missing (about a minute on two cores); see [`Toolchain::find_or_build`].
///
/// # Errors
/// As [`Toolchain::find_or_build`].
pub fn collector(progress: &mut dyn Write) -> Result<PathBuf, Error> {
    cache::find_or_build(&cache::own_directory(Tool::Collector)?, Tool::Collector, progress)
}

/// Finds what reads dashboards by the schema that Grafana publishes, building it when it is missing (seconds); see
/// [`Toolchain::find_or_build`]. It is given files, and tells their faults, one a line.
///
/// # Errors
/// As [`Toolchain::find_or_build`].
pub fn dashboards(progress: &mut dyn Write) -> Result<PathBuf, Error> {
    cache::find_or_build(&cache::own_directory(Tool::Dashboards)?, Tool::Dashboards, progress)
}
