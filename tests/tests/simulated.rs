//! Rollouts over simulated clusters in simulated time: the hub's loop, its HTTP side without a socket, and agents, all of
//! them real, around a repository on disk. They are looked at by the same means as real clusters
//! ([`shipper_tests::scene::sight`]).

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod simulated {
    mod blocked_example;
    mod contract;
    mod examples;
    mod fleet;
    mod link;
    mod measured_example;
    mod people;
    mod placed_example;
    mod scenes;
    mod story;
}
