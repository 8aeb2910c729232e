//! One Kubernetes cluster: a real control plane, and kwok in the place of kubelets, or a real node.

mod control_plane;
mod kubeconfig;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{Api, PostParams};
use kube::{Client, Config};
use serde_json::{Value, json};
use shipper_toolchain::Toolchain;

use crate::etcd::Etcd;
use crate::eventually::within;
use crate::process::Process;
use crate::real_node::RealNode;
use crate::scratch::Scratch;
use crate::{nodes, ports};
use control_plane::ControlPlane;

/// Generous, because a machine that builds and tests at once is slow.
const START: Duration = Duration::from_secs(120);

/// What a cluster is to be like.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its name in kubeconfigs, logs and messages.
    pub name: String,
    /// How many nodes it has that kwok plays, each with room for 256 pods.
    pub nodes: usize,
    /// Whether it has a real node too.
    pub real_node: bool,
    /// Whether the API server writes down every request ([`Cluster::audit_events`]).
    pub audit: bool,
}

impl Options {
    /// A cluster of three nodes without an audit log.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), nodes: 3, real_node: false, audit: false }
    }

    /// A cluster whose only node is real, without an audit log. There may be a reason why that is [impossible](crate::real_node::impossible).
    #[must_use]
    pub fn with_real_node(name: &str) -> Self {
        Self { nodes: 0, real_node: true, ..Self::named(name) }
    }
}

/// A running cluster. Its processes end when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    // Before the files that it uses.
    real_node: Option<RealNode>,
    options: Options,
    port: u16,
    kubeconfig: String,
    kubeconfig_path: PathBuf,
    control_plane: ControlPlane,
    etcd: Arc<Etcd>,
    scratch: Scratch,
}

impl Cluster {
    /// Starts a cluster with an etcd of its own and waits until pods can run in it.
    ///
    /// # Errors
    /// When a program is missing or does not come up; the message holds the end of its log.
    pub async fn start(options: Options) -> Result<Self> {
        let tools = tools().await?;
        let etcd = Arc::new(Etcd::start(&tools).await?);
        Self::start_on(options, &tools, etcd).await
    }

    pub(crate) async fn start_on(options: Options, tools: &Toolchain, etcd: Arc<Etcd>) -> Result<Self> {
        let scratch = Scratch::new(&options.name)?;
        let port = ports::free()?;
        let (control_plane, ca) = ControlPlane::configure(&options, tools, etcd.url(), &scratch, port)?;
        let kubeconfig = kubeconfig::write(&options.name, port, &ca, control_plane::ADMIN_TOKEN);
        let kubeconfig_path = scratch.write(control_plane::KUBECONFIG, &kubeconfig)?;
        let mut cluster = Self {
            real_node: None,
            options,
            port,
            kubeconfig,
            kubeconfig_path,
            control_plane,
            etcd,
            scratch,
        };
        let come_up = cluster.come_up().await;
        come_up.with_context(|| format!("cluster {} does not start", cluster.options.name))?;
        Ok(cluster)
    }

    async fn come_up(&mut self) -> Result<()> {
        self.control_plane.api_server.start()?;
        self.wait_until_answering().await?;
        self.control_plane.start_clients()?;
        let client = self.client().await?;
        nodes::create(&client, self.options.nodes).await?;
        if self.options.real_node {
            let name = format!("node-of-{}", self.options.name);
            self.real_node = Some(RealNode::start(&name, &self.kubeconfig_path, self.port).await?);
        }
        let count = self.options.nodes + usize::from(self.options.real_node);
        within(START, async || {
            self.control_plane.ensure_running()?;
            self.real_node.iter().try_for_each(RealNode::ensure_running)?;
            nodes::ensure_schedulable(&client, count).await?;
            ensure_default_account(&client, "default").await
        })
        .await
        .map_err(|error| anyhow!(error))
    }

