//! The files of a clone on this machine as a commit in a store of its own: the work tree as it is, committed or not, or a revision.

use std::collections::BTreeSet;
use std::path::Path;

use git2::{ObjectType, Repository, StatusOptions, TreeWalkMode, TreeWalkResult};
use shipper_git::{CommitMeta, Identity, Oid, Store};

use super::RepositoryError;

/// Where objects are.
const OBJECTS: [&str; 4] = ["applications", "blocks", "clusters", "strategies"];
const REGULAR: [u32; 2] = [0o100_644, 0o100_755];

/// A file by path, and its content.
type File = (String, Vec<u8>);

/// Writes the objects, and what `depends` says that one of them needs, to the store; answers the commit. Nothing is written to the clone.
///
/// # Errors
/// When there is no such clone or revision, or a file cannot be read.
pub fn adopt(
    store: &Store,
    clone: &Path,
    revision: Option<&str>,
    depends: impl Fn(&str, &[u8]) -> BTreeSet<String>,
) -> Result<Oid, RepositoryError> {
    let failed = |step: &'static str, reason: String| RepositoryError::Local {
        path: clone.display().to_string(),
        step,
        reason,
    };
    let repository = Repository::open(clone).map_err(|error| failed("opened", error.message().to_owned()))?;
    let read = |wanted: &dyn Fn(&str) -> bool| match revision {
        Some(revision) => of_revision(&repository, revision, wanted),
        None => of_work_tree(&repository, clone, wanted),
    };
    let within = |path: &str, folder: &str| {
        path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    };
    let mut files = read(&|path| OBJECTS.iter().any(|folder| within(path, folder)))
        .map_err(|reason| failed("read", reason))?;
    let needed: BTreeSet<String> = files.iter().flat_map(|(path, bytes)| depends(path, bytes)).collect();
    files.extend(
        read(&|path| needed.iter().any(|folder| within(path, folder)))
            .map_err(|reason| failed("read", reason))?,
    );
    let mut builder = store.commit_on(None)?;
    builder.message_counts();
    for (path, bytes) in &files {
        builder.put(path, bytes)?;
    }
    let nobody = Identity {
        name: "shipperctl".to_owned(),
        email: "shipperctl@localhost".to_owned(),
        seconds: 0,
        offset_minutes: 0,
    };
    let meta =
        CommitMeta { author: nobody.clone(), committer: nobody, message: "As it is here\n".to_owned() };
    builder.commit(&meta, None)?.ok_or_else(|| failed("read", "it has no file".to_owned()))
}

/// What `git add --all` would take.
fn of_work_tree(
    repository: &Repository,
    root: &Path,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<File>, String> {
    let mut options = StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).include_unmodified(true);
    let statuses = repository.statuses(Some(&mut options)).map_err(|error| error.message().to_owned())?;
    let mut files = Vec::new();
    for status in statuses.iter() {
        let path = String::from_utf8_lossy(status.path_bytes()).into_owned();
        let at = root.join(&path);
        // What is deleted is not there; what is a link is never followed.
        if wanted(&path) && std::fs::symlink_metadata(&at).is_ok_and(|found| found.is_file()) {
            let bytes = std::fs::read(&at).map_err(|error| format!("{path}: {error}"))?;
            files.push((path, bytes));
        }
    }
    Ok(files)
}

fn of_revision(
    repository: &Repository,
    revision: &str,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<File>, String> {
    let told = |error: git2::Error| error.message().to_owned();
    let tree = repository.revparse_single(revision).and_then(|found| found.peel_to_tree()).map_err(told)?;
    let mut files = Vec::new();
    tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        let path = format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes()));
        let regular = u32::try_from(entry.filemode_raw()).is_ok_and(|mode| REGULAR.contains(&mode));
        if entry.kind() == Some(ObjectType::Blob)
            && regular
            && wanted(&path)
            && let Ok(blob) = repository.find_blob(entry.id())
        {
            files.push((path, blob.content().to_vec()));
        }
        TreeWalkResult::Ok
    })
    .map_err(told)?;
    Ok(files)
}
