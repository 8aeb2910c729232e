//! What can go wrong on the way to a usable set of tools.

use std::io;
use std::path::PathBuf;

/// Lines that an error repeats at most.
const LINES: usize = 20;

/// Why a tool could be neither found nor built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something must be built and there is no Go compiler.
    #[error(
        "cannot build {tool} {version}: `go` is not on PATH; install Go 1.26 or newer (https://go.dev/dl), \
         or point KUBEBUILDER_ASSETS at a directory that holds {tool} {version}"
    )]
    NoGo {
        /// The program wanted.
        tool: &'static str,
        /// Its pinned version.
        version: String,
    },
    /// The Go compiler ran and failed.
    #[error("building {tool} failed ({status}); is the Go module proxy reachable? Last lines:\n{output}")]
    Build {
        /// The program wanted.
        tool: &'static str,
        /// How the compiler ended.
        status: std::process::ExitStatus,
        /// The last lines it wrote.
        output: String,
    },
    /// A package of the distribution could not be had.
    #[error(
        "cannot get {packages} ({status}); a real node needs Debian or Ubuntu with apt-get, and their mirror in reach. \
         Last lines:\n{output}"
    )]
    Packages {
        /// What was asked for.
        packages: String,
        /// How the last program ended.
        status: std::process::ExitStatus,
        /// The last lines it wrote.
        output: String,
    },
    /// A package of the npm registry could not be had.
    #[error(
        "cannot get {package} ({status}); is npm installed and its registry in reach? It said:\n{output}"
    )]
    Fetch {
        /// What was asked for.
        package: String,
        /// How the program ended.
        status: std::process::ExitStatus,
        /// What it wrote.
        output: String,
    },
    /// A package is not what was pinned.
    #[error("{package} is not what was pinned: its archive has the SHA-256 {found}; nothing of it is used")]
    Changed {
        /// What was asked for.
        package: String,
        /// What came, in hex.
        found: String,
    },
    /// A pinned version is missing from a `go.mod`.
    #[error("{path} does not require {module}; the toolchain's go.mod and the list of tools disagree")]
    NotPinned {
        /// The `go.mod` that was read.
        path: PathBuf,
        /// The Go module that it should require.
        module: &'static str,
    },
    /// No place to keep the tools is known.
    #[error("no cache directory: set SHIPPER_TOOLS_CACHE, XDG_CACHE_HOME or HOME")]
    NoCacheDirectory,
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// As much as an error repeats of what a program said.
pub(crate) fn last_lines(said: &str) -> String {
    let lines: Vec<_> = said.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
