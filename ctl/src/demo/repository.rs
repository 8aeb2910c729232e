//! The bare repository of the demo.

use std::net::Ipv4Addr;
use std::path::Path;

use git2::{IndexEntry, IndexTime, Repository, RepositoryInitOptions, Signature};
use shipper_core::state::paths::INTENT_BRANCH;
use tokio::net::TcpListener;

use super::FILES;
use super::example::GREETER;
use crate::Error;

const FILE: u32 = 0o100_644;
/// The file that keeps the port.
const PORT: &str = "git.port";

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

/// Listens where the repository is served: at the port of the last time, so that clones find it again, else at any.
pub(super) async fn listen(directory: &Path) -> std::io::Result<TcpListener> {
    let file = directory.join(PORT);
    let last = std::fs::read_to_string(&file).ok().and_then(|port| port.trim().parse().ok());
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, last.unwrap_or(0))).await {
        Err(_) if last.is_some() => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
        bound => bound?,
    };
    std::fs::write(file, listener.local_addr()?.port().to_string())?;
    Ok(listener)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_repository_is_found_again_where_it_was_unless_somebody_else_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let first = listen(directory.path()).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let beside = listen(directory.path()).await.unwrap();
        assert_ne!(beside.local_addr().unwrap().port(), port);
        std::fs::write(directory.path().join(PORT), port.to_string()).unwrap();
        drop(first);
        assert_eq!(listen(directory.path()).await.unwrap().local_addr().unwrap().port(), port);
    }
}
