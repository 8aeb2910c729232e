//! The patch types other than apply.

mod json_patch;
mod merge_patch;
mod strategic;

pub(crate) use json_patch::json_patch;
pub(crate) use merge_patch::merge_patch;
pub(crate) use strategic::strategic;

use serde_json::Value;

/// A patch as sent by a client.
#[derive(Debug, Clone, PartialEq)]
pub enum Patch {
    /// `application/apply-patch+yaml`
    Apply(Value),
    /// `application/merge-patch+json`
    Merge(Value),
    /// `application/strategic-merge-patch+json`
    Strategic(Value),
    /// `application/json-patch+json`
    Json(Value),
}
