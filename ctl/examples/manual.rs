//! Prints `docs/shipperctl.md`, after a line with its path, for `cargo xtask docs`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    write!(std::io::stdout(), "%%% {}\n{}", shipperctl::manual::PATH, shipperctl::manual::page())
}
