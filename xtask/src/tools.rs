//! `cargo xtask tools`: the programs that the end-to-end tests run against.

use std::io::{Write, stderr, stdout};
use std::path::PathBuf;

use anyhow::Result;
use shipper_toolchain::Toolchain;

pub(crate) fn run() -> Result<()> {
    writeln!(stdout(), "{}", build()?.directory().display())?;
    Ok(())
}

/// All tools, built where they are missing.
pub(crate) fn build() -> Result<Toolchain> {
    Ok(Toolchain::find_or_build(&mut stderr())?)
}

/// Helm alone, built where it is missing.
pub(crate) fn helm() -> Result<PathBuf> {
    Ok(shipper_toolchain::helm(&mut stderr())?)
}
