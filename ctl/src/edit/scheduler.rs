//! `spec.scheduler` of a Cluster: cordon and drain [S4].

use serde_json::json;

use super::EditError;
use super::block::{Block, set};
use super::document::Document;

/// What is to become of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// It gets no application that it does not have.
    Cordon,
    /// Its applications move elsewhere.
    Drain,
    /// Neither.
    Uncordon,
}

/// The Cluster's file with that in `spec.scheduler`, and everything else as it was. The same text where it says so already.
///
/// # Errors
/// When the file is no Cluster, or is written in a way in which no edit keeps the rest.
pub fn set_scheduling(text: &str, scheduling: Scheduling) -> Result<String, EditError> {
    let fields = match scheduling {
        Scheduling::Cordon => vec![("unschedulable", json!(true))],
        Scheduling::Drain => vec![("drain", json!(true))],
        Scheduling::Uncordon => {
            let document = Document::read(text)?.value();
            let set = |field: &&str| document["spec"]["scheduler"][*field] == json!(true);
            ["unschedulable", "drain"].into_iter().filter(set).map(|field| (field, json!(false))).collect()
        }
    };
    if fields.is_empty() {
        return Ok(text.to_owned());
    }
    set(text, &Block::new("scheduler", fields))
}
