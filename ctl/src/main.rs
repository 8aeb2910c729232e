//! Starts `shipperctl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shipperctl::main()
}
