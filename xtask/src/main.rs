//! `cargo xtask`: one entry point for developers and CI. Each command has a file of its own.

mod bench;
mod book;
mod command;
mod demo;
mod docs;
mod failures;
mod lint;
mod recording;
mod suggested;
mod test;
mod tools;
mod tree;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Tasks of the Shipper workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Demo(demo::Args),
    Test(test::Args),
    /// Check formatting, clippy, dependencies, generated pages, documentation, licences and advisories
    Lint,
    /// Find or build etcd, Kubernetes, kwok and Helm, and what real nodes need; print the directory that holds them
    Tools,
    Bench(bench::Args),
    Docs(docs::Args),
    Recording(recording::Args),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match Cli::parse().task {
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Lint => lint::run(),
        Task::Tools => tools::run(),
        Task::Bench(args) => bench::run(&args),
        Task::Docs(args) => docs::run(&args),
        Task::Recording(args) => recording::run(&args),
    }
}
