//! Ends what the tests started when the test process ends, for whatever reason.
//!
//! A small shell holds the read end of a pipe whose only write end is ours. The system closes that end when we die,
//! even by SIGKILL; the shell then reads end-of-file, kills the process groups and removes the directories it was told.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result};

const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=' '
empty=
while read -r order what; do
  case $order in
    end) groups="$groups$what " ;;
    forget) case $groups in *" $what "*) groups="${groups%% "$what" *} ${groups#* "$what" }" ;; esac ;;
    remove) set -- "$@" "$what" ;;
    prune) empty="$empty $what" ;;
  esac
done
for group in $groups; do kill -KILL "-$group"; done
rm -rf -- "$@" || { sleep 1; rm -rf -- "$@"; }
for _ in 1 2 3 4 5; do
  left=
  for directory in $empty; do
    [ ! -d "$directory" ] || find "$directory" -depth -type d -exec rmdir {} + || left=1
  done
  [ -n "$left" ] || break
  sleep 1
done
"#;

static ORDERS: OnceLock<Mutex<ChildStdin>> = OnceLock::new();

/// Kill this process group when we end.
pub(crate) fn end(group: u32) -> Result<()> {
    order(&format!("end {group}"))
}

/// The group is gone; its number may come to mean another.
pub(crate) fn forget(group: u32) -> Result<()> {
    order(&format!("forget {group}"))
}

/// Remove this directory when we end.
pub(crate) fn remove(directory: &Path) -> Result<()> {
    order(&format!("remove {}", directory.display()))
}

/// Remove these empty directories, one in the other, when we end. The path has no spaces.
pub(crate) fn prune(directory: &Path) -> Result<()> {
    order(&format!("prune {}", directory.display()))
}

fn order(line: &str) -> Result<()> {
    let mut pipe = orders()?.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(pipe, "{line}").context("the watchdog of the test process is gone")
}

fn orders() -> Result<&'static Mutex<ChildStdin>> {
    if let Some(pipe) = ORDERS.get() {
        return Ok(pipe);
    }
    let pipe = start()?;
    // Where two threads come at once, the pipe of the second is dropped and its shell ends, having been told nothing.
    Ok(ORDERS.get_or_init(|| Mutex::new(pipe)))
}

fn start() -> Result<ChildStdin> {
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT])
        // A group of its own, so that an interrupt at the terminal reaches us and not the watchdog.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start the watchdog (sh)")?;
    shell.stdin.take().context("the watchdog has no pipe")
}
