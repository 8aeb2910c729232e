//! Whatever agents and people ask the hub in a simulation, and what it answers, is as its OpenAPI document says.

use std::sync::LazyLock;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::response::Parts;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use futures::StreamExt;
use shipper_core::AppKey;
use shipper_core::api::{EVIDENCE, WATCH};
use shipper_hub::http::openapi;
use shipper_test_contract::{Contract, Exchange};
use tower::ServiceExt;

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::new(&openapi::document()));

/// Sends a request, and holds the answer against the document; of a stream everything that comes.
pub(super) async fn send(
    router: Router,
    method: &str,
    target: &str,
    token: Option<&str>,
    body: Vec<u8>,
) -> Response {
    let request = Request::builder().method(method).uri(target);
    let request = match token {
        Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
        None => request,
    };
    let answer = router.oneshot(request.body(Body::from(body.clone())).unwrap()).await.unwrap();
    let (head, answer) = answer.into_parts();
    let asked = (method.to_owned(), target.to_owned(), Bytes::from(body));
    if head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
        let (told, events) = (head.clone(), answer.into_data_stream());
        let held = events.inspect(move |event| holds(&asked, &told, event.as_ref().unwrap()));
        return Response::from_parts(head, Body::from_stream(held));
    }
    let answer = to_bytes(answer, usize::MAX).await.unwrap();
    holds(&asked, &head, &answer);
    Response::from_parts(head, Body::from(answer))
}

/// Reads everything that there is to read of these applications and clusters.
pub(super) async fn read_all(router: &Router, applications: &[AppKey], clusters: &[String]) {
    for (path, method) in CONTRACT.paths() {
        let asks = method == "GET" && !path.starts_with("/api/v1/agent") && path != WATCH;
        if !asks || (path == EVIDENCE && applications.is_empty()) {
            continue;
        }
        let targets: Vec<String> = if path.contains("{namespace}") {
            let of = |app: &AppKey| path.replace("{namespace}", &app.namespace).replace("{name}", &app.name);
            applications.iter().map(of).collect()
        } else if path.contains("{name}") {
            clusters.iter().map(|cluster| path.replace("{name}", cluster)).collect()
        } else {
            vec![path.clone()]
        };
        for target in targets {
            // It waits for nothing.
            let query = match path.as_str() {
                path if path.ends_with("/wait") => "?for=settled&timeout=0".to_owned(),
                EVIDENCE => applications
                    .iter()
                    .fold("?".to_owned(), |query, app| format!("{query}application={app}&")),
                _ => String::new(),
            };
            let answer = send(router.clone(), "GET", &format!("{target}{query}"), None, Vec::new()).await;
            // An application may go meanwhile.
            let gone = path.contains("{namespace}") && answer.status() == StatusCode::NOT_FOUND;
            assert!(gone || answer.status().is_success(), "{target}: {}", answer.status());
        }
    }
}

fn holds((method, target, request): &(String, String, Bytes), head: &Parts, body: &[u8]) {
    let (status, headers) = (head.status.as_u16(), &head.headers);
    let exchange = Exchange { method, target, request, status, headers, body };
    let fault = CONTRACT.check(exchange).err();
    assert!(fault.is_none(), "{}", fault.unwrap_or_default());
}
