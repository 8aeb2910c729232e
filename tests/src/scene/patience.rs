//! A scene that does not end says where it stands, and ends the run: nobody learns anything from one that waits for ever.

use std::fmt::Write as _;
use std::fs;
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// Several times what the longest scene takes on a machine that is slow and busy.
const LONGEST: Duration = Duration::from_secs(15 * 60);
const SHOWN_LINES: usize = 20;

/// Waits until it is dropped, but not for ever.
#[derive(Debug)]
pub(super) struct Patience {
    _end: Sender<()>,
}

impl Patience {
    /// Begins to wait for the end of a scene, whose logs are in a directory.
    pub(super) fn begin(scene: &str, logs: &Path) -> Result<Self> {
        let (end, ended) = channel();
        let (scene, logs) = (scene.to_owned(), logs.to_owned());
        thread::Builder::new().name("patience".to_owned()).spawn(move || {
            if ended.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout) {
                let _ = stderr().write_all(told(&scene, &logs).as_bytes());
                std::process::abort();
            }
        })?;
        Ok(Self { _end: end })
    }
}

fn told(scene: &str, logs: &Path) -> String {
    let mut text = String::new();
    let files = fs::read_dir(logs).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "log")) {
        let _ = writeln!(text, "{} ends:\n{}", path.display(), tail(&path));
    }
    // In what the system sees each thread wait: for events, for a lock, for a process.
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().filter_map(Result::ok) {
        let part = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let (name, place, call) = (part("comm"), part("wchan"), part("syscall"));
        let _ = writeln!(text, "thread {}: {place} {}", name.trim(), call.trim());
    }
    let _ = writeln!(text, "the scene {scene} has not ended after {LONGEST:?}");
    text
}

fn tail(path: &PathBuf) -> String {
    let log = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_scene_stands_is_told() {
        let logs = tempfile::tempdir().unwrap();
        fs::write(logs.path().join("hub-1.log"), "begins\nwaits for nobody\n").unwrap();
        let text = told("stuck", logs.path());
        assert!(
            text.contains("waits for nobody") && text.contains("the scene stuck has not ended"),
            "{text}"
        );
    }
}
