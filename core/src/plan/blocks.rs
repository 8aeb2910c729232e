//! Rollout blocks: what stops an application's rollout [B1, B2].
//!
//! A block with a schedule counts as in force all the time: the schedule is not evaluated yet, and somebody meant to stop something.

use super::Draft;
use crate::intent::Application;
use std::collections::BTreeSet;

/// Annotations on an Application that name the blocks it overrides; the second is the original's.
const OVERRIDES: [&str; 2] =
    ["shipper.dev/rollout-block.override", "shipper.booking.com/rollout-block.override"];

/// The blocks that stop the application, as `namespace/name: message` or `name: message`; empty = it may move. Every block in force
/// must be overridden by name.
pub(super) fn in_force(draft: &Draft<'_>) -> Vec<String> {
    let namespace = &draft.input.application.namespace;
    let overridden = draft.input.intent.map(|intent| overrides(&intent.application)).unwrap_or_default();
    let blocks = &draft.input.fleet.blocks;
    let concerning =
        blocks.iter().filter(|((scope, _), _)| scope.as_ref().is_none_or(|scope| scope == namespace));
    let standing: Vec<_> = concerning
        .map(|((scope, name), block)| (qualified(scope.as_deref(), name), name, block))
        .filter(|(qualified, name, _)| {
            !overridden.contains(qualified.as_str()) && !overridden.contains(name.as_str())
        })
        .collect();
    standing.into_iter().map(|(qualified, _, block)| format!("{qualified}: {}", block.spec.message)).collect()
}

fn qualified(scope: Option<&str>, name: &str) -> String {
    // The original keeps global blocks in a namespace of their own.
    format!("{}/{name}", scope.unwrap_or(crate::intent::GLOBAL_BLOCKS_NAMESPACE))
}

fn overrides(application: &Application) -> BTreeSet<String> {
    OVERRIDES
        .iter()
        .filter_map(|annotation| application.metadata.annotations.get(*annotation))
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}
