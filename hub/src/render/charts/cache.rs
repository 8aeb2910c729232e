//! Archives on disk: `<sha256>.tgz`, and `<note>.version` that says which archive a chart's version is.

use super::ChartError;
use shipper_core::hash;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The archive that `note` says; `None` where it is not there or not what it was.
    pub(super) async fn get(&self, note: &str) -> Option<Vec<u8>> {
        let digest = tokio::fs::read_to_string(self.note(note)).await.ok()?;
        if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let archive = tokio::fs::read(self.archive(&digest)).await.ok()?;
        (hash::sha256_hex(&archive) == digest).then_some(archive)
    }

    pub(super) async fn put(&self, note: &str, archive: &[u8]) -> Result<(), ChartError> {
        let digest = hash::sha256_hex(archive);
        let written = async {
            tokio::fs::create_dir_all(&self.folder).await?;
            replace(&self.archive(&digest), archive).await?;
            // The note last: it never says an archive that is not whole.
            replace(&self.note(note), digest.as_bytes()).await
        };
        written.await.map_err(ChartError::Cache)
    }

    fn note(&self, note: &str) -> PathBuf {
        self.folder.join(format!("{note}.version"))
    }

    fn archive(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.tgz"))
    }
}

/// Writes beside and renames, so that nobody reads half a file.
async fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let (path, contents) = (path.to_owned(), contents.to_owned());
    let written = tokio::task::spawn_blocking(move || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut file, &contents)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    });
    written.await.map_err(io::Error::other)?
}
