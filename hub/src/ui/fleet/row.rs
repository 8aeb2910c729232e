//! An application on a line of the fleet: who moves, waits or fails in which cluster.

use super::said::{message, named, told};
use crate::ui::mood::{Mood, contender, incumbent};
use crate::ui::strip::{self, Marks};
use crate::ui::words::{application, cut};
use shipper_core::ClusterName;
use shipper_core::status::ApplicationStatus;
use std::collections::BTreeMap;

/// With more clusters than that, they are marks on a strip and not cells with a name.
const CELLS: usize = 12;
/// Characters of a message that a line shows.
const MESSAGE: usize = 140;

/// The line.
pub(super) struct Row {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) mood: Mood,
    pub(super) message: String,
    pub(super) version: String,
    pub(super) before: Option<String>,
    pub(super) step: Option<Step>,
    pub(super) cells: Vec<Cell>,
    pub(super) strip: Vec<Marks>,
    pub(super) columns: usize,
    pub(super) words: String,
}

/// Where its steps are.
pub(super) struct Step {
    pub(super) number: usize,
    pub(super) count: usize,
    pub(super) name: String,
    /// One for each step: it is behind, the present one, or ahead.
    pub(super) dots: Vec<&'static str>,
}

/// One cluster of it.
pub(super) struct Cell {
    pub(super) cluster: String,
    pub(super) mood: Option<Mood>,
    pub(super) label: String,
}

impl Row {
    pub(super) fn of(
        mood: Mood,
        status: &ApplicationStatus,
        columns: &BTreeMap<&ClusterName, usize>,
    ) -> Self {
        let mut moods: Vec<Option<Mood>> = vec![None; columns.len()];
        let mut labels: Vec<Option<String>> = vec![None; columns.len()];
        let few = columns.len() <= CELLS;
        for cluster in &status.clusters {
            let Some(&column) = columns.get(&cluster.cluster) else { continue };
            let within = Mood::within(cluster);
            moods[column] = Some(within);
            if few {
                labels[column] = Some(told(within, cluster));
            }
        }
        let words = if few { named(columns, &moods) } else { strip::words(&moods) };
        let names = columns.keys().map(ToString::to_string);
        let cells = names.zip(moods.iter().zip(labels)).map(|(cluster, (mood, label))| Cell {
            label: label.unwrap_or_else(|| "not placed here".to_owned()),
            mood: *mood,
            cluster,
        });
        let release = contender(status);
        Self {
            namespace: status.application.namespace.clone(),
            name: status.application.name.clone(),
            address: application(&status.application),
            mood,
            message: cut(&message(mood, status), MESSAGE),
            version: release.map_or_else(|| "no release yet".to_owned(), |release| release.version.clone()),
            before: release
                .filter(|release| release.complete.is_none())
                .and_then(|_| incumbent(status))
                .map(|release| release.version.clone()),
            step: release
                .filter(|release| release.complete.is_none() && !release.steps.is_empty())
                .map(Step::of),
            cells: if few { cells.collect() } else { Vec::new() },
            strip: if few { Vec::new() } else { strip::marks(&moods) },
            columns: columns.len(),
            words,
        }
    }
}

impl Step {
    fn of(release: &shipper_core::status::ReleaseStatus) -> Self {
        let achieved = release.achieved.as_ref().map(|achieved| achieved.step);
        let dot = |index: usize| match index {
            _ if Some(index) == achieved && index == release.step => "done here",
            _ if index == release.step => "here",
            _ if achieved.is_some_and(|achieved| index <= achieved) && index < release.step => "done",
            _ => "ahead",
        };
        Self {
            number: release.step + 1,
            count: release.steps.len(),
            name: release.steps.get(release.step).cloned().unwrap_or_default(),
            dots: (0..release.steps.len()).map(dot).collect(),
        }
    }
}
