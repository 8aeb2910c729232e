//! Response bodies: a whole answer at once, or a watch that is read as it goes.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Frame;
use serde_json::{Value, json};
use tokio::time::Sleep;

use super::{Clock, Driver, Shared, lock};
use crate::api::{Watch, WatchStep};

/// What the server decided to answer.
pub(super) enum Reply {
    Whole(u16, Value),
    /// A path that nobody serves; the one answer that is not JSON.
    NoSuchPath,
    Stream(Box<Watch>, Shape),
}

/// How objects are shown to this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Full,
    /// `PartialObjectMetadata`.
    Metadata,
}

impl Shape {
    pub(super) fn show(self, object: &Value) -> Value {
        match self {
            Self::Full => object.clone(),
            Self::Metadata => json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"],
            }),
        }
    }
}

impl Reply {
    pub(super) fn into_response(
        self,
        cluster: &Shared,
        clock: Clock,
        driver: Arc<Driver>,
    ) -> Response<Answer> {
        let (code, answer, retry) = match self {
            Self::Whole(code, value) => {
                let retry = value["details"]["retryAfterSeconds"].as_u64();
                (code, Answer::Whole(Some(Bytes::from(value.to_string()))), retry)
            }
            Self::NoSuchPath => (404, Answer::Whole(Some(Bytes::from_static(b"404 page not found\n"))), None),
            Self::Stream(watch, shape) => {
                let stream = Stream {
                    watch,
                    shape,
                    cluster: cluster.clone(),
                    clock,
                    handle: None,
                    sleep: Box::pin(tokio::time::sleep(std::time::Duration::ZERO)),
                    _driver: driver,
                };
                (200, Answer::Stream(stream), None)
            }
        };
        let mut response = Response::new(answer);
        *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        if let Some(seconds) = retry {
            headers.insert(http::header::RETRY_AFTER, http::HeaderValue::from(seconds));
        }
        response
    }
}

/// A response body.
pub(super) enum Answer {
    Whole(Option<Bytes>),
    Stream(Stream),
}

/// A watch on the wire: one JSON event a line.
pub(super) struct Stream {
    watch: Box<Watch>,
    shape: Shape,
    cluster: Shared,
    clock: Clock,
    handle: Option<u64>,
    sleep: Pin<Box<Sleep>>,
    _driver: Arc<Driver>,
}

impl Stream {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut cluster = lock(&self.cluster);
        loop {
            cluster.advance(self.clock.now());
            match cluster.poll_watch(&mut self.watch) {
                WatchStep::End => return Poll::Ready(None),
                WatchStep::Event(event) => {
                    let object = match event.kind() {
                        "ERROR" => event.object().clone(),
                        _ => self.shape.show(event.object()),
                    };
                    let mut line = json!({"type": event.kind(), "object": object}).to_string();
                    line.push('\n');
                    return Poll::Ready(Some(Bytes::from(line)));
                }
                WatchStep::Wait(until) => {
                    self.handle = Some(cluster.register(self.handle, context.waker()));
                    let Some(until) = until else { return Poll::Pending };
                    self.sleep.as_mut().reset(self.clock.instant(until));
                    if self.sleep.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Whoever drops this may hold the lock; a waker left behind is forgotten at the next change.
        if let (Some(handle), Ok(mut cluster)) = (self.handle, self.cluster.try_lock()) {
            cluster.unregister(handle);
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Stream(stream) => stream.poll(context).map(|next| next.map(|b| Ok(Frame::data(b)))),
        }
    }
}
