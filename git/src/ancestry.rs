//! Does one commit descend from another? A shallow store may not know; then the rest of the history is fetched.

use git2::Oid;

use crate::remote::RemoteError;
use crate::snapshot::ReadError;
use crate::store::{Store, StoreError};

/// How a newer commit relates to an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ancestry {
    /// They are one commit.
    Same,
    /// The newer one descends from the older one.
    Descendant,
    /// It does not: history was rewritten, or the older one is the newer one.
    Unrelated,
    /// The history in the store is cut off before this could be decided.
    Unknown,
}

impl Store {
    /// What the store itself knows; never talks to the server.
    ///
    /// # Errors
    /// `new` is not here, or history is damaged.
    pub fn is_ancestor(&self, old: Oid, new: Oid) -> Result<Ancestry, StoreError> {
        if old == new {
            return Ok(Ancestry::Same);
        }
        let repo = self.repo();
        if !self.contains(new) {
            return Err(ReadError::Missing { oid: new }.into());
        }
        let cut = if repo.is_shallow() { Ancestry::Unknown } else { Ancestry::Unrelated };
        if !self.contains(old) {
            return Ok(cut);
        }
        let descends =
            repo.graph_descendant_of(new, old).map_err(|e| StoreError::from(ReadError::damaged(new, &e)))?;
        Ok(if descends { Ancestry::Descendant } else { cut })
    }

    /// Like [`Store::is_ancestor`], but where the store does not know, it fetches the whole history of `branch` and
    /// then does. Never `Unknown`, unless the server's own repository is cut off.
    ///
    /// # Errors
    /// `new` is not here, or the server cannot be asked.
    pub fn ancestry(&mut self, old: Oid, new: Oid, branch: &str) -> Result<Ancestry, StoreError> {
        match self.is_ancestor(old, new)? {
            Ancestry::Unknown => {}
            known => return Ok(known),
        }
        match self.fetch_everything(&[branch]) {
            Ok(()) => self.is_ancestor(old, new),
            Err(StoreError::Remote(RemoteError::Store { .. })) => {
                self.fetch(&[branch])?;
                self.fetch_everything(&[branch])?;
                self.is_ancestor(old, new)
            }
            Err(error) => Err(error),
        }
    }
}
