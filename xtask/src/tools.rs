//! `cargo xtask tools`: the programs that the end-to-end tests run against.

use std::io::{Write, stderr, stdout};
use std::path::PathBuf;

use anyhow::Result;
use shipper_toolchain::{NodeTools, Toolchain};

use crate::command::say;

pub(crate) fn run() -> Result<()> {
    writeln!(stdout(), "{}", build()?.directory().display())?;
    node();
    Ok(())
}

/// What real nodes need. Without it the tests of real pods are skipped, or fail and say why.
pub(crate) fn node() {
    if let Err(error) = NodeTools::find_or_build(&mut stderr()) {
        say(&format!("no real nodes: {error}"));
    }
}

/// All tools, built where they are missing.
pub(crate) fn build() -> Result<Toolchain> {
    Ok(Toolchain::find_or_build(&mut stderr())?)
}

/// Helm alone, built where it is missing.
pub(crate) fn helm() -> Result<PathBuf> {
    Ok(shipper_toolchain::helm(&mut stderr())?)
}
