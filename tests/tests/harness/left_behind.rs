//! What was started ends with the process that started it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use shipper_tests::eventually::eventually;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_killed_process_leaves_no_cluster_behind() {
    let mut victim = Command::new(env!("CARGO_BIN_EXE_shipper-test-fleet"))
        .arg("1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the fleet program was built with this test");
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<_> = lines.take_while(|line| !line.starts_with("ready")).collect();
    let pids: Vec<&str> =
        said.iter().filter_map(|line| line.strip_prefix("process ")?.split(' ').next()).collect();
    let kubeconfig = said.iter().find_map(|line| line.strip_prefix("kubeconfig ")).expect("a kubeconfig");
    assert_eq!(pids.len(), 5, "{said:?}");
    assert!(pids.iter().all(|pid| is_alive(pid)), "{said:?}");
    assert!(Path::new(kubeconfig).is_file());

    victim.kill().unwrap();
    victim.wait().unwrap();

    eventually(SOON, async || ensure_gone(&said, &pids, kubeconfig)).await;
}

fn ensure_gone(said: &[String], pids: &[&str], kubeconfig: &str) -> Result<()> {
    let left: Vec<_> = pids.iter().filter(|pid| is_alive(pid)).collect();
    ensure!(left.is_empty(), "{left:?} of {said:?} are alive");
    ensure!(!Path::new(kubeconfig).exists(), "{kubeconfig} still exists");
    Ok(())
}

/// A zombie counts as dead: what collects it is not ours.
fn is_alive(pid: &str) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().expect("ps is installed");
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}
