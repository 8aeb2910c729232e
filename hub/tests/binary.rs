//! `shipper-hub` as a process: exit codes, help, signals.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

fn hub(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shipper-hub"));
    command.args(args).env_clear().stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn output(args: &[&str]) -> (Option<i32>, String, String) {
    let output = hub(args).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn help_shows_examples_and_is_no_error() {
    let (code, stdout, _) = output(&["--help"]).await;
    assert_eq!(code, Some(0));
    assert!(stdout.contains("Example: ") && stdout.contains("SHIPPER_AGENT_TOKENS"), "{stdout}");
}

#[tokio::test]
async fn wrong_flags_and_files_are_64() {
    let (code, _, stderr) = output(&["--no-such-flag"]).await;
    assert_eq!(code, Some(64), "{stderr}");
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let base = ["--repository", "./fleet.git", "--data-dir", data, "--listen", "127.0.0.1:0"];
    let (code, _, stderr) = output(&[&base[..], &["--agent-tokens", "/no/such/file"]].concat()).await;
    assert_eq!(code, Some(64));
    assert!(stderr.contains("/no/such/file"), "{stderr}");
    let (code, _, stderr) = output(&[&base[2..], &["--repository", "ftp://example.com/x"]].concat()).await;
    assert_eq!(code, Some(64));
    assert!(stderr.contains("--repository"), "{stderr}");
}

#[tokio::test]
async fn it_logs_json_and_stops_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let repository = directory.path().join("fleet.git");
    let flags = ["--data-dir", data, "--listen", "127.0.0.1:0", "--log-format", "json", "--repository"];
    let mut child = hub(&[&flags[..], &[repository.to_str().unwrap()]].concat()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let serves = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("it logs that it serves");
            let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
            if entry["message"] == "the hub serves" {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), serves).await.expect("it serves, and says so");
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    let status = tokio::time::timeout(Duration::from_secs(10), child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
}
