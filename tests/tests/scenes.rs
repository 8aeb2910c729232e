//! What people see of the whole: commits in, rollouts over three real control planes out.

mod scenes {
    mod rollout;
}
