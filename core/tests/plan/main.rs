//! The planner against the rules of `semantics.md`: each test names the rule it holds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod adopt;
mod adoption;
mod asked;
mod autoscaler;
mod blocks;
mod failing;
mod gates;
mod hazards;
mod history;
mod last_step;
mod lawful;
mod life;
mod living;
mod moving;
mod orders;
mod placement;
mod properties;
#[path = "../reached/mod.rs"]
mod reached;
mod releases;
mod removal;
mod support;
mod targets;
mod told;
mod waiting;
mod why;
