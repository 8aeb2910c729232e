//! Where there can be no Gitea, tests that need one say so.

use std::io::{Write, stderr};

/// Set to `required` where a missing Gitea is a failure.
const VARIABLE: &str = "SHIPPER_TESTS_GITEA";

/// Whether there can be one; where there can be none, that is said loudly.
///
/// # Panics
/// There can be none, and it is required.
pub async fn possible(test: &str) -> bool {
    let found = tokio::task::spawn_blocking(|| shipper_toolchain::Gitea::find_or_build(&mut stderr()));
    let reason = match found.await {
        Ok(Ok(_)) => return true,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
    assert!(!required, "{VARIABLE}=required, and there is no Gitea: {reason}");
    let _ = writeln!(stderr(), "SKIPPED: {test} needs Gitea: {reason}");
    false
}
