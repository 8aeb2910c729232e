//! The files that hold objects: what each says, what is wrong with it, and which of two files that name one object counts.

use super::last_good::{MAX_FILE, brought_by, last_good};
use super::objects::{ObjectName, Objects};
use shipper_core::few::Few;
use shipper_core::intent::{
    Kind, Loaded, Object, Problem, Severity, UnreadableBlock, kind_of_path, load, refuse_mode,
};
use shipper_core::{AppKey, ClusterName};
use shipper_git::{Change, Mode, Oid, ReadError, Side, Snapshot, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The folders on `main` that hold objects.
pub(super) const FOLDERS: [&str; 4] = ["applications", "blocks", "clusters", "strategies"];

/// One file.
#[derive(Debug)]
struct File {
    /// Its last good version.
    object: Option<Arc<Object>>,
    /// What is wrong with the present version.
    problems: Vec<Problem>,
    /// The namespace that the present version names, as far as it can be read.
    namespace: Option<String>,
}

/// All files that hold objects.
#[derive(Debug, Default)]
pub(super) struct Intent {
    files: BTreeMap<String, File>,
    /// The files that name an object; more than one is a conflict.
    named: BTreeMap<ObjectName, Few<String, ()>>,
    /// Conflicts, by file.
    conflicts: BTreeMap<String, Problem>,
    /// What stands in the way of whole folders of objects, by path.
    barriers: BTreeMap<String, Problem>,
    pub(super) objects: Objects,
    /// Files parsed since the beginning, older versions included.
    pub(super) parses: u64,
}

impl Intent {
    /// Follows the files that changed and returns the objects concerned.
    pub(super) fn apply(
        &mut self,
        changes: &[Change],
        store: &Store,
        snapshot: &Snapshot,
    ) -> Result<BTreeSet<ObjectName>, StoreError> {
        let mut concerned = BTreeSet::new();
        for change in changes {
            concerned.extend(block_of_path(&change.path));
            let Some(kind) = kind_of_path(&change.path) else {
                self.bar(change);
                continue;
            };
            concerned.extend(self.forget(&change.path));
            concerned.extend(app_of_path(kind, &change.path).map(ObjectName::Application));
            if let Some(side) = change.new {
                let file = self.read(&change.path, side, store, snapshot)?;
                if let Some(name) = file.object.as_deref().map(ObjectName::of) {
                    self.named.entry(name.clone()).or_default().insert(change.path.clone(), ());
                    concerned.insert(name);
                }
                self.files.insert(change.path.clone(), file);
            }
        }
        for name in &concerned {
            self.settle(name, store, snapshot)?;
        }
        if concerned.iter().any(|name| matches!(name, ObjectName::Block { .. })) {
            self.objects.set_unreadable_blocks(self.unreadable_blocks());
        }
        Ok(concerned)
    }

    /// A link or submodule where a folder of objects could be: what is behind it is never read, and that is said.
    fn bar(&mut self, change: &Change) {
        let folder = change.path.split('/').next().unwrap_or_default();
        if !FOLDERS.contains(&folder) {
            return;
        }
        self.barriers.remove(&change.path);
        if let Some(side) = change.new.filter(|side| matches!(side.mode, Mode::Symlink | Mode::Submodule))
            && let Some(problem) = refuse_mode(&change.path, mode_bits(side.mode))
        {
            self.barriers.insert(change.path.clone(), problem);
        }
    }

    fn forget(&mut self, path: &str) -> Option<ObjectName> {
        self.conflicts.remove(path);
        let name = self.files.remove(path)?.object.as_deref().map(ObjectName::of)?;
        if let Some(paths) = self.named.get_mut(&name) {
            paths.remove(path);
            if paths.is_empty() {
                self.named.remove(&name);
            }
        }
        Some(name)
    }

    fn read(
        &mut self,
        path: &str,
        side: Side,
        store: &Store,
        snapshot: &Snapshot,
    ) -> Result<File, StoreError> {
        let (problems, namespace) = match refuse_mode(path, mode_bits(side.mode)) {
            Some(problem) => (vec![problem], None),
            None => match snapshot.blob(side.oid, path, MAX_FILE) {
                Ok(bytes) => {
                    self.parses += 1;
                    let Loaded { object, problems, namespace } = load(path, &bytes);
                    if object.is_some() {
                        return Ok(File { object: object.as_ref().map(kept), problems, namespace });
                    }
                    (problems, namespace)
                }
                Err(ReadError::TooLarge { size, limit, .. }) => {
                    let message = format!("has {size} bytes, more than the {limit} allowed");
                    (vec![Problem::of_file(path, message)], None)
                }
                Err(error) => return Err(error.into()),
            },
        };
        let object = last_good(store, snapshot, path, side.oid, &mut self.parses)?;
        Ok(File { object: object.as_ref().map(kept), problems, namespace })
    }

    /// Decides what is in force under `name`.
    fn settle(&mut self, name: &ObjectName, store: &Store, snapshot: &Snapshot) -> Result<(), StoreError> {
        let paths: Vec<String> = self.named.get(name).into_iter().flat_map(Few::keys).cloned().collect();
        let holder = match paths.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            several => oldest(several, store, snapshot)?,
        };
        for path in &paths {
            self.conflicts.remove(path);
            let others: Vec<&str> = paths.iter().filter(|other| *other != path).map(String::as_str).collect();
            if !others.is_empty() && holder.as_ref() != Some(path) {
                let message =
                    format!("names {name}, which {} names too; remove all but one", others.join(", "));
                self.conflicts.insert(path.clone(), Problem::of_file(path, message));
            }
        }
        let object = holder.and_then(|path| self.files.get(&path)?.object.as_ref());
        self.objects.set(name, object);
        Ok(())
    }

    /// The block files that cannot be read, do not count, or could be behind a link: they block their scope [B1].
    fn unreadable_blocks(&self) -> BTreeMap<String, UnreadableBlock> {
        let wrong = |path: &str, file: &File| {
            let error = file.problems.iter().find(|problem| problem.severity == Severity::Error);
            error.or_else(|| self.conflicts.get(path)).cloned()
        };
        let files = self.files.iter().filter(|(path, _)| block_of_path(path).is_some());
        let files = files.filter_map(|(path, file)| Some((path, file.namespace.clone(), wrong(path, file)?)));
        let barriers = self.barriers.iter().filter(|(path, _)| block_of_path(path).is_some());
        let barriers = barriers.map(|(path, problem)| (path, None, problem.clone()));
        files
            .chain(barriers)
            .map(|(path, namespace, problem)| {
                (path.clone(), UnreadableBlock { namespace, name: stem(path).to_owned(), problem })
            })
            .collect()
    }

    /// What is wrong with the files, in the order of their paths.
    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        let files = self.files.values().flat_map(|file| &file.problems);
        files.chain(self.conflicts.values()).chain(self.barriers.values())
    }

    /// What is wrong with the files of an application; errors mean that the present version is not in force.
    pub(super) fn problems_of(&self, app: &AppKey) -> impl Iterator<Item = &Problem> {
        application_files(app).into_iter().flat_map(|path| {
            let conflict = self.conflicts.get(&path);
            self.files.get(&path).into_iter().flat_map(|file| &file.problems).chain(conflict)
        })
    }

    /// Whether an application has a file, good or bad, wherever it is.
    pub(super) fn has_application(&self, app: &AppKey) -> bool {
        self.named.contains_key(&ObjectName::Application(app.clone()))
            || application_files(app).iter().any(|path| self.files.contains_key(path))
    }

    /// Whether a cluster has a file, good or bad.
    pub(super) fn has_cluster(&self, cluster: &ClusterName) -> bool {
        self.named.contains_key(&ObjectName::Cluster(cluster.clone()))
            || cluster_files(cluster).iter().any(|path| self.files.contains_key(path))
    }

    /// All applications that have a file, good or bad.
    pub(super) fn applications(&self) -> impl Iterator<Item = AppKey> {
        self.files.keys().filter_map(|path| app_of_path(kind_of_path(path)?, path))
    }
}

