//! `cargo xtask tools`: the programs that the end-to-end tests run against.

use std::io::{Write, stderr, stdout};

use anyhow::Result;
use shipper_toolchain::Toolchain;

pub(crate) fn run() -> Result<()> {
    let toolchain = Toolchain::find_or_build(&mut stderr())?;
    writeln!(stdout(), "{}", toolchain.directory().display())?;
    Ok(())
}
