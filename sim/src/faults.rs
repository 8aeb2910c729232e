//! Faults that a test asks for, and the count of requests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::error::ApiError;
use crate::resource::Resource;

/// Requests by verb and resource (`patch`, `deployments.apps`).
pub type Requests = BTreeMap<(&'static str, String), u64>;

/// Whether an admission predicate lets a write pass: verb, resource, object; a denial carries its message.
pub type Admission = Arc<dyn Fn(&str, &Resource, &Value) -> Result<(), String> + Send + Sync>;

/// What goes wrong with requests, and with pods.
#[derive(Default, Clone)]
pub struct Faults {
    /// Share of requests (0..=1) that fail.
    pub fail: f64,
    /// The codes they fail with, one drawn each time: 429, 500, 503, 504.
    pub codes: Vec<u16>,
    /// Limits failures to these verbs; empty = all.
    pub verbs: Vec<&'static str>,
    /// Refuses writes, like a validating webhook of this name.
    pub webhook: Option<(String, Admission)>,
    /// Refuses everything with 503, as a server that is down.
    pub down: bool,
    /// Images that no node can pull: pods that have them wait, until [`Cluster::set_pod_ready`](crate::Cluster::set_pod_ready) ends it.
    pub images: BTreeSet<String>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("fail", &self.fail)
            .field("codes", &self.codes)
            .field("webhook", &self.webhook.as_ref().map(|(name, _)| name))
            .field("down", &self.down)
            .field("images", &self.images)
            .finish()
    }
}

impl Faults {
    pub(crate) fn strike(&self, verb: &str, rng: &mut StdRng) -> Result<(), ApiError> {
        if self.down {
            return Err(ApiError::injected(503));
        }
        if self.fail <= 0.0 || (!self.verbs.is_empty() && !self.verbs.contains(&verb)) {
            return Ok(());
        }
        if !rng.random_bool(self.fail.min(1.0)) {
            return Ok(());
        }
        let code =
            if self.codes.is_empty() { 500 } else { self.codes[rng.random_range(0..self.codes.len())] };
        Err(ApiError::injected(code))
    }

    pub(crate) fn admit(&self, verb: &str, resource: &Resource, object: &Value) -> Result<(), ApiError> {
        match &self.webhook {
            Some((name, check)) => {
                check(verb, resource, object).map_err(|message| ApiError::webhook_denied(name, &message))
            }
            None => Ok(()),
        }
    }
}
