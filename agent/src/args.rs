//! The command line, and the same as environment variables.

use clap::Parser;
use shipper_telemetry::log::LogFormat;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  In a cluster, as the chart runs it:
    shipper-agent --cluster eu-1 --repository https://git.example/fleet-state.git \\
      --hub https://hub.example --token-file /var/run/shipper/token --data-dir /data

  On a laptop, against the current context of a kubeconfig and a repository on disk:
    shipper-agent --cluster kind --repository ./fleet.git --hub http://localhost:8080 \\
      --token-file ./token --data-dir ./agent --kubeconfig ~/.kube/config --log-format text

The agent needs nothing but outgoing connections: to the API server of its cluster, to the Git server, and to the hub.
Without the hub it polls the branch every 5 seconds; without either it keeps its cluster as last told.
Memory: set MALLOC_CONF-style options by _RJEM_MALLOC_CONF, for example narenas:1,dirty_decay_ms:1000.";

/// Keeps one cluster as the state branch of the fleet repository says, and tells the hub how it is.
#[derive(Clone, Debug, Parser)]
#[command(name = "shipper-agent", version, after_help = EXAMPLES)]
pub struct Args {
    /// Repository with the state branch: https://, ssh://, user@host:path, or a path on this machine
    #[arg(long, env = "SHIPPER_REPOSITORY", value_name = "URL")]
    pub repository: String,
    #[allow(rustdoc::invalid_html_tags, reason = "it is shown by --help, as it stands here")]
    /// Name of this cluster: that of its file clusters/<NAME>.yaml in the fleet repository
    #[arg(long, env = "SHIPPER_CLUSTER", value_name = "NAME")]
    pub cluster: String,
    /// Address of the hub
    #[arg(long, env = "SHIPPER_HUB", value_name = "URL")]
    pub hub: String,
    /// File with the token for the hub; read anew for every request
    #[arg(long, env = "SHIPPER_TOKEN_FILE", value_name = "FILE")]
    pub token_file: PathBuf,
    /// PEM file of certificate authorities to trust for the hub, beside the system's
    #[arg(long, env = "SHIPPER_HUB_CA_FILE", value_name = "FILE")]
    pub hub_ca_file: Option<PathBuf>,
    /// Directory for the object store and the last accepted commit; may be lost, must not be shared
    #[arg(long, env = "SHIPPER_DATA_DIR", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Kubeconfig to use, with its current context, instead of the service account of the pod
    #[arg(long, env = "SHIPPER_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The branch the hub writes
    #[arg(long, env = "SHIPPER_BRANCH", default_value = "shipper/state")]
    pub branch: String,
    /// How often to look at the branch although the hub says when, in seconds
    #[arg(long, env = "SHIPPER_POLL_INTERVAL", default_value = "60", value_name = "SECONDS", value_parser = seconds)]
    pub poll_interval: Duration,
    /// File with a token (or user:password) for the repository over HTTP
    #[arg(long, env = "SHIPPER_REPOSITORY_TOKEN_FILE", value_name = "FILE")]
    pub repository_token_file: Option<PathBuf>,
    /// PEM file of certificate authorities to trust for the repository, beside the system's
    #[arg(long, env = "SHIPPER_REPOSITORY_CA_FILE", value_name = "FILE")]
    pub repository_ca_file: Option<PathBuf>,
    /// Private key for the repository over SSH
    #[arg(long, env = "SHIPPER_SSH_KEY_FILE", value_name = "FILE")]
    pub ssh_key_file: Option<PathBuf>,
    /// The only SSH host keys to trust
    #[arg(long, env = "SHIPPER_SSH_KNOWN_HOSTS_FILE", value_name = "FILE")]
    pub ssh_known_hosts_file: Option<PathBuf>,
    /// Namespace of the Lease that lets one agent act per cluster [default: the pod's, or kube-system with a kubeconfig]
    #[arg(long, env = "SHIPPER_LEASE_NAMESPACE", value_name = "NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// Writes to the API server that may be under way at once
    #[arg(long, env = "SHIPPER_IN_FLIGHT", default_value_t = 16, value_name = "COUNT")]
    pub in_flight: usize,
    /// Serve /healthz, /readyz and /metrics here, for example 0.0.0.0:9102
    #[arg(long, env = "SHIPPER_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// How to write the log; what is logged says RUST_LOG, for example shipper_agent=debug
    #[arg(long, env = "SHIPPER_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// Send traces to this OTLP receiver over HTTP, for example http://collector:4318; else the variables OTEL_EXPORTER_OTLP_… count
    #[arg(long, env = "SHIPPER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.trim_end_matches('s').parse::<u64>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err("a whole number of seconds above 0, such as 60".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_command_line_is_enough() {
        let line = "shipper-agent --repository /r --cluster eu-1 --hub http://h --token-file t --data-dir d";
        let args = Args::try_parse_from(line.split(' ')).unwrap();
        assert_eq!((args.branch.as_str(), args.poll_interval), ("shipper/state", Duration::from_secs(60)));
        let none = Args::try_parse_from(line.split(' ').chain(["--poll-interval", "0"]));
        assert!(none.unwrap_err().to_string().contains("above 0"));
    }
}
