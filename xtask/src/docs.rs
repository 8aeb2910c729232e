//! `cargo xtask docs`: pages that come from the code, and the API documentation, with broken links as errors.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::book;
use crate::command::{cargo, output, root, run as finish, say};

/// Pages of the book that a program writes: where, and the example of `shipper-core` that prints it.
const GENERATED: [(&str, &str); 1] = [("docs/reasons.md", "reasons")];

/// Write what is generated in `docs/` and build the API documentation
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Change nothing; fail if the generated pages are not up to date, or the book names what is not there
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.check {
        return check();
    }
    for (path, example) in GENERATED {
        fs::write(root().join(path), page(example)?).with_context(|| format!("cannot write {path}"))?;
        say(&format!("wrote {path}"));
    }
    book::check()?;
    // Private items too: module heads lead through the rooms of their crate.
    let mut doc = cargo(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    finish(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Whether the book is what the code says.
pub(crate) fn check() -> Result<()> {
    say("> the book");
    for (path, example) in GENERATED {
        let stands = fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"))?;
        ensure!(stands == page(example)?, "{path} is not what the code says; run `cargo xtask docs`");
    }
    book::check()
}

fn page(example: &str) -> Result<String> {
    output(&mut cargo(["run", "--quiet", "--package=shipper-core", "--example", example]))
}
