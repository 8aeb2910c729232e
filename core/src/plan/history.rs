//! Which releases may be forgotten [R7].

use super::Draft;
use crate::ReleaseName;
use crate::state::ReleaseRecord;
use std::cell::LazyCell;
use std::collections::BTreeSet;

/// History kept where the application is not on `main` and says nothing of it (the default of `revisionHistoryLimit`).
const DEFAULT_LIMIT: u32 = 20;

/// Drops records of releases that no target lists, beyond the history limit. Contender, incumbent and everything that still has, or may
/// have, objects in a cluster stay.
pub(super) fn prune(draft: &mut Draft<'_>) {
    let limit =
        draft.input.intent.map_or(DEFAULT_LIMIT, |intent| intent.application.spec.revision_history_limit)
            as usize;
    let roles = draft.roles();
    // Mostly nobody asks: nothing is beyond the limit.
    let listed = LazyCell::new(|| -> BTreeSet<&ReleaseName> {
        let planned = draft.targets.values().map(|planned| &planned.target);
        let targets = planned.chain(draft.input.targets.values());
        targets.flat_map(|target| target.releases.iter().map(|release| &release.name)).collect()
    });
    let mut newest_first: Vec<&ReleaseRecord> = draft.releases.values().collect();
    newest_first.sort_by_key(|release| std::cmp::Reverse(release.generation));
    let mut complete = 0;
    let mut dropped = Vec::new();
    for (newer, release) in newest_first.into_iter().enumerate() {
        let held = roles.has(&release.name);
        let standing = release.complete.is_some() && release.withdrawn.is_none();
        let within = if standing {
            complete += usize::from(!held);
            complete <= limit
        } else {
            newer <= limit
        };
        if !held && !within && !listed.contains(&release.name) {
            dropped.push(release.name.clone());
        }
    }
    for name in dropped {
        draft.releases.remove(&name);
    }
}
