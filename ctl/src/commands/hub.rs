//! `shipperctl hub`: the hub's own database: a copy and its way back, and the tokens for reading in it ([`tokens`]). Where the database is;
//! the hub need not be asked.

pub mod tokens;

use std::path::PathBuf;

use shipper_hub::store::sqlite::backup::{backup, restore};

use crate::Error;
use crate::terminal::{FAINT, GOOD, Terminal, plain};

/// `hub backup|restore|tokens`
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Copy the hub's database to a file, also while the hub works
    #[command(after_help = "\
Examples:
  shipperctl hub backup --data-dir /var/lib/shipper /backup/hub-$(date +%F).db

It holds the timeline, which clusters are known, and the digests of read tokens. Rollouts are in Git, and need no backup of this. A hub that uses PostgreSQL
is backed up as every PostgreSQL is, with pg_dump.")]
    Backup(Args),
    /// Put a copy in the place of the hub's database; the hub must be stopped
    #[command(after_help = "\
Examples:
  shipperctl hub restore --data-dir /var/lib/shipper /backup/hub-2026-11-01.db

The database that is there is moved aside. What comes back is history: the timeline, and which clusters are known. What agents
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
}

/// Runs the command.
///
/// # Errors
/// When there is no such database or copy, a hub works with it, or the disk is full.
pub fn run(command: &Command, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let refused = |error: shipper_hub::store::sqlite::backup::BackupError| Error::Refused {
        message: error.to_string(),
    };
    match command {
        Command::Tokens(command) => tokens::run(command, terminal)?,
        Command::Backup(Args { data_dir, file }) => {
            let bytes = block_on(backup(data_dir, file))?.map_err(refused)?;
            let file = file.display().to_string();
            writeln!(terminal.out, "{GOOD}Copied{GOOD:#} {bytes} bytes to {}", plain(&file))?;
        }
        Command::Restore(Args { data_dir, file }) => {
            let restored = block_on(restore(file, data_dir))?.map_err(refused)?;
            writeln!(
                terminal.out,
                "{GOOD}Restored{GOOD:#} a timeline of {} entries and {} known clusters. Start the hub; agents report anew by themselves.",
                restored.events, restored.clusters
            )?;
            if let Some(aside) = restored.aside {
                let aside = aside.display().to_string();
                writeln!(
                    terminal.out,
                    "{FAINT}The database that was there is now {}.{FAINT:#}",
                    plain(&aside)
                )?;
            }
        }
    }
    Ok(())
}

/// Runs what waits for a database.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}
