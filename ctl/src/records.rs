//! What the hub wrote to its branch: which releases there are, and what was rendered of each.

use std::collections::BTreeSet;

use shipper_core::manifest::files_of;
use shipper_core::plan::recorded;
use shipper_core::state::{AppRecord, ReleaseRecord, StateObject, paths};
use shipper_core::status::ApplicationStatus;
use shipper_core::{AppKey, ClusterName, ReleaseName};
use shipper_git::Snapshot;

use crate::Error;
use crate::repository::{Place, RepositoryError, Scratch};

/// Largest rendered file that is read, in bytes; the hub makes none that is larger.
pub const MAX_MANIFESTS: u64 = 64 << 20;
/// Largest record that is read, in bytes.
const MAX_RECORD: u64 = 16 << 20;

/// The hub's branch at its newest commit, in a clone that lasts as long as this.
pub struct Records {
    snapshot: Snapshot,
    _clone: Scratch,
}

impl Records {
    /// Reads the branch.
    ///
    /// # Errors
    /// When the repository does not answer, or has no such branch.
    pub fn read(place: &Place, branch: &str) -> Result<Self, Error> {
        let mut clone = Scratch::of(place, false)?;
        let snapshot = clone.branch(&format!("refs/heads/{branch}"))?.ok_or_else(|| Error::Refused {
            message: format!("there is no branch {branch} yet; is it the repository that the hub writes?"),
        })?;
        Ok(Self { snapshot, _clone: clone })
    }

    /// The commit.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The applications that have releases.
    ///
    /// # Errors
    /// When the clone is damaged.
    pub fn applications(&self) -> Result<Vec<AppKey>, Error> {
        let found: BTreeSet<AppKey> = self
            .entries("releases")?
            .iter()
            .filter_map(|path| {
                let mut parts = path.split('/').skip(1);
                Some(AppKey::new(parts.next()?, parts.next()?))
            })
            .collect();
        Ok(found.into_iter().collect())
    }

    /// The releases of an application.
    ///
    /// # Errors
    /// When the clone is damaged.
    pub fn releases(&self, app: &AppKey) -> Result<Vec<ReleaseName>, Error> {
        let entries = self.entries(&format!("releases/{}/{}", app.namespace, app.name))?;
        let found: BTreeSet<&str> = entries
            .iter()
            .filter_map(|path| path.strip_suffix("/release.yaml")?.rsplit('/').next())
            .collect();
        Ok(found.into_iter().map(ReleaseName::from).collect())
    }

    /// What the hub wrote last of an application: its releases and their roles.
    ///
    /// # Errors
    /// When there is no such application, or its records cannot be read.
    pub fn status(&self, app: &AppKey) -> Result<ApplicationStatus, Error> {
        let record: AppRecord = self.object(&paths::app_record(app))?;
        let releases = self.releases(app)?;
        let records = releases.iter().map(|release| self.object(&paths::release_record(app, release)));
        Ok(recorded(&record, &records.collect::<Result<Vec<ReleaseRecord>, Error>>()?))
    }

    /// A record that must be there.
    fn object<T: StateObject>(&self, path: &str) -> Result<T, Error> {
        let unwritten =
            || Error::Read { path: path.to_owned(), reason: "the hub has not written it".to_owned() };
        record(&self.snapshot, path)?.ok_or_else(unwritten)
    }

    fn entries(&self, folder: &str) -> Result<Vec<String>, Error> {
        let entries = self.snapshot.walk(folder).map_err(RepositoryError::from)?;
        Ok(entries.into_iter().map(|entry| entry.path).collect())
    }
}

/// What was rendered of a release: as a cluster has it, or gets it when its turn comes; else without overrides.
///
/// # Errors
/// When that was not rendered, or a record of it cannot be read.
pub fn manifests(
    state: &Snapshot,
    app: &AppKey,
    release: &ReleaseName,
    cluster: Option<&ClusterName>,
) -> Result<Vec<u8>, Error> {
    let Some(cluster) = cluster else {
        let plain = paths::release_manifests(app, release, None);
        let bytes = state.read(&plain, MAX_MANIFESTS).map_err(RepositoryError::from)?;
        return bytes.ok_or_else(|| Error::Refused {
            message: format!("{release} has different values in every cluster; say which with --cluster"),
        });
    };
    let of_app: Option<AppRecord> = record(state, &paths::app_record(app))?;
    let of_release: Option<ReleaseRecord> = record(state, &paths::release_record(app, release))?;
    let placement = of_app.as_ref().and_then(|record| record.placement.as_deref());
    let placed = placement.and_then(|placement| placement.of(cluster));
    let environment = of_release.as_ref().map(|release| &release.environment);
    let files = files_of(app, release, cluster, environment.zip(placed));
    for file in &files {
        if let Some(bytes) = state.read(file, MAX_MANIFESTS).map_err(RepositoryError::from)? {
            return Ok(bytes);
        }
    }
    let nowhere = files.join(" and ");
    Err(Error::Refused { message: format!("{release} is not in {cluster}: there is no {nowhere}") })
}

fn record<T: StateObject>(state: &Snapshot, path: &str) -> Result<Option<T>, Error> {
    let Some(bytes) = state.read(path, MAX_RECORD).map_err(RepositoryError::from)? else { return Ok(None) };
    let read = T::from_yaml(&bytes);
    read.map(Some).map_err(|error| Error::Read { path: path.to_owned(), reason: error.to_string() })
}
