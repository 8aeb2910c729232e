//! What people see of the whole: commits in, rollouts over three real control planes out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod scenes {
    mod adopted;
    mod autoscaled;
    mod blocked;
    mod bounds;
    mod broken;
    mod by_hand;
    mod by_region;
    mod chaos;
    mod chart_repository;
    mod checked;
    #[cfg(target_os = "linux")]
    mod clocks;
    mod conformance;
    mod cut_off;
    mod drain;
    mod drift;
    mod failing;
    mod full;
    mod hub_lost;
    mod live_diff;
    mod measured;
    mod neighbours;
    mod orders;
    mod original;
    mod refused;
    mod removal;
    mod removed_cluster;
    mod replaced;
    mod reports;
    mod rollout;
    mod smoke;
    mod ssh;
    mod standby;
    mod stateful;
    mod stops;
    mod story;
    mod taken_back;
    mod two_hubs;
    mod workers;
}
