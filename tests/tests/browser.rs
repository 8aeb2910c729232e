//! The pages of the hub in a real browser: what a person sees, in both themes and on a phone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod browser {
    mod chromium;
    mod commands;
    mod fixture;
    mod forged;
    mod harm;
    mod keys;
    mod live;
    mod login;
    mod look;
    mod pages;
    mod past;
    mod renderings;
    mod rollout;
    mod webdriver;
}
