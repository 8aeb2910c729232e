//! What a commit does to an application, for the metrics: by the records as they stood before and as they are written.

use crate::fleet::AppState;
use crate::metrics::Deeds;
use jiff::Timestamp;
use shipper_core::plan::AppPlan;
use shipper_core::state::{Advance, advances};
use shipper_git::{Oid, Store};

/// What writing the plan does. `main`: where the commits are that releases were asked for by.
pub(super) fn deeds(state: &AppState, plan: &AppPlan, now: Timestamp, main: &Store) -> Deeds {
    let mut deeds = Deeds::default();
    for (name, release) in &plan.releases {
        for advance in advances(state.releases.get(name), release) {
            if matches!(advance, Advance::Completed { .. })
                && let (Some(complete), Some(committed)) =
                    (release.complete, committed(&release.source, main))
            {
                deeds.lead_times.push(complete.duration_since(committed));
            }
            deeds.advances.push(advance);
        }
    }
    let before = state.record.as_ref().and_then(|record| record.failure.as_ref());
    let is_over = plan.record.as_ref().is_some_and(|record| record.failure.is_none());
    // Of what is removed nothing is well again.
    if let Some(failure) = before.filter(|_| is_over && !plan.releases.is_empty()) {
        deeds.restored = Some(now.duration_since(failure.since));
    }
    deeds
}

/// When a commit of `main` was made, by the committer's clock.
pub(super) fn committed(commit: &str, main: &Store) -> Option<Timestamp> {
    let committer = main.snapshot(commit.parse::<Oid>().ok()?).ok()?.committer().ok()?;
    Timestamp::from_second(committer.seconds).ok()
}
