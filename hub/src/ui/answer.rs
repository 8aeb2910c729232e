//! How pages are sent: with a policy that lets nothing in but the hub's own style and script, and with a tag, so that a page that did not
//! change costs no transfer.

use super::frame::Frame;
use crate::http::lists::{self, Asked};
use crate::http::problem::{NOWHERE, Problem};
use crate::shared::Shared;
use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;

/// Nothing from elsewhere, nothing inline, nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Adds what browsers are to hold to, to every answer of the room.
pub async fn harden(request: Request, next: Next) -> Response {
    hardened(next.run(request).await)
}

fn hardened(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// While the hub stands by it knows nothing of applications, and a page says so instead of showing an empty fleet [A6].
pub async fn acts(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(refusal) = shared.stand.refusal() else { return next.run(request).await };
    let frame = Frame { changes: "/changes".to_owned(), ..Frame::bare(request.headers(), request.uri()) };
    Notice { frame, title: "This hub stands by".to_owned(), message: refusal.detail, nearest: Vec::new() }
        .page(StatusCode::SERVICE_UNAVAILABLE)
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "notice.html")]
pub struct Notice {
    /// What is around it.
    pub frame: Frame,
    /// What it is about.
    pub title: String,
    /// What is so, and the next step.
    pub message: String,
    /// Names that may have been meant, with their pages.
    pub nearest: Vec<(String, String)>,
}

impl Notice {
    /// The page, with a status.
    pub fn page(&self, status: StatusCode) -> Response {
        let mut response = page(self, None);
        *response.status_mut() = status;
        response
    }
}

/// What stands behind the `?` of a page's address.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Asked(asked) =
            Asked::from_request_parts(parts, state).await.map_err(|wrong| unreadable(parts, wrong))?;
        Ok(Self(asked))
    }
}

/// What the address of a page names.
#[derive(Clone, Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let lists::Path(names) =
            lists::Path::from_request_parts(parts, state).await.map_err(|wrong| unreadable(parts, wrong))?;
        Ok(Self(names))
    }
}

fn unreadable(parts: &Parts, wrong: Problem) -> Response {
    let frame = Frame::bare(&parts.headers, &parts.uri);
    let title = "This address cannot be read".to_owned();
    Notice { frame, title, message: wrong.detail, nearest: Vec::new() }.page(StatusCode::BAD_REQUEST)
}

/// Nothing is at this path: for a browser a page, for anybody else a problem.
pub async fn nowhere(headers: HeaderMap, uri: Uri) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok()).unwrap_or_default();
    if !accepts.contains("text/html") {
        return Problem::no_such_route().into_response();
    }
    let frame = Frame::bare(&headers, &uri);
    let title = "There is no such page".to_owned();
    let page =
        Notice { frame, title, message: format!("{}.", NOWHERE.replacen('n', "N", 1)), nearest: Vec::new() };
    hardened(page.page(StatusCode::NOT_FOUND))
}

/// A page, or 304 where the browser has it as it is.
pub fn page(page: &impl Template, asked: Option<&HeaderMap>) -> Response {
    let text = match page.render() {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "a page could not be written; this is a bug");
            return (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the hub made a mistake on this page; its log says where",
            )
                .into_response();
        }
    };
    let tag = tag(text.as_bytes());
    let known =
        asked.and_then(|headers| headers.get(header::IF_NONE_MATCH)).and_then(|tags| tags.to_str().ok());
    let unchanged = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn tag(content: &[u8]) -> String {
    format!("\"{}\"", digest(content))
}

/// The first 16 hex digits of SHA-256.
pub(super) fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().take(8).fold(String::with_capacity(16), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
