//! The hub of Shipper: reads what people committed, plans, writes the desired state of every cluster back into Git.
//!
//! - [`access`]: who may read what.
//! - [`args`] and [`config`]: how it is told what to do.
//! - [`app`]: everything put together, as the binary, the demo and the tests run it.
//! - [`shared`]: what the rooms below share; the seam between the HTTP side and the loop.
//! - [`store`]: the latest reports and the timeline, durable; [`liveness`]: who still reports.
//! - [`http`]: the API for agents and people; [`metrics`]: what Prometheus is told.
//! - [`render`]: from a chart or plain YAML to the manifests of a release.
//! - [`fleet`]: the repository as a model in memory; [`pilot`]: the loop over it.
//! - [`timeline`]: new entries of the timeline, for whoever listens.
//! - [`ui`]: the pages for people in a browser.
//! - [`hints`]: what webhooks say of pushes; [`questions`]: what people ask the loop; [`details`]: what the records hold;
//!   [`images`]: which images releases run; [`rendered`]: what was rendered of them.
//! - [`standing`]: whether this hub acts or stands by.
//! - [`notify`]: sets of things that changed, for whoever waits for them.

pub mod access;
pub mod app;
pub mod args;
mod backoff;
pub mod board;
pub mod clock;
pub mod config;
pub mod details;
pub mod fleet;
pub mod hints;
pub mod http;
pub mod images;
pub mod liveness;
pub mod metrics;
pub mod notify;
pub mod pilot;
pub mod questions;
pub mod render;
pub mod rendered;
#[cfg(test)]
mod sample;
pub mod shared;
pub mod standing;
pub mod store;
pub mod timeline;
pub mod ui;
