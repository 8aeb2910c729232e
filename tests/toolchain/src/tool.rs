//! The tools, where their source is, and how a binary of the right version is told from another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// A program that the tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The store behind every API server.
    Etcd,
    /// The Kubernetes API server.
    KubeApiserver,
    /// The Kubernetes controllers.
    KubeControllerManager,
    /// The Kubernetes scheduler.
    KubeScheduler,
    /// Plays nodes and the life of their pods.
    Kwok,
    /// Renders and packs charts.
    Helm,
    /// Runs the pods of a real node.
    Kubelet,
    /// Brings requests to the address of a Service to its pods, on a real node.
    KubeProxy,
    /// What people type, which finds plugins by their names.
    Kubectl,
    /// Answers the queries of analyses.
    Prometheus,
    /// Tries alerts on series that are given.
    Promtool,
    /// A Git host.
    Gitea,
    /// Takes in traces and writes them to a file: an OpenTelemetry Collector with these two components.
    Collector,
    /// Reads dashboards by the schema that Grafana publishes.
    Dashboards,
}

impl Tool {
    /// What a cluster without real nodes needs, and Helm, in the order in which they are built.
    pub const ALL: [Self; 6] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kwok,
        Self::Helm,
    ];

    /// What a real node needs besides, and what is not built ([`crate::NodeTools`]).
    pub const NODE: [Self; 2] = [Self::Kubelet, Self::KubeProxy];

    /// The name of the binary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kwok => "kwok",
            Self::Helm => "helm",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
            Self::Kubectl => "kubectl",
            Self::Prometheus => "prometheus",
            Self::Promtool => "promtool",
            Self::Gitea => "gitea",
            Self::Collector => "otelcol",
            Self::Dashboards => "dashboards",
        }
    }

    /// The Go package that holds its `main`.
    pub(crate) const fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::KubeScheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Self::Kwok => "sigs.k8s.io/kwok/cmd/kwok",
            Self::Helm => "helm.sh/helm/v4/cmd/helm",
            Self::Kubelet => "k8s.io/kubernetes/cmd/kubelet",
            Self::KubeProxy => "k8s.io/kubernetes/cmd/kube-proxy",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::Prometheus => "github.com/prometheus/prometheus/cmd/prometheus",
            Self::Promtool => "github.com/prometheus/prometheus/cmd/promtool",
            Self::Gitea | Self::Collector | Self::Dashboards => ".",
        }
    }

    pub(crate) const fn module(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver
            | Self::KubeControllerManager
            | Self::KubeScheduler
            | Self::Kubelet
            | Self::KubeProxy
            | Self::Kubectl => "k8s.io/kubernetes",
            Self::Kwok => "sigs.k8s.io/kwok",
            Self::Helm => "helm.sh/helm/v4",
            Self::Prometheus | Self::Promtool => "github.com/prometheus/prometheus",
            Self::Gitea => "code.gitea.io/gitea",
            Self::Collector => "go.opentelemetry.io/collector/otelcol",
            Self::Dashboards => "github.com/grafana/grafana-foundation-sdk/go",
        }
    }

    /// The directory with the `go.mod` that pins it.
    pub(crate) fn source(self) -> PathBuf {
        let group = match self {
            Self::Kwok | Self::Helm => "addons",
            Self::Kubectl => "kubectl",
            Self::Prometheus | Self::Promtool => "prometheus",
            Self::Gitea => "gitea",
            Self::Collector => "collector",
            Self::Dashboards => "dashboards",
            _ => "kubernetes",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join(group)
    }

    /// The files there that decide what is built. Where the `main` is ours, it is one of them.
    pub(crate) const fn files(self) -> &'static [&'static str] {
        match self {
            Self::Collector | Self::Dashboards => &["go.mod", "go.sum", "main.go"],
            _ => &["go.mod", "go.sum"],
        }
    }

    /// The version that `go.mod` pins, with its leading `v`.
    pub(crate) fn version(self) -> Result<String, Error> {
        let path = self.source().join("go.mod");
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        required_version(&text, self.module())
            .map(ToOwned::to_owned)
            .ok_or_else(|| Error::NotPinned { path, module: self.module() })
    }

    /// Build tags, with commas between.
    pub(crate) const fn tags(self) -> Option<&'static str> {
        match self {
            Self::Prometheus | Self::Promtool => Some("remove_all_sd"),
            Self::Gitea => Some("sqlite,sqlite_unlock_notify"),
            _ => None,
        }
    }

    /// Whether parts of it are in C.
    pub(crate) const fn needs_c(self) -> bool {
        matches!(self, Self::Gitea)
    }

    /// Whether its own module replaces others, which counts only where that module is the one that is built: ours pins it alone, and it
    /// pins the rest.
    pub(crate) const fn is_main_module(self) -> bool {
        matches!(self, Self::Gitea)
    }

    /// What the linker is told. Without the version, clients and charts see v0.0.0 or half a version.
    pub(crate) fn linker_flags(self) -> Result<String, Error> {
        let version = self.version()?;
        let stamp = match self {
            Self::KubeApiserver
            | Self::KubeControllerManager
            | Self::KubeScheduler
            | Self::Kubelet
            | Self::KubeProxy
            | Self::Kubectl => {
                let mut parts = version.trim_start_matches('v').split('.');
                let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                let package = "k8s.io/component-base/version";
                format!(
                    " -X {package}.gitVersion={version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
                )
            }
            Self::Helm => format!(" -X helm.sh/helm/v4/internal/version.version={version}"),
            Self::Prometheus | Self::Promtool => {
                let number = version.trim_start_matches('v');
                format!(" -X github.com/prometheus/common/version.Version={number}")
            }
            Self::Gitea => format!(" -X main.Version={}", version.trim_start_matches('v')),
            Self::Collector => format!(" -X main.version={}", version.trim_start_matches('v')),
            Self::Etcd | Self::Kwok | Self::Dashboards => String::new(),
        };
        Ok(format!("-s -w{stamp}"))
    }

    /// Whether the binary at `path` says that it is of the pinned version.
    pub(crate) fn is_pinned_version(self, path: &Path) -> Result<bool, Error> {
        let wanted = self.version()?;
        let arguments: &[&str] = match self {
            Self::Helm => &["version"],
            Self::Kubectl => &["version", "--client"],
            _ => &["--version"],
        };
        let output = Command::new(path).args(arguments).output().map_err(Error::io("run", path))?;
        Ok(output.status.success() && names_version(&String::from_utf8_lossy(&output.stdout), &wanted))
    }
}

