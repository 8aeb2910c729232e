//! How many requests were made, by verb: people and benchmarks hold the agent to it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// The verbs as RBAC and audit logs name them, and `discover` for the lists of resources.
const VERBS: [&str; 8] = ["create", "delete", "discover", "get", "list", "patch", "update", "watch"];

/// Requests since the agent started.
#[derive(Debug, Default)]
pub struct Calls([AtomicU64; VERBS.len()]);

impl Calls {
    pub(super) fn count(&self, verb: &str) {
        if let Some(at) = VERBS.iter().position(|v| *v == verb) {
            self.0[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// By verb; verbs that were never used are left out.
    pub fn by_verb(&self) -> BTreeMap<String, u64> {
        let counts = VERBS
            .iter()
            .zip(&self.0)
            .map(|(verb, count)| ((*verb).to_owned(), count.load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0).collect()
    }
}
