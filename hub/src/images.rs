//! The images of releases, read from what was rendered of them and committed. A file never changes, so each is read once, however often
//! pages ask.

use crate::fleet::AppState;
use shipper_core::manifest::{ContainerKey, Manifests, images};
use shipper_core::{AppKey, ReleaseName};
use shipper_git::{Oid, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest file that is read, in bytes: it is read between decisions, which are not to wait for long.
const LARGEST: u64 = 2 << 20;
/// Files whose images are kept.
const KEPT: usize = 512;

/// The images of a release, by container.
pub type Images = Arc<BTreeMap<ContainerKey, String>>;

/// Images that were read.
#[derive(Debug, Default)]
pub(crate) struct ImageCache(BTreeMap<Oid, Images>);

impl ImageCache {
    /// The images of a release as it is rendered without overrides, or for some cluster where it has overrides in all of them;
    /// `None` = that is not known.
    pub(crate) fn of(
        &mut self,
        app: &AppKey,
        release: &ReleaseName,
        state: &AppState,
        branch: &Snapshot,
    ) -> Option<Images> {
        let (_, blob) = state.manifests.iter().find(|((of, _), _)| of == release)?;
        if let Some(known) = self.0.get(blob) {
            return Some(known.clone());
        }
        let bytes = branch.blob(*blob, release.as_str(), LARGEST).ok()?;
        let read = Arc::new(images(&Manifests::parse(&bytes).ok()?, app, release));
        if self.0.len() >= KEPT {
            self.0.pop_first();
        }
        self.0.insert(*blob, read.clone());
        Some(read)
    }
}
