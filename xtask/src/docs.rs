//! `cargo xtask docs`: the API documentation, with broken links as errors.

use anyhow::Result;

use crate::command::{cargo, run as finish};

pub(crate) fn run() -> Result<()> {
    finish(cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}
