//! Changing a few lines of an Application's or a Cluster's file as a person would: comments, order and style of everything else stay.
//!
//! Nothing here trusts its own reading of the text. Every edit is one of several attempts, and an attempt counts only if the
//! text, read again, is the old document with exactly the intended difference. If none is, the person is told what to
//! write.

mod block;
mod document;
mod environment;
mod rollout;
mod scalar;
mod scheduler;

pub use environment::{restore_environment, set_restart};
pub use rollout::{Order, set_paused, set_rollout};
pub use scheduler::{Scheduling, set_scheduling};

use serde_json::Value;
use shipper_core::yaml;

/// Why a file cannot be edited.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It cannot be read.
    #[error("{0}")]
    Yaml(#[from] yaml::Error),
    /// It is not what an Application looks like.
    #[error("{reason}; `shipperctl lint` says more")]
    Shape {
        /// What is missing.
        reason: String,
    },
    /// It is written in a way in which no edit keeps the rest.
    #[error(
        "it is written in a way that cannot be edited without touching the rest; commit this by hand:\n{by_hand}"
    )]
    Style {
        /// What to write.
        by_hand: String,
    },
}

/// The first attempt that makes exactly the intended document.
fn first_exact(attempts: impl IntoIterator<Item = String>, wanted: &Value) -> Option<String> {
    attempts.into_iter().find(|text| {
        yaml::read_documents(text.as_bytes()).is_ok_and(|documents| documents.as_slice() == [wanted.clone()])
    })
}
