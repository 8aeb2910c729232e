//! From when to when an application suffers from a release that failed. Both ends are written down, so that the time between them is
//! told once, whichever hub sees the end, and no restart begins anew.

use super::Draft;
use crate::state::{Advance, AppRecord, How, OpenFailure, ReleaseRecord, advances};
use crate::status::ApplicationStatus;
use jiff::Timestamp;

/// Notes that a release failed, or that the application is back from that.
pub(super) fn follow(draft: &mut Draft<'_>, status: &ApplicationStatus) {
    let Some(record) = &draft.record else { return };
    let failure = match &record.failure {
        None => begun(draft),
        Some(open) => (!is_over(draft, open, status)).then(|| open.clone()),
    };
    if failure != record.failure {
        draft.record = Some(AppRecord { failure, ..record.clone() });
    }
}

/// A failure in the contender, or in a release that this very plan takes back. What cannot be rendered hurts nobody.
fn begun(draft: &Draft<'_>) -> Option<OpenFailure> {
    let contender = draft.contender();
    let fails = contender.and_then(|release| Some((release, release.fails_since()?)));
    let taken_back =
        || draft.releases.values().find_map(|release| Some((release, withdrawn_since(draft, release)?)));
    let (release, since) = fails.or_else(taken_back)?;
    Some(OpenFailure { release: release.name.clone(), since })
}

fn withdrawn_since(draft: &Draft<'_>, release: &ReleaseRecord) -> Option<Timestamp> {
    let before = draft.input.releases.get(&release.name)?;
    let failed = advances(Some(before), release)
        .into_iter()
        .any(|advance| matches!(advance, Advance::Failed(how) if how != How::NotRendered));
    // Where nothing was seen to fail, a person knew better.
    failed.then(|| before.fails_since().unwrap_or(draft.input.now))
}

/// The same release is well again at its step; or what took its place has gone all the way and no cluster is waited for.
fn is_over(draft: &Draft<'_>, open: &OpenFailure, status: &ApplicationStatus) -> bool {
    let Some(contender) = draft.contender() else {
        return true;
    };
    if contender.fails_since().is_some() {
        return false;
    }
    if contender.name == open.release {
        let achieved = contender.achieved.as_ref();
        return achieved.is_some_and(|achieved| achieved.step == contender.position.step);
    }
    contender.complete.is_some() && status.waiting.is_elsewhere()
}
