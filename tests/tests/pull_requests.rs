//! Pull requests on a real Gitea, from the command that opens one to the cluster where it takes effect.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod pull_requests {
    mod forge;
    mod merged;
}
