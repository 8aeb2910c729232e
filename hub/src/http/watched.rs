//! `?watch` on lists: the page as it is, at once, and then each time that it is another. The page is asked for again whenever something
//! changed, by the request that began the stream, so that a list knows nothing of it, and filters, limits and refusals are those of the list.
//!
//! An event's `id` is the mark of its page ([`etag`](super::etag)): who was cut off and says which it saw last is not sent it again.

use super::lists::watches;
use super::problem::mistake;
use super::sse::{self, LAST_EVENT_ID};
use crate::access::{Gate, View};
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use serde_json::Value;
use sha2::{Digest, Sha256};
use shipper_core::api::PAGE;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// The shortest time between two pages.
const PACE: Duration = Duration::from_millis(250);
/// How often is looked where nothing told of a change: a block begins and ends by the clock.
const LOOK: Duration = Duration::from_secs(2);

/// Around lists: makes a stream of what `?watch` asks for.
pub async fn watched(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some((asked, rest)) = split(parts.uri.query()) else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let watch = match watches(Some(&asked)) {
        Ok(watch) => watch,
        Err(problem) => return problem.into_response(),
    };
    if let Some(uri) = without(&parts.uri, &rest) {
        parts.uri = uri;
    }
    if !watch || parts.method != Method::GET {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let view = match View::from_request_parts(&mut parts, &gate).await {
        Ok(view) => view,
        Err(refused) => return refused,
    };
    // Who asks is known from now on, and looking again is nobody's doing.
    parts.extensions.insert(view.clone());
    // Nothing else in them counts from now on, and each would keep the buffer that the request was read into for as long as the stream.
    let last = std::mem::take(&mut parts.headers).get(LAST_EVENT_ID).and_then(mark);
    let mut pulse = view.pulse();
    pulse.mark_unchanged();
    let mut list = List { parts, next, last, told: None, pulse, at: Instant::now() };
    let first = match list.ask().await {
        Ok(first) => first,
        Err(refused) => return refused,
    };
    let events = stream::unfold((first, list), async |(first, mut list)| {
        let event = match first {
            Some(event) => event,
            None => list.changed().await?,
        };
        Some((event, (None, list)))
    });
    sse::answer(&view, events)
}

/// A list that is followed.
struct List {
    parts: Parts,
    next: Next,
    /// The mark of the page that the listener has.
    last: Option<HeaderValue>,
    /// Digest of what it was last sent, but for what changes with every report: thousands may listen, and a page may be long.
    told: Option<[u8; 32]>,
    pulse: watch::Receiver<u64>,
    /// When it was last asked for.
    at: Instant,
}

impl List {
    /// The next page that is another; `None` = there is none any more, and the listener learns why by asking again.
    async fn changed(&mut self) -> Option<Bytes> {
        loop {
            // Silence is no end: a look is due then.
            if let Ok(Err(_)) = timeout(LOOK, self.pulse.changed()).await {
                return None;
            }
            // What comes meanwhile goes into the same page.
            sleep_until(self.at + PACE).await;
            self.pulse.mark_unchanged();
            if let Some(event) = self.ask().await.ok()? {
                return Some(event);
            }
        }
    }

    /// The page as it is; `None` = the listener has it. What is no page comes back as it was answered.
    async fn ask(&mut self) -> Result<Option<Bytes>, Response> {
        let mut request = Request::from_parts(self.parts.clone(), Body::empty());
        if let Some(last) = &self.last {
            request.headers_mut().insert(header::IF_NONE_MATCH, last.clone());
        }
        let response = self.next.clone().run(request).await;
        self.at = Instant::now();
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(None),
            StatusCode::OK => {}
            _ => return Err(response),
        }
        let (parts, body) = response.into_parts();
        let mark = parts.headers.get(header::ETAG).cloned();
        // It is in memory already, and does not fail.
        let page = to_bytes(body, usize::MAX).await.map_err(|error| mistake(&error).into_response())?;
        let told = news(&page);
        if self.told.is_some() && self.told == told {
            return Ok(None);
        }
        self.told = told;
        let id = mark.as_ref().and_then(|mark| mark.to_str().ok()).unwrap_or_default().trim_matches('"');
        let mut event = format!("id: {id}\nevent: {PAGE}\ndata: ").into_bytes();
        // JSON as it is written here has no line breaks.
        event.extend_from_slice(&page);
        event.extend_from_slice(b"\n\n");
        self.last = mark;
        Ok(Some(event.into()))
    }
}

/// Digest of a page without the moments at which agents reported last: a report that says nothing new is none.
fn news(page: &[u8]) -> Option<[u8; 32]> {
    let mut page: Value = serde_json::from_slice(page).ok()?;
    for item in page.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        item.as_object_mut().map(|item| item.remove("lastReport"));
    }
    Some(Sha256::digest(page.to_string()).into())
}

/// What `watch` says, and the query without it; `None` = it is not there. Said twice, it is left to the list to refuse.
fn split(query: Option<&str>) -> Option<(String, String)> {
    let is = |pair: &&str| pair.split('=').next() == Some("watch");
    let (watch, rest): (Vec<&str>, Vec<&str>) = query?.split('&').partition(is);
    let [watch] = watch.as_slice() else { return None };
    let said = watch.split_once('=').map_or("", |(_, said)| said);
    Some((said.to_owned(), rest.join("&")))
}

/// The same address with another query.
fn without(uri: &Uri, query: &str) -> Option<Uri> {
    let path = uri.path();
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// An event's id as the mark that it was made of.
fn mark(id: &HeaderValue) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{}\"", id.to_str().ok()?)).ok()
}
