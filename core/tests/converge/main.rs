//! Convergence against the rules of `semantics.md`, one look at a cluster at a time: each test names the rule it holds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod adoption;
mod autoscaler;
mod bounds;
mod carried;
mod corked;
mod decided;
mod deletions;
mod directions;
mod drift;
mod evidence;
mod namespace;
mod ports;
mod properties;
#[path = "../reached/mod.rs"]
mod reached;
mod removal;
mod scene;
mod settle;
mod support;
mod unready;
mod workloads;
