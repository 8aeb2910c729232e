//! What people see of the whole: commits in, rollouts over three real control planes out.

mod scenes {
    mod broken;
    mod drift;
    mod neighbours;
    mod rollout;
    mod story;
    mod taken_back;
}
