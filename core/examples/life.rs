//! Prints the page on the life of a release, after a line `%%% path`; `cargo xtask docs` writes it.

use shipper_core::state::{MOVES, Phase};
use std::io::{Result, Write, stdout};

fn main() -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "%%% docs/release-life.md\n# The life of a release\n")?;
    writeln!(
        out,
        "Made from the states in the code (`core/src/state/phase.rs`), which the tests of the planner and the random histories hold \
         every plan to. When an application is removed, its releases go wherever they are [X1].\n"
    )?;
    writeln!(out, "```mermaid\nstateDiagram-v2")?;
    let end = |phase: Option<Phase>| phase.map_or_else(|| "[*]".to_owned(), |phase| phase.to_string());
    for step in MOVES {
        writeln!(out, "    {} --> {}: {}", end(step.from), end(step.to), step.rules)?;
    }
    writeln!(out, "```\n\n| State | |\n|---|---|")?;
    for phase in Phase::ALL {
        writeln!(out, "| {phase} | {} |", phase.meaning())?;
    }
    writeln!(out, "\n| From | To | By | Rules |\n|---|---|---|---|")?;
    let word = |phase: Option<Phase>, none: &str| phase.map_or_else(|| none.to_owned(), |p| p.to_string());
    for step in MOVES {
        let (from, to) = (word(step.from, "made"), word(step.to, "gone"));
        writeln!(out, "| {from} | {to} | {} | {} |", step.by, step.rules)?;
    }
    writeln!(
        out,
        "\nThe *contender* is the newest release that is not withdrawn, the *incumbent* the newest other one that is complete [R5]. What a rollout \
         waits for on its way is [another matter](reasons.md)."
    )
}
