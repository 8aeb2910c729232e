//! `shipperctl man`: the manual pages, for packages.

use std::path::PathBuf;

use clap::CommandFactory;

use crate::Error;
use crate::cli::Cli;
use crate::terminal::Terminal;

/// `man [FOLDER]`
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Where the pages are written, one for each command [default: the first page, to the output]
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the pages cannot be written.
pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    match &args.folder {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            Ok(clap_mangen::generate_to(Cli::command(), folder)?)
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            Ok(terminal.out.own(&page)?)
        }
    }
}
