//! The control groups of one node, under which kubelet makes those of its pods.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::scratch::Scratch;
use crate::watchdog;

/// How long it takes until the last killed process has left them.
const EMPTY: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(50);

/// One in every hierarchy that is mounted. Removed when dropped and at the end of the test process at the latest, which works
/// once all processes in it have ended.
#[derive(Debug)]
pub(super) struct Cgroup {
    name: String,
    directories: Vec<PathBuf>,
}

impl Cgroup {
    /// Makes them, with the name of the directory of the node.
    pub(super) fn make(scratch: &Scratch) -> Result<Self> {
        let name = scratch.path().file_name().context("a scratch directory has a name")?;
        let mut cgroup = Self { name: name.to_string_lossy().into_owned(), directories: Vec::new() };
        for (hierarchy, kind) in hierarchies()? {
            let directory = hierarchy.join(&cgroup.name);
            fs::create_dir(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
            watchdog::prune(&directory)?;
            cgroup.directories.push(directory);
            prepare(&hierarchy, &cgroup.name, kind)
                .with_context(|| format!("cannot use the control groups in {}", hierarchy.display()))?;
        }
        ensure!(!cgroup.directories.is_empty(), "no control groups are mounted");
        Ok(cgroup)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let end = Instant::now() + EMPTY;
        while self.directories.iter().any(|directory| prune(directory).is_err()) && Instant::now() < end {
            std::thread::sleep(POLL);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Version 1.
    First,
    /// Version 2.
    Second,
    /// Version 2 without the controllers, which are with version 1.
    Empty,
}

/// Where they are mounted. The container runtime uses all of them.
fn hierarchies() -> Result<Vec<(PathBuf, Kind)>> {
    let mounts = fs::read_to_string("/proc/mounts").context("cannot read /proc/mounts")?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for fields in fields {
        match fields[..] {
            [_, path, "cgroup", ..] => first.push((path.into(), Kind::First)),
            [_, path, "cgroup2", ..] => second.push(path.into()),
            _ => {}
        }
    }
    let kind = if first.is_empty() { Kind::Second } else { Kind::Empty };
    first.extend(second.into_iter().map(|path: PathBuf| (path, kind)));
    Ok(first)
}

/// What a new group does not have by itself: its processors in version 1, controllers in version 2.
fn prepare(hierarchy: &Path, name: &str, kind: Kind) -> Result<()> {
    let processors = ["cpuset.cpus", "cpuset.mems"];
    for file in processors.into_iter().filter(|file| kind == Kind::First && hierarchy.join(file).is_file()) {
        fs::write(hierarchy.join(name).join(file), fs::read(hierarchy.join(file))?)?;
    }
    if kind == Kind::Second {
        let controllers = fs::read_to_string(hierarchy.join("cgroup.controllers"))?;
        let all: Vec<String> = controllers.split_whitespace().map(|name| format!("+{name}")).collect();
        fs::write(hierarchy.join("cgroup.subtree_control"), all.join(" "))?;
    }
    Ok(())
}

/// Removes a group and those in it. Their files are not removed but vanish with them.
fn prune(directory: &Path) -> std::io::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            prune(&path)?;
        }
    }
    fs::remove_dir(directory)
}
