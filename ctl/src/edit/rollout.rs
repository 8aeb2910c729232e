//! `spec.rollout`: the promotion [M1].

use serde_json::{Value, json};
use shipper_core::intent::StepRef;

use super::EditError;
use super::block::{Block, set};

/// What is to stand under `spec.rollout`. Other fields there stay.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// `release`.
    pub release: &'a str,
    /// `targetStep`.
    pub step: &'a StepRef,
    /// `request`; `None` leaves it as it is.
    pub request: Option<&'a str>,
}

/// The file with the order in `spec.rollout`, and everything else as it was. The same text where the order stands there
/// already.
///
/// # Errors
/// When the file is no Application, or is written in a way in which no edit keeps the rest.
pub fn set_rollout(text: &str, order: Order<'_>) -> Result<String, EditError> {
    let step = match order.step {
        StepRef::Index(index) => json!(index),
        StepRef::Name(name) => json!(name),
    };
    let fields = [
        ("release", Some(json!(order.release))),
        ("targetStep", Some(step)),
        ("request", order.request.map(Value::from)),
    ];
    let fields = fields.into_iter().filter_map(|(key, value)| Some((key, value?)));
    set(text, &Block::new("rollout", fields))
}
