//! The way to the hub, as a trait: HTTP in earnest, a call within the process in a simulation.

mod http;
mod sse;

pub use http::{HttpHub, HttpHubOptions};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use shipper_core::protocol::{Accepted, Session, SessionRequest, TargetEvent};
use shipper_core::report::Report;
use std::time::Duration;

/// Why the hub did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// It does not know the session: open another.
    #[error("the hub does not know this session")]
    SessionUnknown,
    /// The credential is not good for this.
    #[error(
        "the hub refuses this agent ({status}): {message}; check the token and that the cluster is on main"
    )]
    Refused {
        /// HTTP status.
        status: u16,
        /// In the hub's words.
        message: String,
    },
    /// The hubs of another database act: ask again for one of those [A6].
    #[error("the hub stands by: {message}")]
    StandsBy {
        /// In the hub's words.
        message: String,
        /// When to ask again.
        retry_after: Option<Duration>,
    },
    /// It asks to be left alone, or failed.
    #[error("the hub answers {status}: {message}")]
    Failed {
        /// HTTP status.
        status: u16,
        /// In the hub's words.
        message: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// It was not reached, or the connection was lost.
    #[error("the hub cannot be reached: {0}")]
    Unreachable(String),
}

/// What an agent needs of the hub.
pub trait HubLink: Send + Sync + 'static {
    /// Opens a session.
    fn open(&self, request: SessionRequest) -> BoxFuture<'_, Result<Session, HubError>>;

    /// Hands over a report. `Ok` = it is stored.
    fn report(&self, report: Report) -> BoxFuture<'_, Result<Accepted, HubError>>;

    /// The stream of events. It ends, or fails, when the connection is lost; the caller connects again.
    fn events(&self) -> BoxFuture<'_, Result<BoxStream<'static, Result<TargetEvent, HubError>>, HubError>>;
}
