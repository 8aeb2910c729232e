//! The ways to the hub without a socket: the same requests into the same router, token and all.

use axum::Router;
use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::response::Response;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shipper_agent::hub::{HubError, HubLink};
use shipper_core::protocol::{
    Accepted, EVENTS, REPORTS, SESSIONS, Session, SessionRequest, TargetEvent, WEBHOOK,
};
use shipper_core::report::Report;

use super::contract::send;

/// The hub's router, and who asks.
pub(super) struct Link {
    pub(super) router: Router,
    pub(super) token: String,
}

/// Tells the hub that something was pushed, as a Git server does.
pub(super) async fn webhook(router: Router) {
    let response = send(router, "POST", WEBHOOK, None, Vec::new()).await;
    assert!(response.status().is_success(), "{response:?}");
}

impl Link {
    async fn ask(&self, method: &str, path: &str, body: Vec<u8>) -> Result<Response, HubError> {
        let response = send(self.router.clone(), method, path, Some(&self.token), body).await;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::CONFLICT => Err(HubError::SessionUnknown),
            status => {
                let message = format!("{:?}", to_bytes(response.into_body(), usize::MAX).await);
                Err(HubError::Failed { status: status.as_u16(), message, retry_after: None })
            }
        }
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, HubError> {
        let response = self.ask("POST", path, serde_json::to_vec(body).unwrap()).await?;
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Ok(serde_json::from_slice(&bytes).unwrap())
    }
}

impl HubLink for Link {
    fn open(&self, request: SessionRequest) -> BoxFuture<'_, Result<Session, HubError>> {
        Box::pin(async move { self.post(SESSIONS, &request).await })
    }

    fn report(&self, report: Report) -> BoxFuture<'_, Result<Accepted, HubError>> {
        Box::pin(async move { self.post(REPORTS, &report).await })
    }

    fn events(&self) -> BoxFuture<'_, Result<BoxStream<'static, Result<TargetEvent, HubError>>, HubError>> {
        Box::pin(async move {
            let chunks = self.ask("GET", EVENTS, Vec::new()).await?.into_body().into_data_stream();
            // In memory every event is a chunk of its own.
            let events = |chunk: Result<axum::body::Bytes, axum::Error>| {
                let text = String::from_utf8(chunk.unwrap().to_vec()).unwrap();
                let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
                let events = data.map(|data| Ok(serde_json::from_str(data).unwrap()));
                stream::iter(events.collect::<Vec<_>>())
            };
            Ok(chunks.flat_map(events).boxed())
        })
    }
}