/// An object to keep: what was parsed has room to grow everywhere, and a copy of it has none.
fn kept(object: &Object) -> Arc<Object> {
    Arc::new(object.clone())
}

/// The file that was there first; `None` if they came together.
fn oldest(paths: &[String], store: &Store, snapshot: &Snapshot) -> Result<Option<String>, StoreError> {
    let mut brought: Vec<(&String, Option<Oid>)> = Vec::new();
    for path in paths {
        brought.push((path, brought_by(snapshot, path)?));
    }
    'candidates: for (path, since) in &brought {
        for (other, other_since) in brought.iter().filter(|(other, _)| other != path) {
            let Some(commit) = *other_since else { continue 'candidates };
            let there = since != other_since && store.snapshot(commit)?.entry(path)?.is_some();
            if !there || other == path {
                continue 'candidates;
            }
        }
        return Ok(Some((*path).clone()));
    }
    Ok(None)
}

/// Whether a list of problems has an error in it.
pub(super) fn has_error<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> bool {
    problems.into_iter().any(|problem| problem.severity == Severity::Error)
}

/// Where an application's file can be.
pub(super) fn application_files(app: &AppKey) -> [String; 2] {
    ["yaml", "yml"].map(|ending| format!("applications/{}/{}.{ending}", app.namespace, app.name))
}

/// Where a cluster's file can be.
pub(super) fn cluster_files(cluster: &ClusterName) -> [String; 2] {
    ["yaml", "yml"].map(|ending| format!("clusters/{cluster}.{ending}"))
}

fn app_of_path(kind: Kind, path: &str) -> Option<AppKey> {
    if kind != Kind::Application {
        return None;
    }
    let stem = path.strip_suffix(".yaml").or_else(|| path.strip_suffix(".yml"))?;
    let (namespace, name) = stem.strip_prefix("applications/")?.split_once('/')?;
    Some(AppKey::new(namespace, name))
}

/// The name that a file below `blocks/` stands for, whatever it says: a block that is not understood is a block [B1].
fn block_of_path(path: &str) -> Option<ObjectName> {
    (path.split('/').next() == Some("blocks"))
        .then(|| ObjectName::Block { namespace: None, name: stem(path).to_owned() })
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name)
}

fn mode_bits(mode: Mode) -> u32 {
    match mode {
        Mode::File => 0o100_644,
        Mode::Executable => 0o100_755,
        Mode::Symlink => 0o120_000,
        Mode::Submodule => 0o160_000,
        Mode::Directory => 0o040_000,
    }
}
