//! `shipperctl lint`: checks the files of a fleet repository; needs no hub.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use shipper_core::intent::{Problem, Severity};

use crate::Error;
use crate::cli::Global;
use crate::lint::{self, Source};
use crate::output::OutputArgs;
use crate::repository;
use crate::terminal::{BAD, BUSY, GOOD, Terminal, plain};

/// `lint [PATH]`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  shipperctl lint                        the work tree you are in, committed or not
  shipperctl lint path/to/fleet          a folder, or a bare repository at its HEAD
  shipperctl lint --revision main~3      a commit
  shipperctl lint -o json                for programs

Every problem is one line, file:line:column: field: message; warnings say so. It fails if there is an error, which makes \
it a check for CI and for .git/hooks/pre-commit:

  #!/bin/sh
  exec shipperctl lint")]
pub struct Args {
    /// Fleet repository, or a folder with its files [default: the repository of the current directory]
    pub path: Option<PathBuf>,
    /// Check this commit instead of the files on disk
    #[arg(long, value_name = "COMMIT")]
    pub revision: Option<String>,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs the command.
///
/// # Errors
/// When there are errors in the files, or they cannot be read.
pub fn run(global: &Global, args: &Args, terminal: &mut Terminal<'_>) -> Result<(), Error> {
    let path = match (&args.path, &global.repository) {
        (Some(path), _) => path.clone(),
        (None, Some(given)) if !Path::new(given).exists() => {
            return Err(Error::Usage {
                message: format!("lint reads files on this machine; clone {given} and go there"),
            });
        }
        (None, given) => here(given.as_deref())?,
    };
    let source = Source::open(&path, args.revision.as_deref())?;
    let findings = lint::check(&source)?;
    if findings.files == 0 && findings.problems.is_empty() {
        let shown = path.display();
        let message = format!(
            "{shown} has no file below applications/, clusters/ or strategies/; is it a fleet repository?"
        );
        return Err(Error::Refused { message });
    }
    let names = || {
        let files: BTreeSet<&str> = findings.problems.iter().map(|problem| problem.file.as_str()).collect();
        files.into_iter().map(str::to_owned).collect()
    };
    let lines = || Ok(findings.problems.iter().map(|problem| line(problem) + "\n").collect());
    write!(terminal.out, "{}", args.output.output.print(&findings.problems, names, lines)?)?;
    let (errors, warnings) = (findings.count(Severity::Error), findings.count(Severity::Warning));
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let summary = format!("{}, {}", counted(findings.files, "file"), counted(warnings, "warning"));
    if errors > 0 {
        writeln!(terminal.err, "{summary}")?;
        return Err(Error::Lint { errors });
    }
    writeln!(terminal.err, "{GOOD}ok{GOOD:#}: {summary}")?;
    Ok(())
}

fn here(given: Option<&str>) -> Result<PathBuf, Error> {
    if let Some(given) = given {
        return Ok(PathBuf::from(given));
    }
    // Outside of any repository a folder with the right files is as good.
    Ok(repository::find(None).ok().and_then(|place| place.worktree).unwrap_or_else(|| PathBuf::from(".")))
}

/// A problem as compilers print them.
fn line(problem: &Problem) -> String {
    let mut text = plain(&problem.file).into_owned();
    if let (Some(line), Some(column)) = (problem.line, problem.column) {
        text.push_str(&format!(":{line}:{column}"));
    }
    text.push_str(": ");
    if problem.severity == Severity::Warning {
        text.push_str(&format!("{BUSY}warning{BUSY:#}: "));
    }
    if let Some(field) = &problem.field {
        text.push_str(&format!("{}: ", plain(field)));
    }
    let style = if problem.severity == Severity::Error { BAD } else { BUSY };
    text.push_str(&format!("{style}{}{style:#}", plain(&problem.message)));
    text
}
