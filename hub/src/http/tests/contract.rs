//! What is served is what the OpenAPI document says, and the other way round.

use super::*;
use crate::http::openapi;
use axum::http::Method;
use axum::http::request::Parts;
use bytes::Bytes;
use shipper_test_contract::{Contract, Exchange, Seen};
use std::collections::BTreeSet;
use std::sync::LazyLock;

pub(super) static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::new(&openapi::document()));

/// A request, as the contract sees it.
pub(super) struct Asked {
    method: Method,
    target: String,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn of(head: &Parts, body: Bytes) -> Self {
        Self { method: head.method.clone(), target: head.uri.to_string(), body }
    }
}

/// Holds an answer against the document.
pub(super) fn holds(asked: &Asked, answer: &Answer) -> Option<Seen> {
    let exchange = Exchange {
        method: asked.method.as_str(),
        target: &asked.target,
        request: &asked.body,
        status: answer.status.as_u16(),
        headers: &answer.headers,
        body: answer.text.as_bytes(),
    };
    CONTRACT.check(exchange).unwrap_or_else(|fault| panic!("{fault}"))
}

/// The paths that a router serves, as its debug output tells them: there is no other way to ask it.
fn paths(router: &impl std::fmt::Debug) -> BTreeSet<String> {
    let told = format!("{router:?}");
    let quoted = told.split('"').skip(1).step_by(2);
    quoted.filter(|text| text.starts_with('/') && !text.contains("__private")).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let hub = hub().await;
    let mut pages = paths(&crate::ui::router(&hub.shared));
    pages.extend(paths(&crate::ui::open()));
    pages.extend(paths(&crate::ui::login::router()));
    let served: BTreeSet<String> = paths(&hub.router).difference(&pages).cloned().collect();
    assert!(
        pages.contains("/") && served.contains("/healthz"),
        "a router tells its paths: {pages:?} {served:?}"
    );
    let described: BTreeSet<String> = CONTRACT.paths().into_iter().map(|(path, _)| path).collect();
    assert_eq!(served, described);

    // A method that is not served is refused with those that are.
    for path in served {
        let methods: BTreeSet<String> =
            CONTRACT.paths().into_iter().filter(|(of, _)| *of == path).map(|(_, method)| method).collect();
        let target = path.replace("{namespace}", "web").replace("{name}", "shop");
        let request = Request::builder().method("TRACE").uri(target).body(Body::empty()).unwrap();
        let answer = hub.answer(request).await;
        answer.problem(405);
        let allowed = answer.headers[header::ALLOW].to_str().unwrap().split(',').map(str::to_owned);
        let allowed: BTreeSet<String> = allowed.filter(|method| method != "HEAD").collect();
        assert_eq!(allowed, methods, "{path}");
    }
}

#[tokio::test]
async fn the_document_is_served_and_is_what_is_checked_in() {
    let served = hub().await.get(shipper_core::api::OPENAPI).await.json();
    assert_eq!(served["openapi"], "3.1.0");
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(openapi::PATH);
    let checked_in: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert!(served == checked_in, "{} is not what the code says; run `cargo xtask docs`", openapi::PATH);
}
