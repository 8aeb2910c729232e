//! Node.js, which some of what the tests start runs on.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

/// Set to `required` where a missing Node.js is a failure.
const VARIABLE: &str = "SHIPPER_TESTS_NODEJS";

/// Whether it is on this machine; where not, that is said loudly.
///
/// # Panics
/// Where it is required, and is not there.
#[must_use]
pub fn possible(test: &str) -> bool {
    let version = program().ok().and_then(|node| Command::new(node).arg("--version").output().ok());
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let major =
        version.and_then(|text| text.trim().trim_start_matches('v').split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major >= 18) {
        return true;
    }
    let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
    assert!(
        !required,
        "{VARIABLE}=required, and there is no Node.js from 18 on (Debian: apt-get install npm)"
    );
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test} needs Node.js and npm, and they are not installed");
    false
}

/// Its program.
///
/// # Errors
/// When there is none in `PATH`.
pub fn program() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|directory| directory.join("node"));
    places.find(|program| program.is_file()).context("there is no Node.js")
}
