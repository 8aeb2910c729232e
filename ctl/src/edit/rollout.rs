//! `spec.rollout`: the promotion [M1] and the pause [M13].

use serde_json::{Value, json};
use shipper_core::intent::StepRef;

use super::EditError;
use super::block::{Block, set};
use super::document::Document;

/// What is to stand under `spec.rollout`. Other fields there stay.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// `release`.
    pub release: &'a str,
    /// `targetStep`.
    pub step: &'a StepRef,
    /// `request`; `None` leaves it as it is.
    pub request: Option<&'a str>,
    /// `skipGates` [M14]. It is of this order alone: one that stands there from an earlier order is taken back.
    pub skip_gates: bool,
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
        ("skipGates", flag(text, "skipGates", order.skip_gates)?),
    ];
    let fields = fields.into_iter().filter_map(|(key, value)| Some((key, value?)));
    set(text, &Block::new("rollout", fields))
}

/// The file with `spec.rollout.paused` set or taken back [M13], and everything else as it was.
///
/// # Errors
/// As [`set_rollout`].
pub fn set_paused(text: &str, paused: bool) -> Result<String, EditError> {
    match flag(text, "paused", paused)? {
        Some(value) => set(text, &Block::new("rollout", [("paused", value)])),
        None => Ok(text.to_owned()),
    }
}

/// What has to be written for a flag of `spec.rollout` to be so: nothing where a flag that is not there is not to be set.
fn flag(text: &str, name: &str, wanted: bool) -> Result<Option<Value>, EditError> {
    let stands = Document::read(text)?.value()["spec"]["rollout"][name] == json!(true);
    Ok((wanted || stands).then(|| json!(wanted)))
}
