//! Directories that live as long as the test process.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};

use crate::watchdog;

/// A directory under the system's temporary directory, removed when dropped and at the end of the process at the latest.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    keep: bool,
}

impl Scratch {
    /// Makes an empty directory with `name` in its own name. `SHIPPER_TESTS_KEEP=1` keeps it.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn new(name: &str) -> Result<Self> {
        crate::init();
        let path = tempfile::Builder::new()
            .prefix(&format!("shipper-tests-{name}-"))
            .tempdir()
            .context("cannot make a temporary directory")?
            .keep();
        let keep = env::var_os("SHIPPER_TESTS_KEEP").is_some();
        if keep {
            tracing::warn!("kept: {}", path.display());
        } else {
            watchdog::remove(&path)?;
        }
        Ok(Self { path, keep })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path in it.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file in it and returns its path.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
