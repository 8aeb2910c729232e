//! Over SSH, against a real OpenSSH server on a loopback port.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test may fail")]

mod support;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shipper_git::{Ancestry, PushOutcome, RemoteConfig, RemoteError, Store, StoreError};
use support::{Bed, MAIN, STATE, commit, config};

const SSHD: &str = "/usr/sbin/sshd";

/// An SSH server for the current user, with keys of its own, until dropped.
struct Sshd {
    bed: Bed,
    child: Child,
    port: u16,
    user: String,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keygen(path: &Path) {
    let status = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(status.unwrap().success());
}

impl Sshd {
    fn start() -> Option<Self> {
        if !Path::new(SSHD).exists() {
            eprintln!("SKIPPED: there is no {SSHD}; install openssh-server to test the SSH transport");
            return None;
        }
        let bed = Bed::new();
        let dir = bed.dir.path();
        for key in ["host", "client", "stranger"] {
            keygen(&dir.join(key));
        }
        std::fs::copy(dir.join("client.pub"), dir.join("authorized_keys")).unwrap();
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap().trim().to_owned();
        if user == "root" {
            // Where sshd gives up its rights; the package makes it at boot.
            let _ = std::fs::create_dir_all("/run/sshd");
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized_keys\n\
             PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n",
            dir.display()
        );
        std::fs::write(dir.join("sshd_config"), text).unwrap();
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(dir.join("sshd_config"))
            .stderr(Stdio::from(std::fs::File::create(dir.join("sshd.log")).unwrap()))
            .spawn()
            .unwrap();
        let host = std::fs::read_to_string(dir.join("host.pub")).unwrap();
        std::fs::write(dir.join("known_hosts"), format!("[127.0.0.1]:{port} {host}")).unwrap();
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "sshd does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self { bed, child, port, user })
    }

    fn config(&self, path: &Path) -> RemoteConfig {
        let url = format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, path.display());
        let mut config = config(&url);
        config.ssh.identity_file = Some(self.file("client"));
        config.ssh.known_hosts_file = Some(self.file("known_hosts"));
        config
    }

    fn file(&self, name: &str) -> PathBuf {
        self.bed.dir.path().join(name)
    }

    fn store(&self, name: &str) -> Store {
        Store::open(&self.file(name), self.config(&self.bed.bare)).unwrap()
    }
}

#[test]
fn branches_are_fetched_and_pushed() {
    let Some(sshd) = Sshd::start() else { return };
    let bed = &sshd.bed;
    let zero = bed.seed(MAIN, &[("a", "0")], "zero");
    let one = bed.seed(MAIN, &[("a", "1")], "one");
    let (mut ours, mut theirs) = (sshd.store("ours"), sshd.store("theirs"));
    assert_eq!(ours.fetch(&[MAIN, STATE]).unwrap()[MAIN], Some(one));
    assert!(!ours.contains(zero), "shallow at first");
    let two = bed.seed(MAIN, &[("a", "2")], "two");
    assert_eq!(ours.fetch(&[MAIN]).unwrap()[MAIN], Some(two));
    assert_eq!(ours.is_ancestor(one, two).unwrap(), Ancestry::Descendant);
    assert_eq!(ours.ancestry(zero, two, MAIN).unwrap(), Ancestry::Descendant);
    assert_eq!(ours.remote_heads().unwrap()[MAIN], two);

    let first = commit(&ours, None, "state.yaml", "1");
    assert_eq!(ours.push(STATE, first, None).unwrap(), PushOutcome::Pushed);
    theirs.fetch(&[STATE]).unwrap();
    let second = commit(&theirs, Some(first), "state.yaml", "2");
    assert_eq!(theirs.push(STATE, second, Some(first)).unwrap(), PushOutcome::Pushed);
    let late = commit(&ours, Some(first), "state.yaml", "late");
    assert!(matches!(ours.push(STATE, late, Some(first)).unwrap(), PushOutcome::LostRace { .. }));
    bed.refuse_pushes("not on a Friday");
    let third = commit(&theirs, Some(second), "state.yaml", "3");
    match theirs.push(STATE, third, Some(second)).unwrap() {
        PushOutcome::Refused { detail } => assert!(detail.contains("Friday"), "{detail}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(bed.head(STATE), Some(second));
}

#[test]
fn strangers_unknown_hosts_and_absent_repositories_are_clear_errors() {
    let Some(sshd) = Sshd::start() else { return };
    let fetch = |name: &str, config| match Store::open(&sshd.file(&format!("store-{name}")), config)
        .unwrap()
        .fetch(&[MAIN])
    {
        Err(StoreError::Remote(error)) => error,
        other => panic!("{other:?}"),
    };
    let mut stranger = sshd.config(&sshd.bed.bare);
    stranger.ssh.identity_file = Some(sshd.file("stranger"));
    let error = fetch("stranger", stranger);
    assert!(
        matches!(&error, RemoteError::Ssh { stderr, .. } if stderr.contains("Permission denied")),
        "{error:?}"
    );

    let mut unknown = sshd.config(&sshd.bed.bare);
    unknown.ssh.known_hosts_file = Some(sshd.file("nobody"));
    let error = fetch("unknown", unknown);
    assert!(matches!(&error, RemoteError::Ssh { stderr, .. } if stderr.contains("Host key")), "{error:?}");

    let error = fetch("absent", sshd.config(&sshd.file("it%27s%20not;%20here")));
    assert!(matches!(error, RemoteError::NotFound { .. }), "{error:?}");
}

#[test]
fn a_server_that_says_nothing_meets_the_deadline() {
    let bed = Bed::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(&format!("ssh://x@{}/fleet.git", listener.local_addr().unwrap()));
    config.limits.total = Duration::from_millis(700);
    let mut store = Store::open(&bed.dir.path().join("store"), config).unwrap();
    let started = Instant::now();
    match store.fetch(&[MAIN]) {
        Err(StoreError::Remote(RemoteError::Timeout { what: "total", .. })) => {}
        other => panic!("{other:?}"),
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}
