//! How many requests were made, by verb: people and benchmarks hold the agent to it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The verbs as RBAC and audit logs name them, and `discover` for the lists of resources.
const VERBS: [&str; 8] = ["create", "delete", "discover", "get", "list", "patch", "update", "watch"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    verb: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerbLabels {
    verb: &'static str,
}

/// Requests since the agent started.
#[derive(Debug)]
pub struct Calls {
    made: [AtomicU64; VERBS.len()],
    answers: Family<AnswerLabels, Counter>,
    duration: Family<VerbLabels, Histogram, fn() -> Histogram>,
}

impl Default for Calls {
    fn default() -> Self {
        // 1 ms to 16 s.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.001, 4.0, 8));
        Self {
            made: Default::default(),
            answers: Family::default(),
            duration: Family::new_with_constructor(histogram),
        }
    }
}

impl Calls {
    pub(super) fn count(&self, verb: &str) {
        if let Some(at) = VERBS.iter().position(|v| *v == verb) {
            self.made[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an answer with its HTTP status; `None` = there was none.
    pub(super) fn answered(&self, verb: &'static str, code: Option<u16>, took: Duration) {
        let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        self.answers.get_or_create(&AnswerLabels { verb, code }).inc();
        self.duration.get_or_create(&VerbLabels { verb }).observe(took.as_secs_f64());
    }

    /// By verb; verbs that were never used are left out.
    pub fn by_verb(&self) -> BTreeMap<String, u64> {
        let counts = VERBS
            .iter()
            .zip(&self.made)
            .map(|(verb, count)| ((*verb).to_owned(), count.load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Requests to the API server, by verb and HTTP status; none = no answer";
        registry.register("api_requests", help, self.answers.clone());
        let help = "Time until the head of the API server's answer, by verb";
        registry.register_with_unit("api_request_duration", help, Unit::Seconds, self.duration.clone());
    }
}
