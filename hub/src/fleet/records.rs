//! What the state branch says of every application, followed file by file.

use serde::de::DeserializeOwned;
use shipper_core::few::Few;
use shipper_core::plan::Variant;
use shipper_core::state::{AppRecord, FleetState, ReleaseRecord, StateObject, Target, paths};
use shipper_core::{AppKey, ClusterName, ReleaseName};
use shipper_git::{Change, Mode, Oid, ReadError, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// Largest record or target read, in bytes. Records repeat the values of an application, of which a file has 1 MiB at most.
const MAX_RECORD: u64 = 16 << 20;

/// One application on the state branch.
#[derive(Clone, Debug, Default)]
pub struct AppState {
    /// Its record.
    pub record: Option<AppRecord>,
    /// Its releases.
    pub releases: Few<ReleaseName, ReleaseRecord>,
    /// Its targets.
    pub targets: Few<ClusterName, Target>,
    /// The blobs of its rendered manifests.
    pub manifests: Few<Variant, Oid>,
    /// The blobs beside its targets.
    pub applied: Few<(ClusterName, ReleaseName), Oid>,
    /// Files that cannot be read, and why. Nothing is decided on half a record.
    pub unreadable: BTreeMap<String, String>,
}

impl AppState {
    /// Whether nothing but counters is left: the application was removed, or never had a release.
    pub fn is_at_rest(&self) -> bool {
        let record = self.record.as_ref();
        self.releases.is_empty()
            && self.targets.is_empty()
            && self.applied.is_empty()
            && self.unreadable.is_empty()
            && record.is_none_or(|record| record.placement.is_none() && record.missing.is_none())
    }

    fn is_empty(&self) -> bool {
        self.record.is_none()
            && self.releases.is_empty()
            && self.targets.is_empty()
            && self.manifests.is_empty()
            && self.applied.is_empty()
            && self.unreadable.is_empty()
    }
}

/// The state branch at one commit.
#[derive(Debug, Default)]
pub struct Records {
    apps: BTreeMap<AppKey, Box<AppState>>,
    fleet: Option<Result<FleetState, String>>,
    /// How many applications have a target in each cluster.
    clusters: BTreeMap<ClusterName, usize>,
    pub(super) parses: u64,
}

/// What a path of the state branch holds.
enum Place<'a> {
    Fleet,
    Record,
    Release(&'a str),
    Manifests(&'a str, Option<&'a str>),
    Target(&'a str),
    Applied(&'a str, &'a str),
}

impl Records {
    /// One application, if the branch knows it.
    pub fn app(&self, key: &AppKey) -> Option<&AppState> {
        self.apps.get(key).map(AsRef::as_ref)
    }

    /// The clusters in which an application has a target.
    pub fn clusters(&self) -> impl Iterator<Item = &ClusterName> {
        self.clusters.keys()
    }

    /// All applications that the branch knows.
    pub fn apps(&self) -> impl Iterator<Item = (&AppKey, &AppState)> {
        self.apps.iter().map(|(app, state)| (app, &**state))
    }

    /// `state.yaml`; `None` where there is none, `Err` with a reason where it cannot be read.
    pub fn fleet(&self) -> Option<Result<&FleetState, &str>> {
        self.fleet.as_ref().map(|fleet| fleet.as_ref().map_err(String::as_str))
    }

    /// Follows the files that changed and returns the applications concerned.
    pub(super) fn apply(
        &mut self,
        changes: &[Change],
        snapshot: &Snapshot,
    ) -> Result<BTreeSet<AppKey>, ReadError> {
        let mut concerned = BTreeSet::new();
        for change in changes {
            let Some((app, place)) = place_of(&change.path) else { continue };
            let blob = change
                .new
                .filter(|side| matches!(side.mode, Mode::File | Mode::Executable))
                .map(|side| side.oid);
            match app {
                None => {
                    let mut unreadable = BTreeMap::new();
                    let read = self.object::<FleetState>(snapshot, blob, &change.path, &mut unreadable)?;
                    self.fleet = read.map(Ok).or_else(|| unreadable.into_values().next().map(Err));
                }
                Some(app) => {
                    let mut state = self.apps.remove(&app).unwrap_or_default();
                    self.follow(&mut state, &place, blob, &change.path, snapshot)?;
                    if !state.is_empty() {
                        self.apps.insert(app.clone(), state);
                    }
                    concerned.insert(app);
                }
            }
        }
        Ok(concerned)
    }

    fn follow(
        &mut self,
        state: &mut AppState,
        place: &Place<'_>,
        blob: Option<Oid>,
        path: &str,
        snapshot: &Snapshot,
    ) -> Result<(), ReadError> {
        state.unreadable.remove(path);
        let unreadable = &mut state.unreadable;
        match place {
            Place::Fleet => {}
            Place::Record => state.record = self.object(snapshot, blob, path, unreadable)?,
            Place::Release(release) => {
                let record = self.object(snapshot, blob, path, unreadable)?;
                state.releases.set((*release).into(), record);
            }
            Place::Manifests(release, variant) => {
                state.manifests.set(((*release).into(), variant.map(str::to_owned)), blob);
            }
            Place::Target(cluster) => {
                let cluster = ClusterName::from(*cluster);
                let target = self.object(snapshot, blob, path, unreadable)?;
                let before = state.targets.contains_key(&cluster);
                self.count(&cluster, before, target.is_some());
                state.targets.set(cluster, target);
            }
            Place::Applied(cluster, release) => {
                state.applied.set(((*cluster).into(), (*release).into()), blob);
            }
        }
        Ok(())
    }

    fn count(&mut self, cluster: &ClusterName, before: bool, after: bool) {
        let targets = self.clusters.entry(cluster.clone()).or_default();
        *targets = (*targets + usize::from(after)).saturating_sub(usize::from(before));
        if *targets == 0 {
            self.clusters.remove(cluster);
        }
    }

    fn object<T: StateObject + DeserializeOwned + Clone>(
        &mut self,
        snapshot: &Snapshot,
        blob: Option<Oid>,
        path: &str,
        unreadable: &mut BTreeMap<String, String>,
    ) -> Result<Option<T>, ReadError> {
        let Some(blob) = blob else { return Ok(None) };
        self.parses += 1;
        match T::from_yaml(&snapshot.blob(blob, path, MAX_RECORD)?) {
            // What was parsed has room to grow everywhere, and a copy of it has none, but for what copies share.
            Ok(object) => Ok(Some(object.clone())),
            Err(error) => {
                unreadable.insert(path.to_owned(), error.to_string());
                Ok(None)
            }
        }
    }
}

fn place_of(path: &str) -> Option<(Option<AppKey>, Place<'_>)> {
    if path == paths::FLEET_STATE {
        return Some((None, Place::Fleet));
    }
    let parts: Vec<&str> = path.split('/').collect();
    let (namespace, name, place) = match parts.as_slice() {
        [paths::RELEASES, namespace, name, paths::APPLICATION] => (namespace, name, Place::Record),
        [paths::RELEASES, namespace, name, release, paths::RELEASE] => {
            (namespace, name, Place::Release(release))
        }
        [paths::RELEASES, namespace, name, release, file] => {
            let variant = file.strip_prefix("manifests")?.strip_suffix(".yaml")?;
            let variant = if variant.is_empty() { None } else { Some(variant.strip_prefix('-')?) };
            (namespace, name, Place::Manifests(release, variant))
        }
        [paths::CLUSTERS, cluster, namespace, name, paths::TARGET] => {
            (namespace, name, Place::Target(cluster))
        }
        [paths::CLUSTERS, cluster, namespace, name, file] => {
            (namespace, name, Place::Applied(cluster, file.strip_suffix(".yaml")?))
        }
        _ => return None,
    };
    Some((Some(AppKey::new(*namespace, *name)), place))
}
