//! A small view of an EndpointSlice.

use super::at;
use crate::labels;
use serde_json::Value;
use std::collections::BTreeSet;

/// What is kept of an EndpointSlice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The Service it belongs to.
    pub service: String,
    /// UID of that Service: a Service made anew under the same name has other slices.
    pub owner: String,
    /// Names of the pods whose addresses are ready.
    pub ready: BTreeSet<String>,
}

impl Slice {
    /// The view of an EndpointSlice; `None` where it belongs to no Service.
    pub fn of(object: &Value) -> Option<Self> {
        let service = object.get("metadata")?.get("labels")?.get(labels::SERVICE_NAME)?.as_str()?.to_owned();
        let owners = at(object, "/metadata/ownerReferences").and_then(Value::as_array);
        let owner = owners
            .and_then(|owners| {
                owners.iter().find(|o| o.get("kind").and_then(Value::as_str) == Some("Service"))
            })
            .and_then(|owner| owner.get("uid")?.as_str())
            .unwrap_or_default()
            .to_owned();
        let endpoints = object.get("endpoints").and_then(Value::as_array);
        let ready = endpoints
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .filter(|endpoint| {
                // An absent `ready` means unknown and is to be read as ready (discovery.k8s.io/v1 EndpointConditions).
                at(endpoint, "/conditions/ready").and_then(Value::as_bool).unwrap_or(true)
            })
            .filter_map(|endpoint| Some(at(endpoint, "/targetRef/name")?.as_str()?.to_owned()))
            .collect();
        Some(Self { service, owner, ready })
    }
}
