//! SSH by the system's OpenSSH, as git does it: its keys, agents, host checks and configuration just work.
//! No shell on this side, no prompt, and the process never outlives the call.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};

use super::call::Call;
use super::error::RemoteError;
use crate::config::RemoteConfig;
use crate::url::{RepositoryUrl, SshUrl};

/// How much of what ssh says is kept, in bytes.
const STDERR_LIMIT: usize = 8 * 1024;
/// What may be unread when the conversation is over, in bytes.
const WORTH_DRAINING: u64 = 1024 * 1024;

/// The connection of one call.
pub(super) struct SshTransport {
    call: Arc<Call>,
}

impl SshTransport {
    pub(super) fn new(call: Arc<Call>) -> Self {
        Self { call }
    }
}

impl SmartSubtransport for SshTransport {
    fn action(&self, _: &str, action: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let service = match action {
            Service::UploadPackLs | Service::UploadPack => "git-upload-pack",
            Service::ReceivePackLs | Service::ReceivePack => "git-receive-pack",
        };
        let stream = SshStream::open(&self.call, service).map_err(|e| self.call.fail(e))?;
        Ok(Box::new(stream))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// Single quotes for the shell on the other side; `!` apart, because csh expands it even inside quotes.
fn quoted(path: &str) -> String {
    let mut out = String::from("'");
    for c in path.chars() {
        match c {
            '\'' | '!' => {
                out.push_str("'\\");
                out.push(c);
                out.push('\'');
            }
            _ => out.push(c),
        }
    }
    out.push('\'');
    out
}

fn arguments(config: &RemoteConfig, ssh: &SshUrl, service: &str) -> Vec<OsString> {
    let seconds = config.limits.connect.as_secs().max(1);
    let mut args: Vec<OsString> = vec!["-T".into()];
    for option in [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "ClearAllForwardings=yes",
        "ForwardAgent=no",
        "ForwardX11=no",
        "PermitLocalCommand=no",
        &format!("ConnectTimeout={seconds}"),
    ] {
        args.extend(["-o".into(), option.into()]);
    }
    if let Some(file) = &config.ssh.known_hosts_file {
        let mut option = OsString::from("UserKnownHostsFile=");
        option.push(file);
        args.extend(["-o".into(), option, "-o".into(), "GlobalKnownHostsFile=/dev/null".into()]);
    }
    if let Some(file) = &config.ssh.identity_file {
        args.extend(["-o".into(), "IdentitiesOnly=yes".into(), "-i".into(), file.into()]);
    }
    if let Some(port) = ssh.port {
        args.extend(["-p".into(), port.to_string().into()]);
    }
    if let Some(user) = &ssh.user {
        args.extend(["-l".into(), user.into()]);
    }
    args.extend(["--".into(), ssh.host.as_str().into(), format!("{service} {}", quoted(&ssh.path)).into()]);
    args
}

/// One running `ssh`.
struct SshStream {
    call: Arc<Call>,
    child: Arc<Mutex<Child>>,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: Option<JoinHandle<Vec<u8>>>,
    watch: Watch,
}

impl SshStream {
    fn open(call: &Arc<Call>, service: &str) -> Result<Self, RemoteError> {
        let RepositoryUrl::Ssh(ssh) = &call.config.url else {
            return Err(RemoteError::Protocol { url: call.url(), reason: "not an SSH remote".to_owned() });
        };
        call.remaining()?;
        let failed = |e: &str| RemoteError::Ssh { url: call.url(), stderr: format!("cannot start ssh: {e}") };
        let mut child = Command::new("ssh")
            .args(arguments(&call.config, ssh, service))
            .env_remove("SSH_ASKPASS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| failed(&e.to_string()))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(mut stderr)) = pipes else {
            return Err(failed("no pipes"));
        };
        let words = std::thread::spawn(move || {
            let mut kept = Vec::new();
            let mut chunk = [0; 1024];
            while let Ok(n @ 1..) = stderr.read(&mut chunk) {
                kept.extend(chunk.iter().take(n.min(STDERR_LIMIT.saturating_sub(kept.len()))));
            }
            kept
        });
        let child = Arc::new(Mutex::new(child));
        let watch = Watch::start(Arc::clone(call), Arc::clone(&child));
        Ok(Self { call: Arc::clone(call), child, stdin: Some(stdin), stdout, stderr: Some(words), watch })
    }

    /// Why the pipe closed: a limit, or what ssh said. `None` if it ended in peace.
    fn verdict(&mut self) -> Option<RemoteError> {
        let status = loop {
            if self.watch.fired.load(Ordering::SeqCst) {
                return Some(self.call.timed_out());
            }
            // Not `wait`: the watch needs the lock to kill a process that closed its pipe and stays.
            if let Some(status) = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().ok()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        if status.success() {
            return None;
        }
        let words = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).trim().to_owned();
        let url = self.call.url();
        Some(if words.contains("does not appear to be a git repository") {
            RemoteError::NotFound { url }
        } else if words.is_empty() {
            RemoteError::Ssh { url, stderr: status.to_string() }
        } else {
            RemoteError::Ssh { url, stderr: words }
        })
    }
}

impl Read for SshStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stdout.read(buffer)?;
        if read == 0 {
            return self.verdict().map_or(Ok(0), |error| Err(self.call.fail_io(error)));
        }
        self.watch.touch();
        self.call.count(read).map_err(|e| self.call.fail_io(e))?;
        Ok(read)
    }
}

