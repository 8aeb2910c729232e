//! What was rendered of releases and committed, for whoever compares two of them. Asked of the loop ([`crate::questions`]), which alone has
//! the repository; it hands out bytes, which others parse, so that no decision waits for that.

use crate::fleet::AppState;
use shipper_core::manifest::files_of;
use shipper_core::plan::Variant;
use shipper_core::{AppKey, ClusterName, ReleaseName};
use shipper_git::{ReadError, Snapshot};
use std::collections::BTreeMap;

/// Largest file that is handed out, in bytes.
const LARGEST: u64 = 512 << 10;

/// What was rendered of these releases?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of which application.
    pub application: AppKey,
    /// Of which of its releases.
    pub releases: Vec<ReleaseName>,
    /// As this cluster gets it; `None` = without overrides.
    pub cluster: Option<ClusterName>,
}

/// What was rendered of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendered {
    /// The manifests, as they are committed.
    Manifests(Vec<u8>),
    /// Every cluster has values of its own, so there is none without; only where no cluster was named.
    Overridden,
    /// Nothing.
    Nothing,
    /// More than is handed out.
    TooLarge,
    /// The copy of the repository is damaged; it is being mended.
    Unreadable,
}

/// What was rendered of each release.
pub type Renderings = BTreeMap<ReleaseName, Rendered>;

/// Reads what is wanted.
pub(crate) fn read(wanted: &Wanted, state: &AppState, branch: &Snapshot) -> Renderings {
    let one = |release: &ReleaseName| match &wanted.cluster {
        Some(cluster) => within(cluster, (&wanted.application, release), state, branch),
        None => plain(release, state, branch),
    };
    wanted.releases.iter().map(|release| (release.clone(), one(release))).collect()
}

fn plain(release: &ReleaseName, state: &AppState, branch: &Snapshot) -> Rendered {
    let plain: Variant = (release.clone(), None);
    let Some(blob) = state.manifests.get(&plain) else {
        let overridden = state.manifests.iter().any(|((of, _), _)| of == release);
        return if overridden { Rendered::Overridden } else { Rendered::Nothing };
    };
    rendered(branch.blob(*blob, release.as_str(), LARGEST).map(Some)).unwrap_or(Rendered::Nothing)
}

fn within(
    cluster: &ClusterName,
    (app, release): (&AppKey, &ReleaseName),
    state: &AppState,
    branch: &Snapshot,
) -> Rendered {
    let placement = state.record.as_ref().and_then(|record| record.placement.as_deref());
    let placed = placement.and_then(|placement| placement.of(cluster));
    let environment = state.releases.get(release).map(|record| &record.environment);
    let files = files_of(app, release, cluster, environment.zip(placed));
    let found = files.iter().find_map(|file| rendered(branch.read(file, LARGEST)));
    found.unwrap_or(Rendered::Nothing)
}

/// `None` = it is not there.
fn rendered(read: Result<Option<Vec<u8>>, ReadError>) -> Option<Rendered> {
    match read {
        Ok(bytes) => bytes.map(Rendered::Manifests),
        Err(ReadError::TooLarge { .. }) => Some(Rendered::TooLarge),
        Err(_) => Some(Rendered::Unreadable),
    }
}
