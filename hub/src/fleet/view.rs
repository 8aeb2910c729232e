//! The whole repository in memory: `main` at one commit, the state branch at another.

use super::intent::{FOLDERS, Intent, has_error};
use super::objects::{ObjectName, Objects};
use super::records::{AppState, Records};
use super::sources::Sources;
use shipper_core::condition::{Condition, ConditionType, Reason, Status};
use shipper_core::intent::{Cluster, Problem};
use shipper_core::{AppKey, ClusterName};
use shipper_git::{Change, Mode, Oid, ReadError, Side, Snapshot, Store, StoreError, diff};
use std::collections::{BTreeMap, BTreeSet};

/// Why a commit could not be read into the view, which is then empty and must be read anew.
#[derive(Debug, thiserror::Error)]
#[error("commit {commit} cannot be read into the fleet view: {source}")]
pub struct ReadFleetError {
    /// The commit.
    pub commit: Oid,
    /// Why.
    pub source: StoreError,
}

/// Where the two branches are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Branches {
    /// `main`.
    pub main: Option<Oid>,
    /// The state branch; `None` = it does not exist yet.
    pub state: Option<Oid>,
}

/// Work done since the view was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Files of `main` parsed, older versions included.
    pub intent_files: u64,
    /// Files of the state branch parsed.
    pub state_files: u64,
}

/// A commit that was read, and its tree.
#[derive(Clone, Copy, Debug)]
struct Head {
    commit: Oid,
    root: Oid,
}

/// The repository as a model in memory.
#[derive(Debug, Default)]
pub struct FleetView {
    main: Option<Head>,
    state: Option<Head>,
    intent: Intent,
    sources: Sources,
    records: Records,
}

impl FleetView {
    /// Reads `main` at `commit` and returns the applications concerned.
    ///
    /// # Errors
    /// The commit or something below it cannot be read; the view is empty then.
    pub fn follow_main(&mut self, store: &Store, commit: Oid) -> Result<BTreeSet<AppKey>, ReadFleetError> {
        if self.main.is_some_and(|head| head.commit == commit) {
            return Ok(BTreeSet::new());
        }
        self.try_main(store, commit).map_err(|source| {
            *self = Self::default();
            ReadFleetError { commit, source }
        })
    }

    fn try_main(&mut self, store: &Store, commit: Oid) -> Result<BTreeSet<AppKey>, StoreError> {
        let snapshot = store.snapshot(commit)?;
        let changes = match self.main {
            Some(head) => diff(&snapshot, Some(head.root), Some(snapshot.root_tree()))?,
            None => everything(&snapshot)?,
        };
        let concerned = self.intent.apply(&changes, store, &snapshot)?;
        let mut dirty = BTreeSet::new();
        if concerned.iter().any(|name| matches!(name, ObjectName::Cluster(_) | ObjectName::Block { .. })) {
            dirty = self.applications();
        }
        for name in &concerned {
            match name {
                ObjectName::Application(key) => {
                    let application = self.intent.objects.application(key);
                    self.sources.follow(key, application, &snapshot)?;
                    dirty.insert(key.clone());
                }
                ObjectName::Strategy(strategy) => {
                    dirty.extend(self.intent.objects.users_of_strategy(strategy).cloned());
                }
                ObjectName::Cluster(_) | ObjectName::Block { .. } => {}
            }
        }
        let changed = changes.iter().map(|change| change.path.as_str());
        dirty.extend(self.sources.look_again(changed, &snapshot)?);
        self.main = Some(Head { commit, root: snapshot.root_tree() });
        Ok(dirty)
    }

    /// Reads the state branch at `commit`, or forgets it where there is none, and returns the applications concerned.
    ///
    /// # Errors
    /// The commit or something below it cannot be read; the view is empty then.
    pub fn follow_state(
        &mut self,
        store: &Store,
        commit: Option<Oid>,
    ) -> Result<BTreeSet<AppKey>, ReadFleetError> {
        let Some(commit) = commit else {
            self.state = None;
            return Ok(std::mem::take(&mut self.records).apps().map(|(app, _)| app.clone()).collect());
        };
        if self.state.is_some_and(|head| head.commit == commit) {
            return Ok(BTreeSet::new());
        }
        self.try_state(store, commit).map_err(|source| {
            *self = Self::default();
            ReadFleetError { commit, source }
        })
    }

