//! A real node beside a real control plane: kubelet, container runtime, kube-proxy; pods that run and answer requests.
//!
//! Everything of it lives in namespaces of its own. Its network has no way out; processes and mounts end with its first
//! process, whoever kills that. The API server is where it is for everybody, at its port on 127.0.0.1, which is
//! [forwarded](forward) into the node's network; the same kubeconfig is good on both sides. Requests to the addresses of
//! Services and pods are made from [inside](RealNode::enter).

mod cgroup;
mod forward;
mod image;
mod inside;
mod needs;
mod proxy;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use shipper_toolchain::{NodeTools, Tool};

use crate::eventually::within;
use crate::process::{Process, Spec};
use crate::scratch::Scratch;
use cgroup::Cgroup;
use forward::Forward;
pub use inside::Inside;
pub use needs::impossible;
use needs::{OWN_NAMESPACES, program};
pub use proxy::ProxyView;

const START: Duration = Duration::from_secs(120);
const NAMESPACES: &str = include_str!("real_node/namespaces.sh");
const FILES: [(&str, &str); 4] = [
    ("containerd.toml", include_str!("real_node/containerd.toml")),
    ("kubelet.yaml", include_str!("real_node/kubelet.yaml")),
    ("kube-proxy.yaml", include_str!("real_node/kube-proxy.yaml")),
    ("cni/bridge.conflist", include_str!("real_node/bridge.conflist")),
];
/// Its address in its own network, which is that of the bridge to the pods.
const ADDRESS: &str = "10.1.0.1";

/// A running node. It ends when dropped, with all its pods.
#[derive(Debug)]
pub struct RealNode {
    /// kubelet's process.
    pub kubelet: Process,
    /// The container runtime's process.
    pub containerd: Process,
    /// kube-proxy's process: while it is paused, addresses of Services lead where they led.
    pub kube_proxy: Process,
    _api_server: Forward,
    // After all that runs in it, before what it has made is removed.
    namespaces: Process,
    _cgroup: Cgroup,
    scratch: Scratch,
}

impl RealNode {
    /// Starts a node for the cluster of `kubeconfig`, whose API server listens on `port` of 127.0.0.1. It is there once the
    /// API server says that it is ready.
    ///
    /// # Errors
    /// When a program is missing or does not come up.
    pub(crate) async fn start(name: &str, kubeconfig: &Path, port: u16) -> Result<Self> {
        let tools =
            tokio::task::spawn_blocking(|| NodeTools::find_or_build(&mut std::io::stderr())).await??;
        let scratch = Scratch::new(&format!("{name}-node"))?;
        let cgroup = Cgroup::make(&scratch)?;
        let script = scratch.write("namespaces.sh", NAMESPACES)?;
        let namespaces = Spec::new("namespaces", program("unshare")?, scratch.path())
            .args(OWN_NAMESPACES)
            .arg("/bin/sh")
            .arg(script)
            .start()?;
        within(START, async || {
            namespaces.ensure_running()?;
            ensure!(namespaces.log().lines().any(|line| line == "ready"), "{}", namespaces.log_tail());
            anyhow::Ok(())
        })
        .await
        .map_err(|error| anyhow!("cannot make the namespaces of a node: {error}"))?;
        configure(name, kubeconfig, &tools, &scratch, cgroup.name())?;
        let process =
            |name: &str, program: PathBuf| process_inside(&namespaces, &tools, &scratch, name, program);
        let file = |name: &str| format!("--config={}", scratch.join(name).display());

        let containerd = process("containerd", tools.unpacked("usr/bin/containerd"))?
            .arg(file("containerd.toml"))
            .prepare();
        let kubelet = process("kubelet", tools.path(Tool::Kubelet))?
            .arg(file("kubelet.yaml"))
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .arg(format!("--hostname-override={name}"))
            .arg(format!("--node-ip={ADDRESS}"))
            .arg(format!("--root-dir={}", scratch.join("kubelet").display()))
            .arg(format!("--cert-dir={}", scratch.join("kubelet/pki").display()))
            .prepare();
        let kube_proxy =
            process("kube-proxy", tools.path(Tool::KubeProxy))?.arg(file("kube-proxy.yaml")).prepare();
        let api_server = Forward::start(&Inside::enter(network(&namespaces)?)?, port).await?;
        let node = Self {
            kubelet,
            containerd,
            kube_proxy,
            _api_server: api_server,
            namespaces,
            _cgroup: cgroup,
            scratch,
        };
        node.come_up(&tools).await.with_context(|| format!("node {name} does not start"))?;
        Ok(node)
    }

