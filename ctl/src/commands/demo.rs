//! `shipperctl demo`: a whole fleet on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::Error;
use crate::demo::{self, Options};
use crate::terminal::Terminal;

const REAL: &str = "\
the demo has simulated clusters only. For real control planes (etcd, kube-apiserver, kwok), in the source tree:
  cargo run -p shipper-tests --bin shipper-test-fleet -- 2
prints a kubeconfig for each of two clusters; start shipper-hub, and shipper-agent --kubeconfig FILE for each, beside it";

/// `demo`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl demo                        tell me what to type, and remove everything at the end
  shipperctl demo --data-dir ./demo      keep the repository and the hub's history, to go on later

It needs git, and helm only if you roll out a chart. Nothing leaves this machine.")]
pub struct Args {
    /// Where the hub listens [default: 127.0.0.1:8080, or any free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Keep everything here, and go on from it the next time
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Say how to try it with real control planes
    #[arg(long)]
    pub real: bool,
}

/// Runs the command.
///
/// # Errors
/// When something cannot be started.
pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    if args.real {
        return Err(Error::Usage { message: REAL.to_owned() });
    }
    if std::env::var_os("RUST_LOG").is_some() {
        // An error says that somebody logs already.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(std::io::stderr)
            .try_init();
    }
    demo::run(&Options { listen: args.listen, data_dir: args.data_dir.clone() }, terminal)
}
