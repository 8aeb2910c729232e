//! `cargo xtask demo --real`: the demo on real control planes, as far as it goes by itself and one command further.

use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use shipper_tests::daemon;
use shipper_tests::eventually::eventually;
use shipper_tests::git_repo::Checkout;
use shipper_tests::process::{Process, Spec};
use shipper_tests::scratch::Scratch;
use tokio::process::Command;
use tokio::task::spawn_blocking;

/// Four control planes come up in it, on a busy machine.
const AT_LENGTH: Duration = Duration::from_secs(240);
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_demo_rolls_out_on_real_control_planes() {
    shipper_tests::init();
    let scratch = Scratch::new("demo").unwrap();
    let temporary = scratch.join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let demo = Spec::new("demo", env!("CARGO_BIN_EXE_shipper-test-demo"), scratch.path())
        .args(["--listen", "127.0.0.1:0"])
        .env("TMPDIR", &temporary)
        .env("NO_COLOR", "1")
        .start()
        .unwrap();
    says(&demo, "Your turn: ", AT_LENGTH).await;
    let kubeconfigs = kubeconfigs(&demo.log());
    assert_eq!(kubeconfigs.len(), 4, "{}", demo.log());
    let canary = ready(&kubeconfigs, "1.1.0").await.unwrap();
    assert!(canary > 0, "the new release is nowhere");

    let clone = said(&demo.log(), "git clone ").unwrap();
    let url = clone.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let desk = Checkout::clone(url).unwrap();
    let hub = said(&demo.log(), "export SHIPPER_HUB=").unwrap();
    let hub = hub.split_once("SHIPPER_HUB=").unwrap().1.trim();
    let kubectl = Kubectl::with_plugin(scratch.join("bin")).await.unwrap();
    let kubectl = async |arguments: &[&str]| kubectl.run(desk.path(), hub, arguments).await.unwrap();
    assert!(kubectl(&["plugin", "list"]).await.0.contains("kubectl-shipper"));
    let (offered, _) = kubectl(&["__complete", "shipper", "promote", "web/"]).await;
    assert!(offered.lines().any(|line| line == "web/hello"), "{offered}");
    let (refused, code) = kubectl(&["shipper", "promote", "web/helo"]).await;
    assert!(code == Some(3) && refused.contains("web/hello"), "{code:?} {refused}");
    let (promoted, code) = kubectl(&["shipper", "promote", "web/hello"]).await;
    assert_eq!(code, Some(0), "{promoted}");
    says(&demo, "step half done: waits for command", SOON).await;
    assert!(ready(&kubeconfigs, "1.1.0").await.unwrap() > canary);

    assert!(demo.terminate(SOON).await.unwrap().success(), "{}", demo.log_tail());
    eventually(SOON, async || {
        let left = std::fs::read_dir(&temporary)?.collect::<std::io::Result<Vec<_>>>()?;
        ensure!(left.is_empty(), "left: {left:?}");
        anyhow::Ok(())
    })
    .await;
}

async fn says(demo: &Process, words: &str, deadline: Duration) {
    eventually(deadline, async || {
        demo.ensure_running()?;
        ensure!(said(&demo.log(), words).is_some(), "it does not say {words:?}:\n{}", demo.log());
        anyhow::Ok(())
    })
    .await;
}

fn said(log: &str, words: &str) -> Option<String> {
    log.lines().find(|line| line.contains(words)).map(str::to_owned)
}

/// kubectl, with shipperctl as its plugin as the help of `shipperctl completion` has it.
struct Kubectl {
    program: PathBuf,
    path: OsString,
}

impl Kubectl {
    async fn with_plugin(folder: PathBuf) -> Result<Self> {
        let shipperctl = daemon::binary("shipperctl")?;
        std::fs::create_dir(&folder)?;
        symlink(&shipperctl, folder.join("kubectl-shipper"))?;
        let script = Command::new(&shipperctl).args(["completion", "kubectl"]).output().await?;
        let completion = folder.join("kubectl_complete-shipper");
        std::fs::write(&completion, script.stdout)?;
        std::fs::set_permissions(&completion, Permissions::from_mode(0o755))?;
        let program = spawn_blocking(|| shipper_toolchain::kubectl(&mut std::io::stderr())).await??;
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&others)))?;
        Ok(Self { program, path })
    }

    /// What it says, and the code it ends with.
    async fn run(&self, desk: &Path, hub: &str, arguments: &[&str]) -> Result<(String, Option<i32>)> {
        let author = [("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")];
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(desk)
            .env("PATH", &self.path)
            .env("SHIPPER_HUB", hub)
            .envs(author);
        let done = command.output().await?;
        let said = [done.stdout, done.stderr].concat();
        Ok((String::from_utf8_lossy(&said).into_owned(), done.status.code()))
    }
}

/// Those that it tells people to use.
fn kubeconfigs(log: &str) -> Vec<String> {
    let words = log.split_whitespace().filter(|word| word.ends_with("/kubeconfig"));
    let mut found: Vec<String> =
        words.map(|word| word.trim_start_matches("--kubeconfig=").to_owned()).collect();
    found.sort();
    found.dedup();
    found
}

/// Ready pods with a version of the image, over all clusters.
async fn ready(kubeconfigs: &[String], version: &str) -> Result<i32> {
    let mut ready = 0;
    for path in kubeconfigs {
        let config = Kubeconfig::read_from(Path::new(path)).with_context(|| path.clone())?;
        let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
        let deployments: Api<Deployment> = Api::namespaced(Client::try_from(config)?, "web");
        for deployment in deployments.list(&ListParams::default()).await? {
            let images = deployment.spec.and_then(|spec| spec.template.spec).into_iter();
            let images = images.flat_map(|pods| pods.containers).filter_map(|container| container.image);
            if images.into_iter().any(|image| image.ends_with(version)) {
                ready += deployment.status.and_then(|status| status.ready_replicas).unwrap_or(0);
            }
        }
    }
    Ok(ready)
}
