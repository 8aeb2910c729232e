//! `cargo xtask tools`: the programs that the end-to-end tests run against.

use std::io::{Write, stderr, stdout};
use std::path::PathBuf;

use anyhow::Result;
use shipper_toolchain::{Gitea, NodeTools, Toolchain};

use crate::command::say;

pub(crate) fn run() -> Result<()> {
    writeln!(stdout(), "{}", build()?.directory().display())?;
    for_some_tests();
    Ok(())
}

/// What only some of the end-to-end tests need: they are skipped without it, or fail and say why. It is here before any of them
/// begins, because a build of minutes beside a test makes the machine one that the test was not made for.
pub(crate) fn for_some_tests() {
    if let Err(error) = NodeTools::find_or_build(&mut stderr()) {
        say(&format!("no real nodes: {error}"));
    }
    if let Err(error) = shipper_toolchain::kubectl(&mut stderr()) {
        say(&format!("no kubectl: {error}"));
    }
    if let Err(error) = shipper_toolchain::prometheus(&mut stderr()) {
        say(&format!("no Prometheus: {error}"));
    }
    if let Err(error) = shipper_toolchain::promtool(&mut stderr()) {
        say(&format!("no promtool: {error}"));
    }
    if let Err(error) = shipper_toolchain::collector(&mut stderr()) {
        say(&format!("no collector of traces: {error}"));
    }
    if let Err(error) = shipper_toolchain::dashboards(&mut stderr()) {
        say(&format!("no schema of dashboards: {error}"));
    }
    if let Err(error) = shipper_toolchain::grafana_libraries(&mut stderr()) {
        say(&format!("no libraries of Grafana: {error}"));
    }
    if let Err(error) = Gitea::find_or_build(&mut stderr()) {
        say(&format!("no Gitea: {error}"));
    }
    if let Err(error) = shipper_toolchain::axe_core(&mut stderr()) {
        say(&format!("no axe-core: {error}"));
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
