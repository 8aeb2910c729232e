//! Every answer to a `GET` carries a mark of its content; who has it already gets 304 and no content. What is read may change at any
//! moment, so everybody asks each time.

use super::problem::mistake;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// What people read depends on who asks: no cache that others use keeps it, and none takes one's for another's.
pub async fn private(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("authorization, cookie"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// The half of a digest: enough to tell contents apart.
const MARK: usize = 16;

/// Marks answers, and leaves out what the asker has.
pub async fn etag(request: Request, next: Next) -> Response {
    let reads = request.method() == Method::GET;
    let known = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>();
    let response = next.run(request).await;
    if !reads || response.status() != StatusCode::OK || is_stream(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // What handlers make is in memory already and does not fail.
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => return mistake(&error).into_response(),
    };
    let mark = mark(&body);
    if let Ok(value) = HeaderValue::from_str(&mark) {
        parts.headers.insert(header::ETAG, value);
    }
    if known.iter().any(|known| names(known, &mark)) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

fn mark(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let mut mark = String::with_capacity(2 * MARK + 2);
    mark.push('"');
    for byte in digest.iter().take(MARK) {
        let _ = write!(mark, "{byte:02x}");
    }
    mark.push('"');
    mark
}

/// Whether `If-None-Match` names the mark; a proxy that compressed the content may have made it a weak one.
fn names(header: &HeaderValue, mark: &str) -> bool {
    let Ok(list) = header.to_str() else { return false };
    list.split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == mark)
}
