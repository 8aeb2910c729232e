//! The commands, a file for each, and what they share.

pub mod abort;
pub mod blocks;
pub mod clusters;
mod commit;
pub mod completion;
pub mod demo;
pub mod diff;
pub mod events;
pub mod history;
pub mod hub;
pub mod lint;
mod made;
pub mod man;
pub mod pause;
pub mod plan;
pub mod promote;
pub mod remove;
pub mod render;
pub mod repository;
pub mod restart;
mod restore;
pub mod rollback;
pub mod status;
mod until;
pub mod wait;
pub mod watch;
pub mod why;
