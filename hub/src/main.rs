//! `shipper-hub`: flags, log, signals. Everything else is in the library.

use clap::Parser;
use shipper_hub::app::App;
use shipper_hub::args::Args;
use shipper_hub::config::Config;
use std::process::ExitCode;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What jemalloc begins with; `MALLOC_CONF` in the environment comes after it. By itself it has four arenas for each core, and what a wave
/// over the fleet leaves lies scattered over all of them. A hub has one busy thread, and the caches of the others spare it the lock.
#[expect(unsafe_code, reason = "jemalloc finds its settings by the name of this symbol")]
#[unsafe(export_name = "malloc_conf")]
pub static MALLOC_CONF: &[u8] = b"narenas:1\0";

/// Wrong flags or files, as `sysexits.h` counts.
const USAGE: u8 = 64;

/// How far the threads of the runtime step back.
const BACK: i32 = 5;

fn main() -> ExitCode {
    match Builder::new_multi_thread().enable_all().on_thread_start(step_back).build() {
        Ok(runtime) => runtime.block_on(run()),
        Err(error) => refuse(&error),
    }
}

/// Lets the thread that SQLite works in go first where there are more threads than cores: everybody waits for what it writes, and with the same
/// weight as each of those who serve it waits for a core as long as it works. The main thread starts it, and stays as it is; one that takes its
/// place after a connection was lost steps back like the others. Only Linux has threads of different priority by this call.
fn step_back() {
    if cfg!(target_os = "linux") {
        let _ = rustix::process::nice(BACK);
    }
}

async fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    shipper_telemetry::log::start(args.log_format);
    // One provider for every TLS client; a second call cannot happen, so its answer says nothing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = match Config::try_from(args) {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    let app = match App::build(&config).await {
        Ok(app) => app,
        Err(error) => return refuse(&error),
    };
    let (mut terminate, mut interrupt) =
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(error), _) | (_, Err(error)) => return refuse(&error),
        };
    let asked = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    match app.run(asked).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn refuse(error: &dyn std::error::Error) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::from(USAGE)
}
