//! `shipperctl` as people and scripts use it.

#![allow(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod commits;
mod demo;
mod edit;
mod help;
mod lint;
mod rollout;
mod status;
mod support;
