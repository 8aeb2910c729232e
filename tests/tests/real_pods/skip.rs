//! Where there can be no real node, tests that need one say so.

use std::io::Write;
use std::sync::Arc;

use shipper_tests::fleet::{self, Fleet};
use shipper_tests::real_node;

/// Set to `required` where a missing real node is a failure.
const VARIABLE: &str = "SHIPPER_TESTS_REAL_NODES";

/// Whether there can be a real node; where there can be none, that is said loudly.
pub fn possible(test: &str) -> bool {
    let Some(reason) = real_node::impossible() else { return true };
    let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
    assert!(!required, "{VARIABLE}=required, and there is no real node: {reason}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test} needs a real node: {reason}");
    false
}

/// The clusters with real nodes, where there can be such.
pub async fn fleet(test: &str) -> Option<Arc<Fleet>> {
    if possible(test) { Some(fleet::with_real_nodes().await.unwrap()) } else { None }
}
