//! The bare repository of the demo.

use std::path::Path;

use git2::{IndexEntry, IndexTime, Repository, RepositoryInitOptions, Signature};
use shipper_core::state::paths::INTENT_BRANCH;

use super::FILES;
use super::example::GREETER;
use crate::Error;

const FILE: u32 = 0o100_644;

/// Makes the repository with the example in its first commit, unless it is there; without `charts`, without what needs
/// Helm. Whether it was made.
pub(super) fn ensure(path: &Path, charts: bool) -> Result<bool, Error> {
    if path.exists() {
        return Ok(false);
    }
    make(path, charts)
        .map(|()| true)
        .map_err(|error| Error::Demo { step: "make its repository", reason: error.message().to_owned() })
}

fn make(path: &Path, charts: bool) -> Result<(), git2::Error> {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).mkpath(true).external_template(false).initial_head(INTENT_BRANCH);
    let repository = Repository::init_opts(path, &options)?;
    repository.config()?.set_bool("http.receivepack", true)?;
    let mut index = repository.index()?;
    for (path, content) in FILES.iter().filter(|(path, _)| charts || *path != GREETER) {
        index.add_frombuffer(&entry(path), content.as_bytes())?;
    }
    let tree = repository.find_tree(index.write_tree()?)?;
    let author = Signature::now("Shipper demo", "demo@shipper.dev")?;
    repository
        .commit(Some(INTENT_BRANCH), &author, &author, "Begin with the example fleet\n", &tree, &[])
        .map(drop)
}

fn entry(path: &str) -> IndexEntry {
    let never = IndexTime::new(0, 0);
    IndexEntry {
        ctime: never,
        mtime: never,
        dev: 0,
        ino: 0,
        mode: FILE,
        uid: 0,
        gid: 0,
        file_size: 0,
        id: git2::Oid::ZERO_SHA1,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}
