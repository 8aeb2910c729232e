//! The fleet repository, reduced to what its readers and writers rely on: commits that do not change, and a compare-and-swap.

use shipper_core::few::Few;
use shipper_core::manifest::Manifests;
use shipper_core::plan::{Absence, Intent, Variant};
use shipper_core::state::{AppRecord, ReleaseRecord, Target};
use shipper_core::{ClusterName, ReleaseName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What stands on the state branch at one commit.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub record: Option<AppRecord>,
    pub releases: Few<ReleaseName, ReleaseRecord>,
    pub targets: Few<ClusterName, Target>,
    pub manifests: BTreeMap<Variant, Arc<Manifests>>,
}

/// Both branches with all their commits; a commit's name is its index.
#[derive(Debug, Default)]
pub struct Git {
    /// What `main` says of the application; `None` = its file is not there.
    pub main: Vec<Option<Intent>>,
    /// Commits of `main` whose message confirms the removal.
    pub confirmed: BTreeSet<usize>,
    pub state: Vec<Arc<State>>,
}

impl Git {
    /// The newest commit of `main`, if there is any.
    pub fn intent(&self) -> Option<(usize, Option<&Intent>)> {
        let newest = self.main.len().checked_sub(1)?;
        Some((newest, self.main[newest].as_ref()))
    }

    /// Whether the file is missing, and whether a commit since it was last there confirms that.
    pub fn absence(&self) -> Option<Absence> {
        let newest = self.main.len().checked_sub(1)?;
        if self.main[newest].is_some() {
            return None;
        }
        let last = self.main.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let confirmed = self.confirmed.range(last..).next_back().map(|commit| format!("{commit:040x}"));
        Some(Absence { confirmed, others: 0 })
    }

    /// Moves the state branch if nobody else did meanwhile.
    pub fn push(&mut self, expected: usize, state: State) -> bool {
        let won = self.state.len() == expected;
        if won {
            self.state.push(Arc::new(state));
        }
        won
    }
}
