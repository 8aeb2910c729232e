//! Why a request failed, in the API server's words where it had any.

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use std::time::Duration;

/// A request that failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// It cannot be made, for example because of a name that fits in no URL.
    #[error("{verb} {path}: the request cannot be made: {reason}")]
    Request {
        /// Verb.
        verb: &'static str,
        /// Path and query.
        path: String,
        /// Why.
        reason: String,
    },
    /// No answer in time.
    #[error("{verb} {path}: no answer within {seconds} s")]
    Timeout {
        /// Verb.
        verb: &'static str,
        /// Path and query.
        path: String,
        /// The deadline in seconds.
        seconds: u64,
    },
    /// The connection.
    #[error("{verb} {path}: {reason}; check that the API server can be reached")]
    Transport {
        /// Verb.
        verb: &'static str,
        /// Path and query.
        path: String,
        /// The chain of causes.
        reason: String,
    },
    /// The answer is no JSON.
    #[error("{verb} {path}: the answer cannot be read: {source}")]
    Answer {
        /// Verb.
        verb: &'static str,
        /// Path and query.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The API server refused it.
    #[error("{verb} {path}: {code} {reason}: {message}")]
    Refused {
        /// Verb.
        verb: &'static str,
        /// Path and query.
        path: String,
        /// HTTP status.
        code: u16,
        /// `reason` of the Status, such as `Invalid`.
        reason: String,
        /// `message` of the Status.
        message: String,
        /// Reasons of the causes in its details.
        causes: Vec<String>,
        /// What kind of object its details are about.
        about: String,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
}

impl ApiError {
    pub(super) fn transport(
        verb: &'static str,
        path: &str,
        source: &(dyn std::error::Error + 'static),
    ) -> Self {
        let mut reason = source.to_string();
        let mut cause = source.source();
        while let Some(deeper) = cause {
            let text = deeper.to_string();
            if !reason.contains(&text) {
                reason = format!("{reason}: {text}");
            }
            cause = deeper.source();
        }
        Self::Transport { verb, path: path.to_owned(), reason }
    }

    /// HTTP status, where there was an answer.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// How long to leave the server alone: what it says, or a second after 429 and 503 without a word.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { code: 429, retry_after, .. } => {
                Some(retry_after.unwrap_or(Duration::from_secs(1)))
            }
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// The error of an answer that is not 2xx.
pub(super) fn refused(
    verb: &'static str,
    path: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> ApiError {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let causes = answer.pointer("/details/causes").and_then(Value::as_array);
    let retry_after = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let message = match text("/message") {
        empty if empty.is_empty() => String::from_utf8_lossy(body).chars().take(300).collect(),
        message => message,
    };
    ApiError::Refused {
        verb,
        path: path.to_owned(),
        code: status.as_u16(),
        reason: text("/reason"),
        message,
        causes: causes
            .into_iter()
            .flatten()
            .filter_map(|cause| Some(cause.get("reason")?.as_str()?.to_owned()))
            .collect(),
        about: text("/details/kind"),
        retry_after: retry_after.map(Duration::from_secs),
    }
}
