//! What the other tests rely on: a server outlives a stop with all it holds, and nothing outlives whoever started it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shipper_test_postgres::{Server, possible};

/// Tells the child of a test that it is one.
const CHILD: &str = "SHIPPER_TEST_POSTGRES_CHILD";

fn socket(directory: &Path) -> PathBuf {
    directory.join(".s.PGSQL.5432")
}

#[test]
fn a_server_starts_again_with_what_it_held_and_leaves_nothing() {
    if !possible("a_server_starts_again_with_what_it_held_and_leaves_nothing") {
        return;
    }
    let server = Server::start().unwrap();
    let directory = server.directory().to_owned();
    assert_ne!(server.database().unwrap(), server.database().unwrap());
    server.stop().unwrap();
    assert!(server.database().is_err(), "it does not run");
    server.start_again().unwrap();
    assert!(server.start_again().is_err(), "it runs already");
    server.database().unwrap();
    drop(server);
    assert!(!directory.exists());
}

#[test]
fn a_server_ends_with_a_process_that_is_killed() {
    const NAME: &str = "a_server_ends_with_a_process_that_is_killed";
    if std::env::var_os(CHILD).is_some() {
        let server = Server::start().unwrap();
        println!("serves in {}", server.directory().display());
        loop {
            std::thread::park();
        }
    }
    if !possible(NAME) {
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let directory = lines
        .find_map(|line| line.unwrap().split_once("serves in ").map(|(_, place)| PathBuf::from(place)))
        .unwrap();
    assert!(socket(&directory).exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while directory.exists() {
        assert!(Instant::now() < end, "{} is still there", directory.display());
        std::thread::sleep(Duration::from_millis(50));
    }
}
