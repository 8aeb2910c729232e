//! The processes of one cluster, and how they are told of each other.

use std::path::Path;

use anyhow::Result;
use serde_json::json;
use shipper_toolchain::{Tool, Toolchain};

use super::Options;
use crate::pki::Pki;
use crate::process::{Process, Spec};
use crate::scratch::Scratch;
use crate::stages;

pub(super) const ADMIN_TOKEN: &str = "admin-token";
pub(super) const AUDIT_LOG: &str = "audit.log";
pub(super) const KUBECONFIG: &str = "kubeconfig";

/// Real nodes may stand beside those that kwok plays.
const NODES_OF_KWOK: &str = "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake";
/// Rates far above what a test asks for, so that it measures Shipper and not a client-side limit.
const RATE_LIMITS: [&str; 2] = ["--kube-api-qps=500", "--kube-api-burst=1000"];

#[derive(Debug)]
pub(super) struct ControlPlane {
    pub(super) api_server: Process,
    pub(super) controller_manager: Process,
    pub(super) scheduler: Process,
    pub(super) kwok: Process,
}

impl ControlPlane {
    /// Writes the files and says what will run, without running it. Returns the certificate authority too.
    pub(super) fn configure(
        options: &Options,
        tools: &Toolchain,
        etcd: &str,
        scratch: &Scratch,
        port: u16,
    ) -> Result<(Self, String)> {
        let spec = |tool: Tool| Spec::new(tool.name(), tools.path(tool), scratch.path());
        let pki = Pki::generate()?;
        let ca = scratch.write("ca.crt", &pki.ca)?;
        let account_key = scratch.write("service-accounts.key", &pki.service_account_key)?;

        let api_server = spec(Tool::KubeApiserver)
            .args(api_server_arguments(&options.name, etcd, port))
            .arg(file("--tls-cert-file", &scratch.write("apiserver.crt", &pki.certificate)?))
            .arg(file("--tls-private-key-file", &scratch.write("apiserver.key", &pki.key)?))
            .arg(file("--service-account-signing-key-file", &account_key))
            .arg(file(
                "--service-account-key-file",
                &scratch.write("service-accounts.pub", &pki.service_account_public_key)?,
            ))
            .arg(file(
                "--token-auth-file",
                &scratch.write("tokens.csv", format!("{ADMIN_TOKEN},admin,admin,system:masters\n"))?,
            ))
            .args(audit_arguments(options, scratch)?);
        let controller_manager = spec(Tool::KubeControllerManager)
            // The node lifecycle controller is among them: it takes the not-ready taint off the nodes.
            .args(["--kubeconfig=kubeconfig", "--controllers=*", "--leader-elect=false", "--secure-port=0"])
            .arg(file("--service-account-private-key-file", &account_key))
            .arg(file("--root-ca-file", &ca))
            .args(RATE_LIMITS);
        let scheduler = spec(Tool::KubeScheduler)
            .args(["--kubeconfig=kubeconfig", "--leader-elect=false", "--secure-port=0"])
            .args(RATE_LIMITS);
        let kwok = spec(Tool::Kwok)
            .args(["--kubeconfig=kubeconfig", NODES_OF_KWOK, "--cidr=10.1.0.0/16", "--node-ip=10.2.0.1"])
            .arg("--node-lease-duration-seconds=40")
            .arg(file("--config", &scratch.write("stages.yaml", stages::config())?));

        let control_plane = Self {
            api_server: api_server.prepare(),
            controller_manager: controller_manager.prepare(),
            scheduler: scheduler.prepare(),
            kwok: kwok.prepare(),
        };
        Ok((control_plane, pki.ca))
    }

    /// Starts what needs the API server.
    pub(super) fn start_clients(&self) -> Result<()> {
        [&self.controller_manager, &self.scheduler, &self.kwok].into_iter().try_for_each(Process::start)
    }

    pub(super) fn ensure_running(&self) -> Result<()> {
        [&self.api_server, &self.controller_manager, &self.scheduler, &self.kwok]
            .into_iter()
            .try_for_each(Process::ensure_running)
    }
}

fn api_server_arguments(name: &str, etcd: &str, port: u16) -> Vec<String> {
    vec![
        format!("--etcd-servers={etcd}"),
        format!("--etcd-prefix=/{name}"),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        "--authorization-mode=RBAC".into(),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        "--service-cluster-ip-range=10.0.0.0/16".into(),
        // There is no address that pods could reach the API server by.
        "--endpoint-reconciler-type=none".into(),
        "--allow-privileged=true".into(),
        "--profiling=false".into(),
    ]
}

fn audit_arguments(options: &Options, scratch: &Scratch) -> Result<Vec<String>> {
    if !options.audit {
        return Ok(Vec::new());
    }
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata"}],
    });
    let policy = scratch.write("audit-policy.yaml", policy.to_string())?;
    Ok(vec![file("--audit-policy-file", &policy), file("--audit-log-path", &scratch.join(AUDIT_LOG))])
}

fn file(option: &str, path: &Path) -> String {
    format!("{option}={}", path.display())
}
