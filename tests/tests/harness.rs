//! The harness itself: clusters, pods, Git servers, and that nothing is left behind.

mod harness {
    mod bounds;
    mod charts;
    mod clusters;
    mod demo;
    mod git;
    mod left_behind;
}
