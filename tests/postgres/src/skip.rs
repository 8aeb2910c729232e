//! Where there is no PostgreSQL, tests that need one say so.

use std::io::Write;
use std::sync::OnceLock;

use crate::programs;
use crate::server::Server;

/// Set to `required` where a missing PostgreSQL is a failure.
const VARIABLE: &str = "SHIPPER_TESTS_POSTGRES";

/// Whether there can be a server; where there can be none, that is said loudly.
///
/// # Panics
/// There can be none, and it is required.
#[must_use]
pub fn possible(test: &str) -> bool {
    if programs::directory().is_some() {
        return true;
    }
    let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
    assert!(
        !required,
        "{VARIABLE}=required, and PostgreSQL is not installed (Debian: apt-get install postgresql)"
    );
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test} needs PostgreSQL, and it is not installed");
    false
}

/// The server that all tests of this process share, each in a [database](Server::database) of its own; nothing where there can be none.
///
/// # Panics
/// It does not start, or there can be none and it is required.
#[must_use]
pub fn shared(test: &str) -> Option<&'static Server> {
    static SHARED: OnceLock<Server> = OnceLock::new();
    #[expect(clippy::panic, reason = "only tests call it")]
    possible(test).then(|| SHARED.get_or_init(|| Server::start().unwrap_or_else(|error| panic!("{error:#}"))))
}
