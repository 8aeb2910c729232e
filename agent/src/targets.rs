//! From commits to targets: what changed for this cluster, read and parsed, and nothing else.
//!
//! Ids decide what is looked at: of the cluster's directory, of each application's, of each manifest file. A file that is
//! missing or does not parse leaves the last good version in force; absence is never an instruction.

use crate::accept::{Memory, descent};
use crate::source::{Source, SourceError, Tree};
use shipper_core::manifest::Manifests;
use shipper_core::state::{Accepted, Descent, FleetState, Refused, StateObject, Target, accept, paths};
use shipper_core::{AppKey, ClusterName, ReleaseName};
use shipper_git::{Mode, Oid};
use shipper_telemetry::trace::Parent;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Largest target, in bytes.
const MAX_TARGET: u64 = 1 << 20;
/// Largest manifest file, in bytes.
const MAX_MANIFESTS: u64 = 32 << 20;

/// What one application is to be in this cluster.
#[derive(Debug, PartialEq)]
pub struct AppTarget {
    /// The numbers.
    pub target: Target,
    /// The objects of its releases.
    pub manifests: BTreeMap<ReleaseName, Manifests>,
    /// The blobs that the objects come from.
    blobs: BTreeMap<ReleaseName, Oid>,
}

impl AppTarget {
    /// API version and kind of all its objects.
    pub fn kinds(&self) -> BTreeSet<(String, String)> {
        let objects = self.manifests.values().flat_map(|manifests| &manifests.objects);
        objects
            .filter_map(|object| {
                Some((object.value.get("apiVersion")?.as_str()?.to_owned(), object.key.kind.clone()))
            })
            .collect()
    }
}

/// Why the state could not be brought up to date. What is in force stays in force.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The repository.
    #[error("the state branch cannot be read: {0}")]
    Source(#[from] SourceError),
    /// The server has no such branch.
    #[error("the repository has no state branch; is the hub running, and is the branch the one it writes?")]
    NoBranch,
    /// `state.yaml` is missing or unreadable.
    #[error("state commit {commit} has no readable {}: {reason}", paths::FLEET_STATE)]
    State {
        /// The commit.
        commit: String,
        /// Why.
        reason: String,
    },
    /// The commit is not to be obeyed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The last accepted commit cannot be written down.
    #[error(
        "the accepted commit cannot be written to the data directory: {0}; check permissions and free space"
    )]
    Memory(#[from] std::io::Error),
}

/// What is new.
#[derive(Debug, Default)]
pub struct Changes {
    /// The commit, in hex.
    pub commit: String,
    /// Its epoch and generation.
    pub standing: (u64, u64),
    /// Applications whose target is new or changed.
    pub set: Vec<(AppKey, Arc<AppTarget>)>,
    /// Applications that have no target here any more. Their objects stay as they are.
    pub gone: Vec<AppKey>,
    /// The trace that the commit belongs to, as it says itself.
    pub trace: Option<Parent>,
    /// All files that cannot be used, by path.
    pub problems: BTreeMap<String, String>,
}

struct Known {
    tree: Oid,
    target: Option<Arc<AppTarget>>,
    problems: BTreeMap<String, String>,
}

/// What this cluster is to do, as far as it was read.
pub struct Targets {
    cluster: ClusterName,
    memory: Memory,
    accepted: Option<Accepted>,
    directory: Option<Oid>,
    apps: BTreeMap<AppKey, Known>,
    /// Whether the accepted commit has been read since the start.
    loaded: bool,
}

impl Targets {
    /// The targets of a cluster; what was accepted before is remembered in `memory`.
    pub fn new(cluster: ClusterName, memory: Memory) -> Self {
        let accepted = memory.load();
        Self { cluster, memory, accepted, directory: None, apps: BTreeMap::new(), loaded: false }
    }

    /// The last commit accepted.
    pub fn accepted(&self) -> Option<&Accepted> {
        self.accepted.as_ref()
    }

    /// Reads the last accepted commit from what is here, without the server; `None` where that cannot be.
    pub fn resume(&mut self, source: &dyn Source) -> Option<Changes> {
        let standing = self.accepted.as_ref().map(|last| (last.epoch, last.generation))?;
        let commit =
            Oid::from_str(&self.accepted.as_ref()?.commit).ok().filter(|oid| source.contains(*oid))?;
        source
            .tree(commit)
            .and_then(|tree| self.read(commit, tree.as_ref()))
            .inspect_err(|error| tracing::warn!(%error, "the last accepted state cannot be read; fetching"))
            .ok()
            .map(|changes| Changes { standing, ..changes })
    }

    /// Fetches the branch and reads what changed; `None` = nothing.
    ///
    /// # Errors
    /// See [`SyncError`]; what is in force stays in force.
    pub fn sync(&mut self, source: &mut dyn Source) -> Result<Option<Changes>, SyncError> {
        let head = source.fetch()?.ok_or(SyncError::NoBranch)?;
        let hex = head.to_string();
        tracing::debug!(commit = hex, "fetched");
        if self.loaded && self.accepted.as_ref().is_some_and(|last| last.commit == hex) {
            return Ok(None);
        }
        let tree = source.tree(head)?;
        // A signature check belongs here, before anything in the commit is believed.
        let state = fleet_state(&hex, tree.as_ref())?;
        let descent = match self.accepted.as_ref().and_then(|last| Oid::from_str(&last.commit).ok()) {
            Some(last) => descent(source.ancestry(last, head)?),
            None => Descent::Unknown,
        };
        let accepted = accept(self.accepted.as_ref(), &hex, &state, descent)?;
        let mut changes = self.read(head, tree.as_ref())?;
        changes.standing = (accepted.epoch, accepted.generation);
        changes.trace = source.message(head).ok().and_then(|message| Parent::of_message(&message));
        if self.accepted.as_ref() != Some(&accepted) {
            self.memory.store(&accepted)?;
            self.accepted = Some(accepted);
        }
        Ok(Some(changes))
    }

