//! Pods that run and answer, on two control planes with a real node each: what callers see of rollouts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod real_pods {
    mod blows;
    mod drained;
    mod forward;
    mod left_behind;
    mod node;
    mod shares;
    mod shop;
    mod skip;
    mod taken_back;
}
