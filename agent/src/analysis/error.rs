//! Why there is no sample.

use crate::api::ApiError;

/// Why nothing could be measured. All of these make a sample *unknown* [A4].
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The server cannot be reached, or breaks off.
    #[error("{0}; can the agent reach it?")]
    Unreachable(String),
    /// The answer is too large.
    #[error("the answer has more than {limit} bytes; ask for less")]
    TooLarge {
        /// Bytes that are read at most.
        limit: usize,
    },
    /// The server answers something that is no answer.
    #[error("{0}")]
    Answer(String),
    /// The Secret cannot be used.
    #[error("Secret {namespace}/{name}: {reason}")]
    Secret {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What is wrong, and what it should have.
        reason: String,
    },
    /// The API server.
    #[error("Job {job}: {source}")]
    Job {
        /// The Job's name.
        job: String,
        /// Why.
        source: Box<ApiError>,
    },
    /// The Job does not end, or is not ours.
    #[error("Job {job} {reason}")]
    NoResult {
        /// The Job's name.
        job: String,
        /// Why.
        reason: String,
    },
    /// No answer in time.
    #[error("no answer within {0}")]
    Timeout(String),
    /// The client for HTTP cannot be made.
    #[error("no HTTP client can be made: {0}")]
    Client(reqwest::Error),
}
