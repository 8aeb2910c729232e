//! What must never be among the dependencies, checked on what cargo would really build: no other TLS stack than rustls, no
//! other provider for it than aws-lc-rs, and nothing in `core` that could reach the outside world.
//!
//! `deny.toml` says the same to `cargo deny`, which is not everywhere; a test holds the two together.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::command::{cargo, output, say};

/// Crates that no program of ours may contain, nor any of its tests.
const FORBIDDEN: [&str; 10] = [
    "libssh2-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
    "ring",
    "rustls-graviola",
    "rustls-openssl",
    "rustls-rustcrypto",
    "rustls-symcrypt",
    "serde_yaml",
];

/// Crates that `shipper-core` may not contain: clients, runtimes, sockets, databases, randomness.
const IMPURE: [&str; 12] = [
    "async-std",
    "getrandom",
    "git2",
    "hyper",
    "kube",
    "mio",
    "notify",
    "rand",
    "reqwest",
    "socket2",
    "sqlx",
    "tokio",
];

pub(crate) fn check() -> Result<()> {
    say("> forbidden dependencies");
    let all = crates(&["--workspace", "--edges", "normal,build,dev"])?;
    refuse("the workspace", &all, &FORBIDDEN)?;
    let core = crates(&["--package", "shipper-core", "--edges", "normal"])?;
    refuse("shipper-core, which is pure,", &core, &IMPURE)
}

/// Names of the crates that `cargo tree` shows, for every platform.
fn crates(selection: &[&str]) -> Result<BTreeSet<String>> {
    let mut command = cargo(["tree", "--locked", "--target", "all", "--prefix", "none", "--format", "{p}"]);
    let names = output(command.args(selection))?;
    Ok(names.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

fn refuse(whose: &str, crates: &BTreeSet<String>, refused: &[&str]) -> Result<()> {
    let found: Vec<_> = refused.iter().filter(|name| crates.contains(**name)).collect();
    ensure!(
        found.is_empty(),
        "{whose} must not depend on {found:?}; `cargo tree --workspace --target all --invert NAME` shows who wants it"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_deny_is_told_the_same() {
        let deny = include_str!("../../deny.toml");
        let told: BTreeSet<_> = deny
            .lines()
            .filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.split('"').next())
            .collect();
        assert_eq!(told, FORBIDDEN.into_iter().collect());
    }

    #[test]
    fn a_forbidden_crate_is_named() {
        let crates = ["rustls", "ring", "tokio"].map(str::to_owned).into();
        let error = refuse("the workspace", &crates, &FORBIDDEN).unwrap_err().to_string();
        assert!(error.contains("\"ring\"") && !error.contains("tokio"), "{error}");
        assert!(refuse("shipper-core", &crates, &IMPURE).is_err());
    }

    #[test]
    fn the_tree_is_clean() {
        check().unwrap();
        let all = crates(&["--workspace"]).unwrap();
        assert!(all.contains("rustls") && all.contains("aws-lc-rs"), "cargo tree shows nothing: {all:?}");
    }
}
