//! `cargo xtask`: one entry point for developers and CI. Each command has a file of its own.

mod bench;
mod command;
mod demo;
mod docs;
mod lint;
mod test;
mod tools;

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
    /// Check formatting, clippy, licences and advisories
    Lint,
    /// Find or build etcd, Kubernetes, kwok and Helm; print the directory that holds them
    Tools,
    Bench(bench::Args),
    /// Build the API documentation, warnings as errors
    Docs,
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Lint => lint::run(),
        Task::Tools => tools::run(),
        Task::Bench(args) => bench::run(&args),
        Task::Docs => docs::run(),
    }
}
