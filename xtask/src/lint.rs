//! `cargo xtask lint`: formatting, clippy, forbidden dependencies, suggested commands, generated pages, links in the API documentation,
//! and licences and advisories where `cargo-deny` is installed. Everything is looked at even if something was found before.

use anyhow::{Result, ensure};

use crate::command::{cargo, run as finish, say, succeeds};
use crate::{docs, suggested, tree};

pub(crate) fn run() -> Result<()> {
    let mut findings = Vec::new();
    let mut look = |result: Result<()>| findings.extend(result.err());
    look(finish(&mut cargo(["fmt", "--all", "--", "--check"])));
    look(finish(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--keep-going",
        "--",
        "-D",
        "warnings",
    ])));
    look(tree::check());
    look(suggested::check());
    look(docs::check());
    look(docs::api());
    if succeeds(&mut cargo(["deny", "--version"])) {
        look(finish(&mut cargo(["deny", "check"])));
    } else {
        say("skipped: cargo deny check (cargo-deny is not installed; `cargo install cargo-deny`)");
    }
    findings.iter().for_each(|finding| say(&format!("found: {finding:#}")));
    ensure!(findings.is_empty(), "{} of the checks found something", findings.len());
    Ok(())
}
