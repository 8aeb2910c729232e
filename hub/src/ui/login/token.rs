//! The form, which takes a read token and shows the way to the provider.

use super::visit::{Visit, with_status};
use super::{BEGIN, Back};
use crate::access::cookie::back;
use crate::ui::answer;
use crate::ui::frame::Frame;
use crate::ui::words::encode;
use askama::Template;
use axum::body::Bytes;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use url::form_urlencoded;

#[derive(Template)]
#[template(path = "login.html")]
struct Page {
    frame: Frame,
    back: String,
    wrong: Option<String>,
    /// Its name, and where to begin.
    provider: Option<(String, String)>,
}

fn page(visit: &Visit, to: &str, wrong: Option<String>) -> Response {
    let to = back(to).to_owned();
    let begin = format!("{BEGIN}?back={}", encode(&to));
    let provider = visit.shared.access.oidc().map(|oidc| (oidc.name(), begin));
    let status = if wrong.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let page = Page { frame: visit.frame(), back: to, wrong, provider };
    with_status(answer::page(&page, None), status)
}

pub(super) async fn form(visit: Visit, Query(asked): Query<Back>) -> Response {
    page(&visit, &asked.back, None)
}

pub(super) async fn sign_in(visit: Visit, body: Bytes) -> Response {
    let field = |name: &str| {
        let found = form_urlencoded::parse(&body).find(|(key, _)| key == name);
        found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    if let Some(refusal) = visit.stranger() {
        return refusal;
    }
    let to = field("back");
    let shared = &visit.shared;
    match shared.access.person_of(&*shared.store, shared.clock.now(), &field("token")).await {
        Ok(person) => visit.signed_in(person, &to).await,
        Err(refused) => {
            shared.metrics.refused(refused.cause());
            page(&visit, &to, Some(format!("This token does not count: {}.", refused.reason())))
        }
    }
}
