//! `shipperctl demo`: a whole fleet on this machine.

use crate::Error;
use crate::terminal::Terminal;

/// `demo`
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// When something cannot be started.
pub fn run(_args: &Args, _terminal: &mut Terminal<'_>) -> Result<(), Error> {
    Ok(())
}
