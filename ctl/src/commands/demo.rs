//! `shipperctl demo`: a whole fleet on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::Error;
use crate::demo::{self, Options, Simulated};
use crate::terminal::{Gate, Terminal};

const REAL: &str = "\
this program has simulated clusters only. For real control planes (etcd, kube-apiserver, controller manager, scheduler; kwok \
plays nodes and pods), run in the source tree: cargo xtask demo --real";

/// `demo`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl demo                        tell me what to type, and remove everything at the end
  shipperctl demo --data-dir ./demo      keep the repository and the hub's history, to go on later

It needs git, and helm for the chart of the example, which is left out without. Nothing leaves this machine.")]
pub struct Args {
    /// Where the hub listens [default: 127.0.0.1:8080, or any free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Keep everything here, and go on from it the next time
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The helm program [default: the one in PATH, if there is one]
    #[arg(long, value_name = "PATH", env = "SHIPPER_HELM", hide_env_values = true)]
    pub helm: Option<PathBuf>,
    /// Say how to try it with real control planes
    #[arg(long)]
    pub real: bool,
}

/// `demo` as a program of its own, with clusters of its own.
#[derive(Debug, clap::Parser)]
#[command(
    name = "cargo xtask demo --real",
    about = "Run a whole fleet of real control planes on this machine"
)]
pub struct Alone {
    /// The arguments.
    #[command(flatten)]
    pub args: Args,
}

impl From<&Args> for Options {
    fn from(args: &Args) -> Self {
        Self { listen: args.listen, data_dir: args.data_dir.clone(), helm: args.helm.clone(), program: None }
    }
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
            .with_writer(|| Gate::alone(std::io::stderr()))
            .with_ansi(false)
            .try_init();
    }
    demo::run(&Options::from(args), &mut Simulated, terminal)
}