    fn try_state(&mut self, store: &Store, commit: Oid) -> Result<BTreeSet<AppKey>, StoreError> {
        let snapshot = store.snapshot(commit)?;
        let before = self.state.map(|head| head.root);
        let changes = diff(&snapshot, before, Some(snapshot.root_tree()))?;
        let dirty = self.records.apply(&changes, &snapshot)?;
        self.state = Some(Head { commit, root: snapshot.root_tree() });
        Ok(dirty)
    }

    /// The commits that were read.
    pub fn branches(&self) -> Branches {
        Branches { main: self.main.map(|head| head.commit), state: self.state.map(|head| head.commit) }
    }

    /// The objects of `main` that are in force.
    pub fn objects(&self) -> &Objects {
        &self.intent.objects
    }

    /// What `path:` charts and manifests are.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// What the state branch says.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// Everything that is wrong with files on `main`.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.intent.problems()
    }

    /// All applications: those with a file, good or bad, and those in the records.
    pub fn applications(&self) -> BTreeSet<AppKey> {
        let recorded = self.records.apps().map(|(app, _)| app.clone());
        self.intent.applications().chain(recorded).collect()
    }

    /// Whether an application is in the records and has no file on `main`, good or bad [X1].
    pub fn is_missing(&self, app: &AppKey) -> bool {
        !self.intent.has_application(app) && self.records.app(app).is_some_and(|state| !state.is_at_rest())
    }

    /// Whether a cluster has no file on `main`, good or bad.
    pub fn lacks_cluster(&self, cluster: &ClusterName) -> bool {
        !self.intent.has_cluster(cluster)
    }

    /// Puts clusters that are missing in force as they last were, and says which are removed; the applications concerned.
    pub fn settle_clusters(
        &mut self,
        missing: BTreeMap<ClusterName, Cluster>,
        removed: BTreeSet<ClusterName>,
    ) -> BTreeSet<AppKey> {
        if self.intent.objects.settle_clusters(missing, removed) {
            self.applications()
        } else {
            BTreeSet::new()
        }
    }

    /// Whether nothing is known of an application any more but its counters.
    pub fn is_forgotten(&self, app: &AppKey) -> bool {
        self.records.app(app).is_none_or(AppState::is_at_rest)
            && self.objects().application(app).is_none()
            && self.intent.problems_of(app).next().is_none()
    }

    /// What reading the application's file brought, as conditions of the application.
    pub fn reading(&self, app: &AppKey) -> Vec<Condition> {
        let problems: Vec<&Problem> = self.intent.problems_of(app).collect();
        let message = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let in_force = self.objects().application(app).is_some();
        if has_error(problems.iter().copied()) {
            let rest =
                if in_force { "the last good version stays in force" } else { "there is no good version" };
            let message = format!("{message}; {rest}");
            return vec![Condition::new(ConditionType::Valid, Status::False, Reason::InvalidFile, message)];
        }
        if !in_force {
            return Vec::new();
        }
        let message = if message.is_empty() { "the file on main is valid".to_owned() } else { message };
        vec![Condition::new(ConditionType::Valid, Status::True, Reason::AsExpected, message)]
    }

    /// The work done so far.
    pub fn stats(&self) -> Stats {
        Stats { intent_files: self.intent.parses, state_files: self.records.parses }
    }
}

/// All files in the folders that hold objects, as changes to nothing.
fn everything(snapshot: &Snapshot) -> Result<Vec<Change>, ReadError> {
    let mut changes = Vec::new();
    for folder in FOLDERS {
        match snapshot.entry(folder)? {
            Some((Mode::Directory, tree)) => {
                let below = diff(snapshot, None, Some(tree))?.into_iter();
                changes.extend(
                    below.map(|change| Change { path: format!("{folder}/{}", change.path), ..change }),
                );
            }
            Some((mode, oid)) => {
                changes.push(Change { path: folder.to_owned(), old: None, new: Some(Side { mode, oid }) });
            }
            None => {}
        }
    }
    Ok(changes)
}