impl Write for SshStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let Some(stdin) = &mut self.stdin else { return Err(io::ErrorKind::BrokenPipe.into()) };
        match stdin.write(buffer) {
            Ok(written) => {
                self.watch.touch();
                Ok(written)
            }
            Err(error) => match self.verdict() {
                Some(verdict) => Err(self.call.fail_io(verdict)),
                None => Err(error),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdin.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for SshStream {
    fn drop(&mut self) {
        self.stdin = None;
        if !self.call.has_failed() {
            // Hooks that run after a push still talk to us; the watch ends it if they never finish.
            let _ = io::copy(&mut self.stdout.by_ref().take(WORTH_DRAINING), &mut io::sink());
        }
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Kills the process when a limit passes; a read on a pipe has no timeout of its own.
struct Watch {
    fired: Arc<AtomicBool>,
    started: Instant,
    /// Milliseconds after `started` of the last byte.
    last: Arc<AtomicU64>,
    _stop: Sender<()>,
}

impl Watch {
    fn start(call: Arc<Call>, child: Arc<Mutex<Child>>) -> Self {
        let (stop, stopped) = channel::<()>();
        let started = Instant::now();
        let (fired, last) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let watch = Self { fired: Arc::clone(&fired), started, last: Arc::clone(&last), _stop: stop };
        std::thread::spawn(move || {
            loop {
                let quiet =
                    started.elapsed().saturating_sub(Duration::from_millis(last.load(Ordering::SeqCst)));
                let left = call.limits().idle.saturating_sub(quiet).min(call.remaining().unwrap_or_default());
                if left.is_zero() {
                    break;
                }
                if stopped.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
            fired.store(true, Ordering::SeqCst);
            let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
        });
        watch
    }

    fn touch(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_reaches_the_other_shell_as_one_word() {
        assert_eq!(quoted("/srv/it's!.git"), r"'/srv/it'\''s'\!'.git'");
    }

    #[test]
    fn the_host_comes_after_all_options_and_nothing_prompts() {
        let config = RemoteConfig::new("ssh://git@host:2222/r;rm".parse().unwrap());
        let RepositoryUrl::Ssh(ssh) = &config.url else { panic!() };
        let args = arguments(&config, ssh, "git-upload-pack");
        let end = args.iter().position(|a| a == "--").unwrap();
        assert_eq!(args[end + 1..], [OsString::from("host"), "git-upload-pack '/r;rm'".into()]);
        assert!(args[..end].contains(&"BatchMode=yes".into()));
    }
}
