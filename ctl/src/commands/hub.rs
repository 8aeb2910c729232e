//! `shipperctl hub`: the hub's own database: a copy and its way back, and the tokens for reading in it ([`tokens`]). Where the database is;
//! the hub need not be asked.

pub mod tokens;

use std::io::Write as _;
use std::path::PathBuf;

use serde::Serialize;
use shipper_hub::store::sqlite::backup::{backup, restore};

use crate::Error;
use crate::output::OutputArgs;
use crate::terminal::{FAINT, GOOD, Terminal, plain};

/// In bytes.
const MEGABYTE: u64 = 1_000_000;

/// `hub backup|restore|tokens`
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Copy the hub's database to a file, also while the hub works
    #[command(after_help = "\
Examples:
  shipperctl hub backup --data-dir /var/lib/shipper /backup/hub-$(date +%F).db

It holds the timeline, which clusters are known, and the digests of read tokens. Rollouts are in Git, and need no backup of this. A hub that uses PostgreSQL \
is backed up as every PostgreSQL is, with pg_dump.")]
    Backup(Args),
    /// Put a copy in the place of the hub's database; the hub must be stopped
    #[command(after_help = "\
Examples:
  shipperctl hub restore --data-dir /var/lib/shipper /backup/hub-2026-11-01.db

The database that is there is moved aside. What comes back is history: the timeline, and which clusters are known. What agents \
reported then proves nothing now, so every agent is asked for all it knows, which takes seconds. Read tokens are those of then:
revoke again what was revoked since. Who had signed in signs in anew.

The copy is the same database to the other hubs of the fleet: never let the old one and the restored one work at once.")]
    Restore(Args),
    /// Make, show and take back tokens for reading
    #[command(subcommand)]
    Tokens(tokens::Command),
}

/// Where the database is, and where its copy.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The hub's --data-dir
    #[arg(long, env = "SHIPPER_DATA_DIR", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The copy
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What was copied.
#[derive(Serialize)]
struct Copied {
    /// Bytes of the copy.
    bytes: u64,
    /// Where it is.
    file: String,
}

/// What was put back.
#[derive(Serialize)]
struct Restored {
    /// Entries of the timeline.
    events: u64,
    /// Clusters that are known.
    clusters: u64,
    /// Where the database is now that was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    aside: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When there is no such database or copy, a hub works with it, or the disk is full.
pub fn run(command: &Command, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let refused = |error: shipper_hub::store::sqlite::backup::BackupError| Error::Refused {
        message: error.to_string(),
    };
    let text = match command {
        Command::Tokens(command) => return tokens::run(command, terminal),
        Command::Backup(Args { data_dir, file, output }) => {
            let mut told = told("Copying the database", terminal);
            let bytes = block_on(backup(data_dir, file, &mut told))?.map_err(refused)?;
            let copied = Copied { bytes, file: file.display().to_string() };
            let said = || format!("{GOOD}Copied{GOOD:#} {bytes} bytes to {}\n", plain(&copied.file));
            output.output.print(&copied, || vec![copied.file.clone()], || Ok(said()))?
        }
        Command::Restore(Args { data_dir, file, output }) => {
            let mut told = told("Putting the database back", terminal);
            let done = block_on(restore(file, data_dir, &mut told))?.map_err(refused)?;
            let aside = done.aside.map(|aside| aside.display().to_string());
            let restored = Restored { events: done.events, clusters: done.clusters, aside };
            let names = || restored.aside.iter().cloned().collect();
            output.output.print(&restored, names, || Ok(said(&restored)))?
        }
    };
    Ok(write!(terminal.out, "{text}")?)
}

fn said(restored: &Restored) -> String {
    let Restored { events, clusters, aside } = restored;
    let mut text = format!(
        "{GOOD}Restored{GOOD:#} a timeline of {events} entries and {clusters} known clusters. Start the hub; agents report anew by \
         themselves.\n"
    );
    if let Some(aside) = aside {
        text.push_str(&format!("{FAINT}The database that was there is now {}.{FAINT:#}\n", plain(aside)));
    }
    text
}

/// Says how far a copy is, in megabytes, where somebody watches.
fn told(doing: &str, terminal: &mut Terminal<'_>) -> impl FnMut(u64, u64) {
    terminal.busy(doing);
    move |done, of| {
        let megabytes = |bytes: u64| usize::try_from(bytes / MEGABYTE).unwrap_or(usize::MAX);
        terminal.progress(doing, (megabytes(done), megabytes(of)), "MB");
    }
}

/// Runs what waits for a database.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}
