//! Two releases to choose, any of those that are kept: a form that works without a script, and whose address can be shared.

use crate::ui::words::application;
use shipper_core::ReleaseName;
use shipper_core::status::ApplicationStatus;

/// The form.
pub(super) struct Choice {
    /// The page that it leads to.
    pub(super) address: String,
    /// What may be compared from.
    pub(super) from: Vec<Pick>,
    /// What may be compared to.
    pub(super) to: Vec<Pick>,
}

/// A release that may be chosen.
pub(super) struct Pick {
    /// Its name.
    pub(super) name: String,
    /// What it is called in the list.
    pub(super) label: String,
    /// Whether it is chosen.
    pub(super) chosen: bool,
}

/// What is compared where nobody said: the incumbent with the contender, else the newest with the one before it.
pub(super) fn usual(status: &ApplicationStatus) -> Option<(ReleaseName, ReleaseName)> {
    let newest = status.releases.first().map(|release| &release.name);
    let to = status.contender.as_ref().or(newest)?;
    let before = status.releases.iter().map(|release| &release.name).find(|name| *name != to);
    Some((status.incumbent.as_ref().or(before)?.clone(), to.clone()))
}

impl Choice {
    /// The form with these two chosen; nothing where there are no two releases.
    pub(super) fn of(status: &ApplicationStatus, from: &str, to: &str) -> Option<Self> {
        if status.releases.len() < 2 {
            return None;
        }
        let picks = |chosen: &str| {
            let pick = |release: &shipper_core::status::ReleaseStatus| Pick {
                label: label(status, &release.name, &release.version),
                chosen: release.name.as_str() == chosen,
                name: release.name.to_string(),
            };
            status.releases.iter().map(pick).collect()
        };
        Some(Self { address: address(status), from: picks(from), to: picks(to) })
    }
}

/// The page on which two releases are compared.
pub(super) fn address(status: &ApplicationStatus) -> String {
    format!("{}/diff", application(&status.application))
}

fn label(status: &ApplicationStatus, name: &ReleaseName, version: &str) -> String {
    let role = match Some(name) {
        name if name == status.contender.as_ref() => ", contender",
        name if name == status.incumbent.as_ref() => ", incumbent",
        _ => "",
    };
    format!("{version}{role} ({name})")
}
