//! The binaries of this workspace, as a user would run them.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::process::Spec;

/// The path of `shipper-hub`, `shipper-agent` or `shipperctl`.
///
/// They are looked for in `SHIPPER_BIN_DIR`, and else where cargo put them next to the test binary.
///
/// # Errors
/// When the binary has not been built; `cargo xtask test e2e` builds it.
pub fn binary(name: &str) -> Result<PathBuf> {
    let path = directory()?.join(name);
    ensure!(
        path.is_file(),
        "{} does not exist; run `cargo xtask test e2e`, or set SHIPPER_BIN_DIR",
        path.display()
    );
    Ok(path)
}

/// A daemon to be started in `directory`, where its log will be.
///
/// # Errors
/// As [`binary`].
pub fn spec(name: &str, directory: &Path) -> Result<Spec> {
    Ok(Spec::new(name, binary(name)?, directory))
}

fn directory() -> Result<PathBuf> {
    if let Some(directory) = env::var_os("SHIPPER_BIN_DIR") {
        return Ok(directory.into());
    }
    let test = env::current_exe().context("cannot tell where this binary is")?;
    // target/debug/deps/<test>-<hash>, or target/debug/<program>
    let own = test.parent().filter(|own| !own.ends_with("deps")).or_else(|| test.ancestors().nth(2));
    Ok(own.context("this binary is not in cargo's target directory")?.to_owned())
}
