//! A program under the harness: its own process group, its output in a file, its end with ours.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::eventually::within;
use crate::watchdog;

/// Waits for one line before it becomes the program, so that the watchdog knows the process before it does anything.
const GATE: &str = r#"read -r _ && exec "$0" "$@" </dev/null"#;
const TAIL_LINES: usize = 15;

/// What to run.
#[derive(Debug, Clone)]
pub struct Spec {
    name: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: BTreeMap<OsString, OsString>,
    directory: PathBuf,
}

impl Spec {
    /// A program, run in `directory`, with its output appended to `<name>.log` there.
    #[must_use]
    pub fn new(name: &str, program: impl Into<PathBuf>, directory: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            directory: directory.into(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.insert(name.into(), value.as_ref().to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the program or its directory is missing, or the system refuses.
    pub fn start(self) -> Result<Process> {
        let process = self.prepare();
        process.start()?;
        Ok(process)
    }

    /// Makes a process that does not run yet ([`Process::start`]).
    #[must_use]
    pub fn prepare(self) -> Process {
        let log = self.directory.join(format!("{}.log", self.name));
        Process { spec: self, log, child: Mutex::default() }
    }
}

/// A program that was started, and may have ended or been started again since. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    spec: Spec,
    log: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// Starts it again after it has ended or was killed, with the same arguments, environment and log file.
    ///
    /// # Errors
    /// When it still runs, or the system refuses.
    pub fn start(&self) -> Result<()> {
        let mut slot = self.slot();
        ensure!(slot.is_none(), "{} runs already", self.spec.name);
        ensure!(
            self.spec.program.is_file(),
            "there is no program {} to run as {}",
            self.spec.program.display(),
            self.spec.name
        );
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("cannot open {}", self.log.display()))?;
        let mut child = Command::new("sh")
            .args(["-c", GATE])
            .arg(&self.spec.program)
            .args(&self.spec.arguments)
            .envs(&self.spec.environment)
            .current_dir(&self.spec.directory)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", self.spec.name))?;
        watchdog::end(child.id())?;
        child.stdin.take().context("no gate")?.write_all(b"go\n")?;
        *slot = Some(child);
        Ok(())
    }

    /// The name it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Its process id, or nothing when it does not run.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.slot().as_ref().map(Child::id)
    }

    /// How it ended, if it has ended by itself since it was last started.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn ended(&self) -> Result<Option<ExitStatus>> {
        let mut slot = self.slot();
        let Some(child) = slot.as_mut() else { return Ok(None) };
        let Some(status) = child.try_wait()? else { return Ok(None) };
        watchdog::forget(child.id())?;
        *slot = None;
        Ok(Some(status))
    }

    /// Fails, with the end of its log, when it has ended.
    ///
    /// # Errors
    /// When it has ended.
    pub fn ensure_running(&self) -> Result<()> {
        if let Some(status) = self.ended()? {
            bail!("{} ended ({status}); its log ends:\n{}", self.spec.name, self.log_tail());
        }
        ensure!(self.slot().is_some(), "{} is not running", self.spec.name);
        Ok(())
    }

    /// Kills it and its children at once (SIGKILL). Does nothing when it does not run.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&self) -> Result<()> {
        let Some(mut child) = self.slot().take() else { return Ok(()) };
        let group = child.id();
        let sent = kill_process_group(pid(group)?, Signal::KILL);
        // Not before it is collected can its number mean another process.
        watchdog::forget(group)?;
        child.wait()?;
        sent.or_else(|error| if error == rustix::io::Errno::SRCH { Ok(()) } else { Err(error) })?;
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not run, or has not ended within `deadline`.
    pub async fn terminate(&self, deadline: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        within(deadline, async || self.ended()?.context("still runs"))
            .await
            .map_err(|error| anyhow::anyhow!("{} was asked to end: {error}", self.spec.name))
    }

    /// Stops it in its tracks (SIGSTOP), as a machine that is suspended would.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`Process::pause`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills it and starts it again.
    ///
    /// # Errors
    /// As [`Process::kill`] and [`Process::start`].
    pub fn restart(&self) -> Result<()> {
        self.kill()?;
        self.start()
    }

    /// The file its output goes to, over all its starts.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// What it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The last lines it has written.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let slot = self.slot();
        let child = slot.as_ref().with_context(|| format!("{} is not running", self.spec.name))?;
        Ok(kill_process_group(pid(child.id())?, signal)?)
    }

    fn slot(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn pid(raw: u32) -> Result<Pid> {
    i32::try_from(raw).ok().and_then(Pid::from_raw).with_context(|| format!("{raw} is no process id"))
}
