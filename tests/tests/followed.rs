//! One rollout, followed from outside: by the identifiers in the JSON lines of hub and agents, and by its trace, which a real
//! collector takes in. Hub and agents are real, the clusters simulated, the time is real.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "simulated/contract.rs"]
mod contract;
#[path = "simulated/fleet.rs"]
mod fleet;
#[path = "simulated/link.rs"]
mod link;
#[path = "simulated/people.rs"]
mod people;

mod followed {
    mod lines;
    mod rollout;
    mod spans;
}