    fn read(&mut self, commit: Oid, tree: &dyn Tree) -> Result<Changes, SourceError> {
        let mut changes = Changes { commit: commit.to_string(), ..Changes::default() };
        let root = paths::cluster_dir(&self.cluster);
        let directory = tree.directory(&root)?;
        if !self.loaded || directory != self.directory {
            let mut there = BTreeMap::new();
            for namespace in directories(tree, &root)? {
                for app in directories(tree, &namespace.1)? {
                    there.insert(AppKey::new(namespace.0.clone(), app.0), (app.1, app.2));
                }
            }
            // Read everything before anything is changed, so that damage half way leaves all as it was.
            let mut fresh = BTreeMap::new();
            for (key, (path, id)) in &there {
                let known = self.apps.get(key);
                if known.is_none_or(|known| known.tree != *id) {
                    let last = known.and_then(|known| known.target.as_ref());
                    fresh.insert(key.clone(), read_app(tree, key, path, *id, last)?);
                }
            }
            changes.gone = self.apps.keys().filter(|key| !there.contains_key(*key)).cloned().collect();
            for key in &changes.gone {
                self.apps.remove(key);
            }
            for (key, known) in fresh {
                let before = self.apps.get(&key).and_then(|known| known.target.clone());
                if known.target != before {
                    changes.set.extend(known.target.clone().map(|target| (key.clone(), target)));
                }
                self.apps.insert(key, known);
            }
            self.directory = directory;
        }
        self.loaded = true;
        changes.problems = self.apps.values().flat_map(|known| known.problems.clone()).collect();
        Ok(changes)
    }
}

fn fleet_state(commit: &str, tree: &dyn Tree) -> Result<FleetState, SyncError> {
    let failed = |reason: String| SyncError::State { commit: commit.to_owned(), reason };
    let bytes =
        tree.file(paths::FLEET_STATE, MAX_TARGET)?.ok_or_else(|| failed("it is not there".to_owned()))?;
    FleetState::from_yaml(&bytes).map_err(|error| failed(chain(&error)))
}

/// Name, path and id of the directories in a directory.
fn directories(tree: &dyn Tree, path: &str) -> Result<Vec<(String, String, Oid)>, SourceError> {
    let entries = tree.list(path)?.into_iter().filter(|entry| entry.mode == Mode::Directory);
    Ok(entries
        .map(|entry| {
            let name = entry.path.rsplit('/').next().unwrap_or_default().to_owned();
            (name, entry.path, entry.oid)
        })
        .collect())
}

fn read_app(
    tree: &dyn Tree,
    key: &AppKey,
    path: &str,
    id: Oid,
    last: Option<&Arc<AppTarget>>,
) -> Result<Known, SourceError> {
    let mut known = Known { tree: id, target: last.cloned(), problems: BTreeMap::new() };
    let file = format!("{path}/{}", paths::TARGET);
    let target = match bytes(tree, &file, MAX_TARGET)? {
        Ok(bytes) => Target::from_yaml(&bytes).map_err(|error| chain(&error)),
        Err(problem) => Err(problem),
    };
    let target = match target {
        Ok(target) if target.application == *key => target,
        Ok(target) => {
            known
                .problems
                .insert(file, format!("is about {} but stands in the place of {key}", target.application));
            return Ok(known);
        }
        Err(problem) => {
            known.problems.insert(file, problem);
            return Ok(known);
        }
    };
    let ids: BTreeMap<String, Oid> =
        tree.list(path)?.into_iter().map(|entry| (entry.path, entry.oid)).collect();
    let mut app = AppTarget { target, manifests: BTreeMap::new(), blobs: BTreeMap::new() };
    for release in app.target.releases.iter().filter(|release| !release.absent) {
        let name = &release.name;
        let file = format!("{path}/{name}.yaml");
        let former = last.and_then(|last| Some((last.blobs.get(name)?, last.manifests.get(name)?)));
        let (blob, manifests) = match (ids.get(&file), former) {
            (Some(blob), Some((same, manifests))) if blob == same => (*blob, manifests.clone()),
            (blob, former) => {
                let parsed = match bytes(tree, &file, MAX_MANIFESTS)? {
                    Ok(bytes) => Manifests::parse(&bytes).map_err(|error| chain(&error)),
                    Err(problem) => Err(problem),
                };
                match (parsed, blob, former) {
                    (Ok(manifests), Some(blob), _) => (*blob, manifests),
                    (parsed, _, former) => {
                        known
                            .problems
                            .insert(file, parsed.err().unwrap_or_else(|| "is not there".to_owned()));
                        match former {
                            Some((blob, manifests)) => (*blob, manifests.clone()),
                            None => continue,
                        }
                    }
                }
            }
        };
        app.blobs.insert(name.clone(), blob);
        app.manifests.insert(name.clone(), manifests);
    }
    known.target = Some(Arc::new(app));
    Ok(known)
}

/// The bytes of a file, or in words why it cannot be used. Damage of the store is an error, for it heals by fetching.
fn bytes(tree: &dyn Tree, path: &str, limit: u64) -> Result<Result<Vec<u8>, String>, SourceError> {
    use shipper_git::ReadError::{NotAFile, TooLarge};
    match tree.file(path, limit) {
        Ok(Some(bytes)) => Ok(Ok(bytes)),
        Ok(None) => Ok(Err("is not there".to_owned())),
        Err(SourceError::Read(error @ (NotAFile { .. } | TooLarge { .. }))) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}
