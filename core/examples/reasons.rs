//! Prints `docs/reasons.md`, the catalogue of reasons; `cargo xtask docs` writes it.

use shipper_core::condition::Reason;
use std::io::{Result, Write, stdout};

const HEAD: &str = "\
# Reasons

Every condition that Shipper reports has a reason from this catalogue: in `shipperctl status -o json`, in the hub's API,
and in release records. Scripts may rely on the names. The message beside it names the objects and the next step.

<!-- Written by `cargo xtask docs` from core/src/condition.rs; change it there. -->
";

fn main() -> Result<()> {
    let mut out = stdout().lock();
    out.write_all(HEAD.as_bytes())?;
    for reason in Reason::ALL {
        write!(out, "\n## {reason}\n\n{}\n", reason.meaning())?;
    }
    Ok(())
}