    /// Waits until the API server says that it is ready, as after [`Process::restart`] of it.
    ///
    /// # Errors
    /// When it ends, or is not ready within two minutes.
    pub async fn wait_until_answering(&self) -> Result<()> {
        let client = self.client().await?;
        let request = http_get("/readyz")?;
        within(START, async || {
            self.control_plane.api_server.ensure_running()?;
            Ok::<_, anyhow::Error>(client.request_text(request.clone()).await?)
        })
        .await
        .map_err(|error| anyhow!("the API server is not ready: {error}"))?;
        Ok(())
    }

    /// The name it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// A new client with all rights. Each test needs its own, because a client belongs to the runtime that made it.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used, which would be a defect of the harness.
    pub async fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config().await?)?)
    }

    /// What [`Cluster::client`] is made from.
    ///
    /// # Errors
    /// As [`Cluster::client`].
    pub async fn config(&self) -> Result<Config> {
        kubeconfig::client_config(&self.kubeconfig).await
    }

    /// A kubeconfig with all rights.
    #[must_use]
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig_path
    }

    /// The API server's process, to kill, pause and restart.
    #[must_use]
    pub fn api_server(&self) -> &Process {
        &self.control_plane.api_server
    }

    /// The controller manager's process: while it is paused, no Deployment or EndpointSlice moves.
    #[must_use]
    pub fn controller_manager(&self) -> &Process {
        &self.control_plane.controller_manager
    }

    /// The scheduler's process.
    #[must_use]
    pub fn scheduler(&self) -> &Process {
        &self.control_plane.scheduler
    }

    /// kwok's process: while it is paused, no pod changes.
    #[must_use]
    pub fn kwok(&self) -> &Process {
        &self.control_plane.kwok
    }

    /// The process of the etcd behind this cluster, which others may share.
    #[must_use]
    pub fn etcd(&self) -> &Process {
        self.etcd.process()
    }

    /// Its real node.
    ///
    /// # Errors
    /// When it has none; see [`Options::real_node`].
    pub fn real_node(&self) -> Result<&RealNode> {
        self.real_node.as_ref().with_context(|| format!("{} has no real node", self.options.name))
    }

    /// Creates a namespace and waits until pods can be created in it.
    ///
    /// # Errors
    /// When it exists already or cannot be created.
    pub async fn create_namespace(&self, name: &str) -> Result<()> {
        let client = self.client().await?;
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
        within(START, || ensure_default_account(&client, name)).await.map_err(|error| anyhow!(error))
    }

    /// The requests that the API server has answered so far, about a namespace or about everything, as audit events; see
    /// [`Options::audit`].
    ///
    /// # Errors
    /// When the cluster was started without an audit log.
    pub fn audit_events(&self, namespace: Option<&str>) -> Result<Vec<Value>> {
        let path = self.scratch.join(control_plane::AUDIT_LOG);
        let text = fs::read_to_string(&path).context("this cluster has no audit log (Options::audit)")?;
        let about =
            |event: &Value| event.pointer("/objectRef/namespace").and_then(Value::as_str) == namespace;
        // Parsing a line takes long beside looking for a word in it.
        let lines = text.lines().filter(|line| namespace.is_none_or(|namespace| line.contains(namespace)));
        // The last line may still be being written.
        let events = lines.filter_map(|line| serde_json::from_str(line).ok());
        Ok(events.filter(|event| namespace.is_none() || about(event)).collect())
    }
}

/// The toolchain, which may have to be built first.
pub(crate) async fn tools() -> Result<Toolchain> {
    tokio::task::spawn_blocking(|| Toolchain::find_or_build(&mut std::io::stderr()))
        .await?
        .map_err(Into::into)
}

async fn ensure_default_account(client: &Client, namespace: &str) -> Result<()> {
    Api::<ServiceAccount>::namespaced(client.clone(), namespace).get("default").await?;
    Ok(())
}

fn http_get(path: &str) -> Result<axum::http::Request<Vec<u8>>> {
    Ok(axum::http::Request::get(path).body(Vec::new())?)
}
