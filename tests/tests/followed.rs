//! One rollout, followed from outside: by the identifiers in the JSON lines of hub and agents, and by its trace, which a real
//! collector takes in. Hub and agents are real, the clusters simulated, the time is real.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod followed {
    mod lines;
    mod rollout;
    mod spans;
}
