//! Gitea, a Git host: the program, and the files that it reads from beside itself. Without styles and scripts of its pages, which would
//! take another compiler to make.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::tool::Tool;
use crate::{cache, go};

const STATIC: &str = "static";
const FOLDERS: [&str; 3] = ["templates", "options", "public"];

/// A directory that holds both.
#[derive(Debug, Clone)]
pub struct Gitea {
    directory: PathBuf,
}

impl Gitea {
    /// Finds it, building it when it is missing (about six minutes on two cores, and a C compiler); see
    /// [`crate::Toolchain::find_or_build`].
    ///
    /// # Errors
    /// As [`crate::Toolchain::find_or_build`].
    pub fn find_or_build(progress: &mut dyn Write) -> Result<Self, Error> {
        let directory = cache::own_directory(Tool::Gitea)?;
        cache::find_or_build(&directory, Tool::Gitea, progress)?;
        copy_files(&directory, progress)?;
        Ok(Self { directory })
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.directory.join(Tool::Gitea.name())
    }

    /// The folder with its files: what it calls `STATIC_ROOT_PATH`.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.directory.join(STATIC)
    }
}

/// The files, out of the module that the program was built from.
fn copy_files(directory: &Path, progress: &mut dyn Write) -> Result<(), Error> {
    cache::put(directory, STATIC, progress, |unfinished, _| {
        let module = go::downloaded(Tool::Gitea)?;
        FOLDERS.iter().try_for_each(|folder| copy(&module.join(folder), &unfinished.join(folder)))
    })?;
    Ok(())
}

/// Copies what is in a folder, but not that all of it is read-only.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::io("create", to))?;
    for entry in fs::read_dir(from).map_err(Error::io("list", from))? {
        let source = entry.map_err(Error::io("list", from))?.path();
        let target = to.join(source.file_name().unwrap_or_default());
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            let content = fs::read(&source).map_err(Error::io("read", &source))?;
            fs::write(&target, content).map_err(Error::io("write", &target))?;
        }
    }
    Ok(())
}