    async fn come_up(&self, tools: &NodeTools) -> Result<()> {
        let archive = self.scratch.join("images.tar");
        image::write(&archive)?;
        self.containerd.start()?;
        let import =
            process_inside(&self.namespaces, tools, &self.scratch, "import", tools.unpacked("usr/bin/ctr"))?
                .args(["--address", &self.scratch.join("containerd.sock").display().to_string()])
                .args(["--namespace", "k8s.io", "images", "import"])
                .arg(archive)
                .prepare();
        // The runtime does not listen at once.
        within(START, async || {
            self.containerd.ensure_running()?;
            import.start()?;
            let ended = within(START, async || import.ended()?.context("still runs")).await;
            let ended = ended.map_err(|error| anyhow!(error))?;
            ensure!(ended.success(), "import of images: {ended}\n{}", import.log_tail());
            anyhow::Ok(())
        })
        .await
        .map_err(|error| anyhow!(error))?;
        self.kubelet.start()?;
        self.kube_proxy.start()
    }

    /// Fails when a part of it has ended.
    ///
    /// # Errors
    /// When it has; the message holds the end of its log.
    pub fn ensure_running(&self) -> Result<()> {
        [&self.namespaces, &self.containerd, &self.kubelet, &self.kube_proxy]
            .into_iter()
            .try_for_each(Process::ensure_running)
    }

    /// Its first process: all of the node ends with it.
    #[must_use]
    pub fn first_process(&self) -> &Process {
        &self.namespaces
    }

    /// How far its kube-proxy is.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn proxy(&self) -> Result<ProxyView> {
        proxy::look(&self.enter()?).await
    }

    /// A thread in the network of the node, from where addresses of pods and Services are reached.
    ///
    /// # Errors
    /// When the node has ended.
    pub fn enter(&self) -> Result<Inside> {
        Inside::enter(network(&self.namespaces)?)
    }
}

fn configure(
    name: &str,
    kubeconfig: &Path,
    tools: &NodeTools,
    scratch: &Scratch,
    cgroup: &str,
) -> Result<()> {
    fs::create_dir(scratch.join("cni"))?;
    for (file, text) in FILES {
        let text = text
            .replace("$DIRECTORY", &scratch.path().display().to_string())
            .replace("$SYSTEM", &tools.unpacked("").display().to_string())
            .replace("$KUBECONFIG", &kubeconfig.display().to_string())
            .replace("$CGROUP", cgroup)
            .replace("$PAUSE", image::PAUSE)
            .replace("$NODE", name);
        scratch.write(file, text)?;
    }
    Ok(())
}

/// A program in all of the node's namespaces, with the node's own programs and libraries before those of the machine.
fn process_inside(
    namespaces: &Process,
    tools: &NodeTools,
    scratch: &Scratch,
    name: &str,
    path: PathBuf,
) -> Result<Spec> {
    let pid = namespaces.pid().context("the node has ended")?;
    let spec = Spec::new(name, program("nsenter")?, scratch.path())
        .arg(format!("--net=/proc/{pid}/ns/net"))
        .arg(format!("--mount=/proc/{pid}/ns/mnt"))
        .arg(format!("--pid=/proc/{pid}/ns/pid_for_children"))
        .arg(path)
        .env("PATH", paths(tools.programs(), "PATH")?)
        .env("LD_LIBRARY_PATH", paths(tools.libraries(), "LD_LIBRARY_PATH")?);
    Ok(spec)
}

fn paths(first: [PathBuf; 2], variable: &str) -> Result<OsString> {
    let rest = std::env::var_os(variable).filter(|value| !value.is_empty()).unwrap_or_default();
    let rest = std::env::split_paths(&rest).filter(|path| !path.as_os_str().is_empty());
    Ok(std::env::join_paths(first.into_iter().chain(rest))?)
}

fn network(namespaces: &Process) -> Result<PathBuf> {
    let pid = namespaces.pid().context("the node has ended")?;
    Ok(PathBuf::from(format!("/proc/{pid}/ns/net")))
}
