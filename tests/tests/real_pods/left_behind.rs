//! A real node ends with the process that started it, and so does all that it has made.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use shipper_tests::eventually::eventually;

use super::skip;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_killed_process_leaves_no_real_node_behind() {
    if !skip::possible("a_killed_process_leaves_no_real_node_behind") {
        return;
    }
    let mut victim = Command::new(env!("CARGO_BIN_EXE_shipper-test-fleet"))
        .args(["1", "real"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the fleet program was built with this test");
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<_> = lines.take_while(|line| !line.starts_with("ready")).collect();
    let first = first(&said);
    // The control group of its pods has the name of its directory.
    let directory = fs::read_link(format!("/proc/{first}/cwd")).unwrap();
    let group = directory.file_name().unwrap().to_owned();
    let network = fs::read_link(format!("/proc/{first}/ns/net")).unwrap();
    assert_ne!(network, fs::read_link("/proc/self/ns/net").unwrap());
    let groups = || -> Vec<_> {
        let hierarchies = fs::read_dir("/sys/fs/cgroup").unwrap().map(|entry| entry.unwrap().path());
        let all = hierarchies.chain(["/sys/fs/cgroup".into()]).map(|path| path.join(&group));
        all.filter(|path| path.exists()).collect()
    };
    assert!(!groups().is_empty(), "{group:?} is nowhere");

    victim.kill().unwrap();
    victim.wait().unwrap();

    eventually(SOON, async || {
        ensure!(groups().is_empty(), "{:?} are left", groups());
        ensure!(!directory.exists(), "{} is left", directory.display());
        let inside = processes_in(&network)?;
        ensure!(inside.is_empty(), "in the network of the node are left: {inside:?}");
        anyhow::Ok(())
    })
    .await;
}

fn first(said: &[String]) -> &str {
    let line = said.iter().find(|line| line.ends_with(" namespaces")).expect("a first process");
    line.split(' ').nth(1).unwrap()
}

fn processes_in(network: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir("/proc").context("cannot list /proc")?.map_while(Result::ok);
    let inside = entries.filter(|entry| {
        fs::read_link(entry.path().join("ns/net")).is_ok_and(|namespace| namespace == network)
    });
    Ok(inside.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}
