//! Prints `docs/openapi.json`, after a line with its path, for `cargo xtask docs`. It stands here and not in the hub because this package is
//! built for the manual anyway.

use shipper_hub::http::openapi;
use std::io::{Error, Result, Write, stdout};

fn main() -> Result<()> {
    let document = serde_json::to_string_pretty(&openapi::document()).map_err(Error::other)?;
    writeln!(stdout(), "%%% {}\n{document}", openapi::PATH)
}
