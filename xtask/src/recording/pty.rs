//! A program at a pseudo terminal of its own, with which it ends; and what it does to the screen as time goes by.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::film::{COLUMNS, Film, ROWS};

/// What comes within that time is one picture.
const TOGETHER: Duration = Duration::from_millis(60);

/// A program that is to be started at a pseudo terminal of its own ([`Session`]).
pub(super) fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(path);
    command
}

/// A program at its terminal. It ends, and what it started with it, when this is dropped; and when this process ends in whatever way,
/// for then the terminal is gone and the system hangs up.
pub(super) struct Session {
    child: Child,
    terminal: OwnedFd,
}

impl Session {
    /// Starts a [`program`], whose standard input is the terminal.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let (terminal, theirs) = pair()?;
        Self::start_at(command.stdin(theirs), terminal)
    }

    /// As [`Session::start`], with all that it says on the terminal.
    fn start_shown(command: &mut Command) -> Result<Self> {
        let (terminal, theirs) = pair()?;
        command.stdout(theirs.try_clone()?).stderr(theirs.try_clone()?);
        Self::start_at(command.stdin(theirs), terminal)
    }

    fn start_at(command: &mut Command, terminal: OwnedFd) -> Result<Self> {
        let started = command.spawn().context("cannot run setsid, of util-linux");
        // Reading ends when nobody has the other side any more.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { child: started?, terminal })
    }

    /// What it says, unless that was taken before or is on the terminal.
    pub(super) fn said(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().context("no standard output")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            // It has no group yet if it has only just begun.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Runs the [`program`] until it ends, or for as long as it is watched.
pub(super) fn play(film: &mut Film, command: &mut Command, watched: Option<Duration>) -> Result<()> {
    let mut session = Session::start_shown(command)?;
    let mut reader = File::from(session.terminal.try_clone()?);
    let (sender, pieces) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 16_384];
        // A pseudo terminal whose other side is closed is an error to Linux, and the end to us.
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    let began = Instant::now();
    loop {
        let left = watched.map_or(Duration::MAX, |watched| watched.saturating_sub(began.elapsed()));
        match pieces.recv_timeout(left.min(Duration::from_secs(3600))) {
            Ok(first) => {
                let mut bytes = first;
                thread::sleep(TOGETHER);
                while let Ok(more) = pieces.try_recv() {
                    bytes.extend(more);
                }
                film.shows(&bytes, began.elapsed());
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    if watched.is_none() {
        session.child.wait().context("cannot wait for a shell")?;
    }
    film.ends(began.elapsed());
    Ok(())
}

/// Our side and theirs.
fn pair() -> Result<(OwnedFd, OwnedFd)> {
    let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).context("no pseudo terminal")?;
    // Whoever had our side too would never see the terminal go.
    fcntl_setfd(&own, FdFlags::CLOEXEC).context("no pseudo terminal")?;
    grantpt(&own).context("no pseudo terminal")?;
    unlockpt(&own).context("no pseudo terminal")?;
    let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&own, size).context("no size for the pseudo terminal")?;
    let name = ptsname(&own, Vec::new()).context("no pseudo terminal")?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).context("no pseudo terminal")?;
    Ok((own, theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_started_ends_with_its_session() {
        let mut shell = program("sh");
        let session =
            Session::start_shown(shell.args(["-c", "sleep 1000 & echo begun; sleep 1000"])).unwrap();
        let mut terminal = File::from(session.terminal.try_clone().unwrap());
        let mut said = [0; 64];
        let read = terminal.read(&mut said).unwrap();
        assert_eq!(said[..read].trim_ascii(), b"begun");
        drop(session);
        // Whoever still ran would have the other side open.
        assert!(!matches!(terminal.read(&mut said), Ok(1..)));
    }
}
