//! Signing out, of the hub and then of the provider if one likes.

use super::visit::{Said, Visit, go};
use super::{LOGIN, SIGNED_OUT};
use crate::access::cookie::Cookie;
use crate::ui::answer;
use axum::http::StatusCode;
use axum::response::Response;

pub(super) async fn sign_out(visit: Visit) -> Response {
    if let Some(refusal) = visit.stranger() {
        return refusal;
    }
    let jar = visit.jar();
    if let Some(secret) = jar.get(&visit.headers, Cookie::Session)
        && let Err(error) = visit.shared.access.end(&*visit.shared.store, secret).await
    {
        tracing::warn!(%error, "somebody is not signed out: the database does not answer");
        return visit.refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "You are not signed out: the hub's database does not answer. Try again.",
        );
    }
    go(SIGNED_OUT, [jar.clear(Cookie::Session)])
}

pub(super) async fn signed_out(visit: Visit) -> Response {
    let mut links = vec![("Sign in again".to_owned(), LOGIN.to_owned())];
    let access = &visit.shared.access;
    if let Some(oidc) = access.oidc()
        && let Some(url) = oidc.sign_out(&access.settings().page(SIGNED_OUT)).await
    {
        links.push((format!("Sign out of {} as well", oidc.name()), url.into()));
    }
    let message = "Nobody who uses this browser sees anything of the fleet now.".to_owned();
    answer::page(&Said { frame: visit.frame(), title: "You are signed out", message, links }, None)
}
