//! Every refusal, as a problem document (RFC 9457): what is wrong and what to do next, for people; status and reason for programs. There is
//! none without a reason of the catalogue, which says the status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use shipper_core::catalogue::Refusal;
use utoipa::ToSchema;

/// What is said of a path that nothing is at.
pub const NOWHERE: &str = "nothing is at this path; the API is below /api/v1";

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The page of the reason, which says more of it.
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    kind: String,
    /// What the reason means.
    title: String,
    /// The HTTP status, which goes with the reason.
    status: u16,
    /// Why it is refused, for programs to go by.
    pub reason: Refusal,
    /// What is wrong here, and the next step.
    pub detail: String,
    /// Seconds to wait before trying again.
    #[serde(skip)]
    retry_after: Option<u32>,
}

impl Problem {
    /// A refusal for this reason.
    pub fn new(reason: Refusal, detail: impl Into<String>) -> Self {
        let entry = reason.entry();
        Self {
            kind: entry.map_or_else(|| "about:blank".to_owned(), |entry| entry.url()),
            title: entry.map_or(reason.name(), |entry| entry.meaning).to_owned(),
            status: reason.status(),
            reason,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The same, to be tried again after some seconds.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        status(self.reason)
    }

    /// 404 for a path that nothing is at.
    pub fn no_such_route() -> Self {
        Self::new(Refusal::NoSuchPath, NOWHERE)
    }

    /// 405.
    pub fn wrong_method() -> Self {
        Self::new(Refusal::WrongMethod, "this path does not take this method; see the Allow header")
    }
}

/// What should not have happened, which the log tells more of.
pub(super) fn mistake(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "an answer could not be made");
    Problem::new(Refusal::Mistake, "the hub made a mistake on this request; its log says more")
}

/// The HTTP status of a reason.
pub fn status(reason: Refusal) -> StatusCode {
    StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.status(), self.retry_after);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    /// There is no refusal in the code but of these, for nothing else makes one.
    #[tokio::test]
    async fn every_refusal_is_a_problem_document_with_its_reason_and_its_page() {
        for reason in Refusal::ALL {
            let entry = reason.entry().unwrap();
            let (head, body) = Problem::new(*reason, "what is wrong").into_response().into_parts();
            assert_eq!(head.status.as_u16(), reason.status(), "{}", entry.name);
            assert_eq!(head.headers[header::CONTENT_TYPE], "application/problem+json");
            let told: serde_json::Value =
                serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
            assert_eq!(
                told,
                serde_json::json!({
                    "type": entry.url(), "title": entry.meaning, "status": reason.status(), "reason": entry.name,
                    "detail": "what is wrong",
                })
            );
        }
    }
}
