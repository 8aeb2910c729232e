//! What people see of the whole: commits in, rollouts over three real control planes out.

mod scenes {
    mod broken;
    mod chaos;
    mod conformance;
    mod drift;
    mod neighbours;
    mod rollout;
    mod ssh;
    mod story;
    mod taken_back;
}
