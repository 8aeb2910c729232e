//! The pages of the hub in a real browser: what a person sees, in both themes and on a phone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod browser {
    mod chromium;
    mod fixture;
    mod live;
    mod login;
    mod look;
    mod pages;
    mod renderings;
    mod rollout;
    mod webdriver;
}
