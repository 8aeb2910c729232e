//! `shipperctl`: looks at rollouts through the hub, and makes the small commits that move them.
//!
//! - [`cli`]: the command line
//! - [`commands`]: one file for each command
//! - [`demo`]: a whole fleet in this process
//! - [`edit`]: changing an Application's file without touching the rest of it
//! - [`steps`]: steps as people name them
//! - [`repository`]: finding, reading and committing to the fleet repository
//! - [`lint`]: checking a whole fleet repository
//! - [`render`]: statuses as text
//! - [`records`]: what the hub wrote to its branch
//! - [`forecast`]: what merging a branch would do
//! - [`hub`]: the hub's API; [`mod@http`]: how it and others are asked
//! - [`pulls`]: pull requests at Git hosts
//! - [`objects`]: what differs between manifests
//! - [`output`]: text, JSON, YAML, names
//! - [`manual`]: the command line as a page of the book
//! - [`terminal`]: what reaches the terminal
//! - [`exit`]: exit codes
//! - [`mistake`]: command lines that are wrong

pub mod cli;
pub mod commands;
pub mod demo;
pub mod edit;
mod error;
pub mod exit;
pub mod forecast;
pub mod http;
pub mod hub;
pub mod lint;
pub mod manual;
mod mistake;
pub mod objects;
pub mod output;
pub mod pulls;
pub mod records;
pub mod render;
pub mod repository;
pub mod steps;
pub mod terminal;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use demo::Clusters;
pub use error::Error;
use exit::Exit;
use terminal::{BAD, Terminal, plain};

/// The program: reads the command line, runs the command, says how it went.
pub fn main() -> ExitCode {
    started(|cli: &Cli, terminal| run(cli, terminal))
}

/// The program `cargo xtask demo --real`: `shipperctl demo` with its arguments, on other clusters than simulated ones.
/// `prepare` completes what the arguments leave open.
pub fn demo_main(clusters: &mut dyn Clusters, prepare: impl FnOnce(&mut demo::Options)) -> ExitCode {
    started(|alone: &commands::demo::Alone, terminal| {
        let mut options = demo::Options::from(&alone.args);
        prepare(&mut options);
        let done = demo::run(&options, clusters, terminal);
        ended(done, terminal)
    })
}

fn started<C: Parser>(run: impl FnOnce(&C, &mut Terminal<'_>) -> Exit) -> ExitCode {
    let mut terminal = Terminal::standard();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let command = named(C::command(), &arguments);
    let parsed = command.clone().try_get_matches_from(&arguments);
    let cli = match parsed.and_then(|matches| C::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // What clap has to say repeats what was typed; nothing can be done where it cannot be written.
            let fails = error.use_stderr();
            let said = mistake::told(error, command, &arguments);
            let (exit, to) =
                if fails { (Exit::Usage, &mut terminal.err) } else { (Exit::Ok, &mut terminal.out) };
            let _ = write!(to, "{said}");
            return ExitCode::from(exit as u8);
        }
    };
    ExitCode::from(run(&cli, &mut terminal) as u8)
}

/// The command under the name by which it was called: as a plugin of kubectl it speaks of itself as people call it there.
fn named(command: clap::Command, arguments: &[OsString]) -> clap::Command {
    let called = arguments.first().map(Path::new).and_then(Path::file_stem).map(OsStr::to_os_string);
    if called.is_some_and(|name| name == "kubectl-shipper" || name == "kubectl_shipper") {
        return command.name("kubectl shipper").bin_name("kubectl shipper");
    }
    command
}

/// Runs a command, and prints why where it fails.
pub fn run(cli: &Cli, terminal: &mut Terminal<'_>) -> Exit {
    let done = match &cli.command {
        Command::Status(args) => commands::status::run(&cli.global, args, terminal),
        Command::Watch(args) => commands::watch::run(&cli.global, args, terminal),
        Command::Wait(args) => commands::wait::run(&cli.global, args, terminal),
        Command::Events(args) => commands::events::run(&cli.global, args, terminal),
        Command::History(args) => commands::history::run(&cli.global, args, terminal),
        Command::Measurements(args) => commands::measurements::run(&cli.global, args, terminal),
        Command::Diff(args) => commands::diff::run(&cli.global, args, terminal),
        Command::Why(args) => commands::why::run(&cli.global, args, terminal),
        Command::Promote(args) => commands::promote::run(&cli.global, args, terminal),
        Command::Abort(args) => commands::abort::run(&cli.global, args, terminal),
        Command::Rollback(args) => commands::rollback::run(&cli.global, args, terminal),
        Command::Pause(args) => commands::pause::run(&cli.global, args, true, terminal),
        Command::Resume(args) => commands::pause::run(&cli.global, args, false, terminal),
        Command::Blocks(args) => commands::blocks::run(&cli.global, args, terminal),
        Command::Clusters(command) => commands::clusters::run(&cli.global, command, terminal),
        Command::Remove(args) => commands::remove::run(&cli.global, args, terminal),
        Command::Repository(args) => commands::repository::run(&cli.global, args, terminal),
        Command::Render(args) => commands::render::run(&cli.global, args, terminal),
        Command::Plan(args) => commands::plan::run(&cli.global, args, terminal),
        Command::Hub(command) => commands::hub::run(command, terminal),
        Command::Lint(args) => commands::lint::run(&cli.global, args, terminal),
        Command::Demo(args) => commands::demo::run(args, terminal),
        Command::Restart(args) => commands::restart::run(&cli.global, args, terminal),
        Command::Completion(args) => commands::completion::run(*args, terminal),
        Command::Complete(words) => commands::completion::complete(&cli.global, words, terminal),
        Command::Man(args) => commands::man::run(args, terminal),
    };
    ended(done, terminal)
}

fn ended(done: Result<(), Error>, terminal: &mut Terminal<'_>) -> Exit {
    let written = terminal.finish().map_err(Error::from);
    match done.and(written) {
        Ok(()) => Exit::Ok,
        // The reader of a pipe has gone: it has what it wanted.
        Err(Error::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Ok,
        // The differences are the message.
        Err(Error::Different) => Exit::Different,
        Err(error) => {
            let _ = writeln!(terminal.err, "{BAD}error:{BAD:#} {}", message(&error));
            let _ = terminal.finish();
            Exit::from(&error)
        }
    }
}

/// An error on the terminal: harmless, with the lines it has. Lines after the first are set in, so that none of them passes for a word
/// of this program.
fn message(error: &Error) -> String {
    error.to_string().lines().map(plain).collect::<Vec<_>>().join("\n  ")
}