fn required_version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod
        .lines()
        .map(|line| line.trim().trim_start_matches("require "))
        .filter(|line| !line.contains("=>"))
        .find_map(|line| line.strip_prefix(module)?.strip_prefix(' ')?.split_whitespace().next())
}

fn names_version(output: &str, wanted: &str) -> bool {
    output
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'))
        .any(|word| word.trim_start_matches('v') == wanted.trim_start_matches('v'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_pinned() {
        let others =
            [Tool::Kubectl, Tool::Prometheus, Tool::Promtool, Tool::Gitea, Tool::Collector, Tool::Dashboards];
        for tool in Tool::ALL.into_iter().chain(Tool::NODE).chain(others) {
            let version = tool.version().unwrap();
            assert!(
                version.starts_with('v') && version.matches('.').count() == 2,
                "{tool:?} is at {version}"
            );
        }
    }

    #[test]
    fn a_replaced_module_does_not_pass_for_a_pin() {
        let text =
            "replace a.b/c => a.b/c v9.9.9\nrequire (\n\ta.b/c/d v2.0.0\n\ta.b/c v1.2.3 // indirect\n)\n";
        assert_eq!(required_version(text, "a.b/c"), Some("v1.2.3"));
        assert_eq!(required_version(text, "a.b"), None);
    }

    #[test]
    fn the_version_is_found_in_what_each_tool_prints() {
        assert!(names_version("Kubernetes v1.35.4\n", "v1.35.4"));
        assert!(names_version("etcd Version: 3.6.5\nGit SHA: x\n", "v3.6.5"));
        assert!(names_version("kwok version v0.8.0 go1.26.8 (linux/amd64)", "v0.8.0"));
        assert!(names_version("version.BuildInfo{Version:\"v4.3.1\", GitCommit:\"\"}", "v4.3.1"));
        assert!(!names_version("Kubernetes v1.35.40\n", "v1.35.4"));
        assert!(!names_version("Kubernetes v1.35.4-rc.1\n", "v1.35.4"));
    }
}
