//! The newest commit of the branch `main` of a work tree that says something of an application.

use std::path::Path;

use git2::{Commit, Oid, Repository};

use super::DEFAULT_REMOTE;

/// Commits that are looked at: who asks has just made one.
const MOST: usize = 10_000;
const MAIN: &str = "refs/heads/main";

/// A commit, in hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Newest {
    /// It is where the fleet can see it.
    Pushed(String),
    /// It is in this work tree alone.
    Here(String),
}

/// The newest commit that changed one of `files`, of which one must be there, or what the file says that it depends on. `None` = this
/// is no work tree with such a file.
pub fn newest(
    directory: &Path,
    files: &[String],
    depends: impl Fn(&str, &[u8]) -> Vec<String>,
) -> Option<Newest> {
    let repository = Repository::discover(directory).ok()?;
    repository.workdir()?;
    let remote = repository.config().ok().and_then(|config| config.get_string("branch.main.remote").ok());
    let remote = remote.filter(|name| name != ".").unwrap_or_else(|| DEFAULT_REMOTE.to_owned());
    let followed = repository.refname_to_id(&format!("refs/remotes/{remote}/main")).ok();
    let head = repository.find_reference("HEAD").ok()?;
    let on_main = matches!(head.symbolic_target(), Ok(Some(MAIN)));
    // On another branch nothing has been asked of the fleet yet.
    let tip = if on_main { head.resolve().ok()?.target()? } else { followed? };
    let tree = repository.find_commit(tip).ok()?.tree().ok()?;
    let file = files.iter().find(|file| tree.get_path(Path::new(file)).is_ok())?;
    let blob = tree.get_path(Path::new(file)).ok()?.to_object(&repository).ok()?;
    let mut paths = depends(file, blob.as_blob()?.content());
    paths.extend(files.iter().cloned());

    let mut walk = repository.revwalk().ok()?;
    walk.push(tip).ok()?;
    let commits = walk.take(MOST).filter_map(Result::ok).filter_map(|id| repository.find_commit(id).ok());
    let found = commits.into_iter().find(|commit| changes(commit, &paths))?.id();
    let seen = followed.is_none_or(|followed| {
        followed == found || repository.graph_descendant_of(followed, found).unwrap_or(false)
    });
    Some(if seen { Newest::Pushed(found.to_string()) } else { Newest::Here(found.to_string()) })
}

/// Whether the commit has one of the paths otherwise than all its parents.
fn changes(commit: &Commit<'_>, paths: &[String]) -> bool {
    let own = content(commit, paths);
    commit.parents().all(|parent| content(&parent, paths) != own)
}

fn content(commit: &Commit<'_>, paths: &[String]) -> Vec<Option<Oid>> {
    let Ok(tree) = commit.tree() else { return Vec::new() };
    paths.iter().map(|path| tree.get_path(Path::new(path)).ok().map(|entry| entry.id())).collect()
}
