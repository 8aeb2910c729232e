//! Rollouts over simulated clusters in simulated time: the hub's loop, its HTTP side without a socket, and agents, all of
//! them real, around a repository on disk ([`shipper_tests::simulated`]). They are looked at by the same means as real clusters
//! ([`shipper_tests::scene::sight`]).

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod simulated {
    mod blocked_example;
    mod examples;
    mod measured_example;
    mod placed_example;
    mod scenes;
    mod story;
}
