//! Two releases to choose, any of those that are kept, and a cluster: a form that works without a script, and whose address can be shared.

use crate::ui::words::{application, encode};
use shipper_core::status::ApplicationStatus;
use shipper_core::{ClusterName, ReleaseName};
use std::collections::BTreeSet;

/// The form.
pub(super) struct Choice {
    /// The page that it leads to.
    pub(super) address: String,
    /// What may be compared from.
    pub(super) from: Vec<Pick>,
    /// What may be compared to.
    pub(super) to: Vec<Pick>,
    /// Whose overrides may be looked at; empty = that is not asked.
    pub(super) clusters: Vec<Pick>,
}

/// A release, or a cluster, that may be chosen.
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
        Some(Self { address: address(status), from: picks(from), to: picks(to), clusters: Vec::new() })
    }

    /// The form in which one of the application's clusters can be chosen too; those with values of their own say so.
    pub(super) fn with_clusters(
        self,
        status: &ApplicationStatus,
        chosen: Option<&ClusterName>,
        own: &BTreeSet<ClusterName>,
    ) -> Self {
        let pick = |name: &ClusterName| Pick {
            label: if own.contains(name) { format!("{name}, values of its own") } else { name.to_string() },
            chosen: chosen == Some(name),
            name: name.to_string(),
        };
        Self { clusters: status.clusters.iter().map(|one| pick(&one.cluster)).collect(), ..self }
    }
}

/// The page on which these two are compared without overrides.
pub(super) fn comparison(status: &ApplicationStatus, from: &ReleaseName, to: &ReleaseName) -> String {
    format!("{}?from={}&to={}", address(status), encode(from.as_str()), encode(to.as_str()))
}

/// The same comparison in a cluster.
pub(super) fn within(comparison: &str, cluster: &ClusterName) -> String {
    format!("{comparison}&cluster={}", encode(cluster.as_str()))
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
