//! A program in a pseudo terminal, and what it does to the screen as time goes by.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::film::{COLUMNS, Film, ROWS};

/// What comes within that time is one picture.
const TOGETHER: Duration = Duration::from_millis(60);

/// Runs the program until it ends, or for as long as it is watched; then it is asked to end as Ctrl-C does.
pub(super) fn play(film: &mut Film, command: &mut Command, watched: Option<Duration>) -> Result<()> {
    let (own, theirs) = pair()?;
    let end = || theirs.try_clone().map(Stdio::from);
    command.stdin(end()?).stdout(end()?).stderr(end()?);
    let mut child = command.spawn().context("cannot run a shell")?;
    // Reading ends when nobody has the other side any more.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    drop(theirs);
    let (sender, pieces) = channel();
    let mut reader = File::from(own);
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
    if watched.is_some() {
        // The shell has put itself in the place of its only command, or ends with it.
        let _ = child.kill();
    }
    child.wait().context("cannot wait for a shell")?;
    film.ends(began.elapsed());
    Ok(())
}

/// Our side and theirs.
fn pair() -> Result<(OwnedFd, OwnedFd)> {
    let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).context("no pseudo terminal")?;
    grantpt(&own).context("no pseudo terminal")?;
    unlockpt(&own).context("no pseudo terminal")?;
    let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&own, size).context("no size for the pseudo terminal")?;
    let name = ptsname(&own, Vec::new()).context("no pseudo terminal")?;
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let theirs = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).context("no pseudo terminal")?;
    Ok((own, theirs))
}
