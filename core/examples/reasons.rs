//! Prints the pages of the catalogue of reasons, each after a line `%%% path`; `cargo xtask docs` writes them.

use shipper_core::catalogue;
use std::io::{Result, Write, stdout};

fn main() -> Result<()> {
    let mut out = stdout().lock();
    write!(out, "%%% docs/reasons.md\n{}", catalogue::index())?;
    for entry in catalogue::entries() {
        write!(out, "%%% docs/{}\n{}", entry.path(), entry.page())?;
    }
    Ok(())
}
