//! Repositories over SSH, by OpenSSH's own server.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use crate::eventually::within;
use crate::git_repo::Git;
use crate::ports;
use crate::process::{Process, Spec};
use crate::scratch::Scratch;

const START: Duration = Duration::from_secs(20);
const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];

/// An SSH server for the repositories below one directory. It ends when dropped.
#[derive(Debug)]
pub struct SshServer {
    root: PathBuf,
    port: u16,
    user: String,
    process: Process,
    scratch: Scratch,
}

impl SshServer {
    /// Serves the bare repositories below `root` to whoever has the key at [`SshServer::private_key`].
    ///
    /// # Errors
    /// When OpenSSH's server is not installed or does not start.
    pub async fn start(root: &Path) -> Result<Self> {
        let program = PROGRAMS.iter().map(Path::new).find(|path| path.is_file());
        let program =
            program.context("sshd is not installed (Debian and Ubuntu: apt-get install openssh-server)")?;
        let scratch = Scratch::new("ssh")?;
        let port = ports::free()?;
        for name in ["host_key", "user_key"] {
            run(
                "ssh-keygen",
                &["-q", "-t", "ed25519", "-N", "", "-C", "shipper-tests", "-f", name],
                scratch.path(),
            )?;
        }
        fs::copy(scratch.join("user_key.pub"), scratch.join("authorized_keys"))?;
        scratch.write("known_hosts", known_host(&scratch, port)?)?;
        scratch.write("sshd_config", configuration(&scratch, port))?;
        // Run by root, it wants this directory, which no installation without a running service has.
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").context("cannot make /run/sshd")?;
        }
        let process = Spec::new("sshd", program, scratch.path())
            .args(["-D", "-e", "-f"])
            .arg(scratch.join("sshd_config"))
            .start()?;
        let user = run("id", &["-un"], scratch.path())?.trim().to_owned();
        let server = Self { root: root.to_owned(), port, user, process, scratch };
        server.wait_until_answering().await?;
        Ok(server)
    }

    /// Waits until it takes connections, as after [`Process::restart`].
    ///
    /// # Errors
    /// When it ends, or takes none within 20 s.
    pub async fn wait_until_answering(&self) -> Result<()> {
        within(START, async || {
            self.process.ensure_running()?;
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).map(drop).map_err(anyhow::Error::from)
        })
        .await
        .map_err(|error| anyhow!("sshd does not start: {error}"))
    }

    /// The URL of a repository below the root.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, self.root.join(name).display())
    }

    /// The key that opens it, in OpenSSH's format.
    #[must_use]
    pub fn private_key(&self) -> PathBuf {
        self.scratch.join("user_key")
    }

    /// A `known_hosts` file with its host key.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.scratch.join("known_hosts")
    }

    /// The `git` program with this key and host.
    #[must_use]
    pub fn git(&self) -> Git {
        let command = format!(
            "ssh -F none -i {} -o IdentitiesOnly=yes -o UserKnownHostsFile={} -o StrictHostKeyChecking=yes -o BatchMode=yes",
            self.private_key().display(),
            self.known_hosts().display()
        );
        Git::default().env("GIT_SSH_COMMAND", command)
    }

    /// The server's process, to kill and restart.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }
}

fn configuration(scratch: &Scratch, port: u16) -> String {
    let path = |name: &str| scratch.join(name).display().to_string();
    [
        format!("Port {port}"),
        "ListenAddress 127.0.0.1".into(),
        format!("HostKey {}", path("host_key")),
        format!("AuthorizedKeysFile {}", path("authorized_keys")),
        "PidFile none".into(),
        "PasswordAuthentication no".into(),
        "KbdInteractiveAuthentication no".into(),
        "PermitRootLogin prohibit-password".into(),
        // Temporary directories are writable by others.
        "StrictModes no".into(),
        "UsePAM no".into(),
        "AcceptEnv GIT_PROTOCOL".into(),
        "PrintMotd no\n".into(),
    ]
    .join("\n")
}

fn known_host(scratch: &Scratch, port: u16) -> Result<String> {
    let key = fs::read_to_string(scratch.join("host_key.pub"))?;
    Ok(format!("[127.0.0.1]:{port} {key}"))
}

fn run(program: &str, arguments: &[&str], directory: &Path) -> Result<String> {
    let output = Command::new(program).args(arguments).current_dir(directory).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
