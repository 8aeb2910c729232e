//! What was rendered of releases and committed, for whoever compares two of them. Asked of the loop ([`crate::questions`]), which alone has
//! the repository; it hands out bytes, which others parse, so that no decision waits for that.

use crate::fleet::AppState;
use shipper_core::plan::Variant;
use shipper_core::{AppKey, ReleaseName};
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
}

/// What was rendered of a release without overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendered {
    /// The manifests, as they are committed.
    Manifests(Vec<u8>),
    /// Every cluster has values of its own, so there is none without.
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
    wanted.releases.iter().map(|release| (release.clone(), one(release, state, branch))).collect()
}

fn one(release: &ReleaseName, state: &AppState, branch: &Snapshot) -> Rendered {
    let plain: Variant = (release.clone(), None);
    let Some(blob) = state.manifests.get(&plain) else {
        let overridden = state.manifests.iter().any(|((of, _), _)| of == release);
        return if overridden { Rendered::Overridden } else { Rendered::Nothing };
    };
    match branch.blob(*blob, release.as_str(), LARGEST) {
        Ok(bytes) => Rendered::Manifests(bytes),
        Err(ReadError::TooLarge { .. }) => Rendered::TooLarge,
        Err(_) => Rendered::Unreadable,
    }
}
