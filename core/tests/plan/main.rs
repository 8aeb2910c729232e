//! The planner against the rules of `semantics.md`: each test names the rule it holds.

mod moving;
mod releases;
mod support;
mod waiting;
