//! `?watch` on lists: the page as it is, at once, and then each time that it is another, made once for all who follow the same
//! ([`feed`](super::feed)). It is asked for by the request that began the stream, so that a list knows nothing of it, and filters, limits and
//! refusals are those of the list.
//!
//! An event's `id` is the mark of its page ([`etag`](super::etag)): who was cut off and says which it saw last is not sent it again.

use super::feed::{Feeds, List};
use super::lists::watches;
use super::sse::{self, LAST_EVENT_ID};
use crate::access::{Gate, View};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::stream;
use std::sync::Arc;

/// Around lists: makes a stream of what `?watch` asks for.
pub(super) async fn watched(
    State((gate, feeds)): State<(Gate, Arc<Feeds>)>,
    request: Request,
    next: Next,
) -> Response {
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
    let list = List { view: view.clone(), parts, next };
    let (page, listener) = match feeds.follow(list).await {
        Ok(followed) => followed,
        Err(refused) => return refused,
    };
    let first = page.told(last.as_ref());
    let events = stream::unfold((first, listener), async |(first, mut listener)| {
        let event = match first {
            Some(event) => event,
            None => listener.next().await?,
        };
        Some((event, (None, listener)))
    });
    sse::answer(&view, events)
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
