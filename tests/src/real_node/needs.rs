//! What the machine must allow, and have, for a real node.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

/// Of `unshare`: namespaces that end with the first process in them.
pub(super) const OWN_NAMESPACES: [&str; 6] =
    ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// Why there can be no real node here, if there can be none.
#[must_use]
pub fn impossible() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("the system is not Linux".to_owned());
    }
    match fs::metadata("/proc/self") {
        Ok(own) if own.uid() == 0 => {}
        _ => return Some("only root can make namespaces and run containers".to_owned()),
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing = |program: &&str| !std::env::split_paths(&path).any(|place| place.join(program).is_file());
    let needed = ["apt-get", "dpkg-deb", "ip", "ldd", "mount", "nsenter", "unshare"];
    if let Some(program) = needed.iter().find(|program| missing(program)) {
        return Some(format!("`{program}` is not installed"));
    }
    // Root inside of a container may not.
    match Command::new("unshare").args(OWN_NAMESPACES).arg("true").output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("`unshare` cannot be run: {error}")),
    }
}

/// The path of a program of the machine.
pub(super) fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|place| place.join(name));
    candidates.find(|candidate| candidate.is_file()).with_context(|| format!("`{name}` is not installed"))
}
