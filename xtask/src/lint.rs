//! `cargo xtask lint`: formatting, clippy, and licences and advisories where `cargo-deny` is installed.

use anyhow::Result;

use crate::command::{cargo, run as finish, say, succeeds};

pub(crate) fn run() -> Result<()> {
    finish(&mut cargo(["fmt", "--all", "--", "--check"]))?;
    finish(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    if succeeds(&mut cargo(["deny", "--version"])) {
        finish(&mut cargo(["deny", "check"]))
    } else {
        say("skipped: cargo deny check (cargo-deny is not installed; `cargo install cargo-deny`)");
        Ok(())
    }
}
