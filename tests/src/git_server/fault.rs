//! What goes wrong with Git hosts, short of being away.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head>\
    <body><form action=\"/login\" method=\"post\"><input name=\"user\"></form></body></html>";

/// A way in which every request goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is answered well, but late.
    Delay(Duration),
    /// It is never answered.
    Hang,
    /// 429 with `Retry-After` in seconds.
    TooManyRequests {
        /// The seconds to wait.
        retry_after: u32,
    },
    /// 200 with a page to sign in, as from a proxy in front of the host.
    LoginPage,
    /// This status, with a short text.
    Status(StatusCode),
}

impl Fault {
    /// Waits or answers in place of the server; `None` means that the server answers.
    pub(super) async fn strike(self) -> Option<Response<Body>> {
        match self {
            Self::Delay(delay) => {
                tokio::time::sleep(delay).await;
                None
            }
            Self::Hang => std::future::pending().await,
            Self::TooManyRequests { retry_after } => {
                let mut response = super::plain(StatusCode::TOO_MANY_REQUESTS, "slow down\n".into());
                response.headers_mut().insert(header::RETRY_AFTER, retry_after.into());
                Some(response)
            }
            Self::LoginPage => {
                let mut response = Response::new(Body::from(LOGIN_PAGE));
                let html = HeaderValue::from_static("text/html; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, html);
                Some(response)
            }
            Self::Status(status) => Some(super::plain(status, format!("{status}\n"))),
        }
    }
}
