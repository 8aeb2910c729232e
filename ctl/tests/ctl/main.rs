//! `shipperctl` as people and scripts use it.

#![allow(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod blocks;
mod clusters;
mod commits;
mod demo;
mod diff;
mod edit;
mod every;
mod examples;
mod foretold;
mod help;
mod hub;
mod lint;
mod live;
mod manual;
mod measurements;
mod pages;
mod pulls;
mod removal;
mod render;
mod rollout;
mod served;
mod shells;
mod small_commits;
mod status;
mod support;
mod tokens;
mod why;
