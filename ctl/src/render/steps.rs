//! The ladder of steps: which are done, where the rollout is.

use shipper_core::status::ReleaseStatus;

use crate::terminal::{BUSY, FAINT, GOOD, plain};

/// The steps in one line: achieved, the present one, and those to come. Marks and not only colours tell them apart.
pub(super) fn ladder(release: &ReleaseStatus) -> String {
    let achieved = release.achieved.as_ref().map(|achieved| achieved.step);
    let rungs: Vec<String> = release
        .steps
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let name = plain(name);
            let reached = achieved == Some(index);
            match (index == release.step, reached) {
                (true, true) => format!("{GOOD}[{name}] done{GOOD:#}"),
                (true, false) => format!("{BUSY}[{name}] under way{BUSY:#}"),
                _ if index < release.step || reached => format!("{FAINT}{name}{FAINT:#}"),
                _ => name.into_owned(),
            }
        })
        .collect();
    rungs.join(" > ")
}
