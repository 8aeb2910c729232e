//! Signing in at the provider: there with a ticket, and back with an answer to it.

use super::Back;
use super::visit::{NO_DATABASE, Visit, go};
use crate::access::cookie::Cookie;
use crate::access::oidc::ticket::{LASTS, Ticket};
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use std::time::Duration;

const ELSEWHERE: &str = "This sign-in did not begin in this browser, began in another tab later on, or took longer than ten minutes. \
     Sign in again.";

pub(super) async fn begin(visit: Visit, Query(asked): Query<Back>) -> Response {
    let shared = &visit.shared;
    let Some(oidc) = shared.access.oidc() else {
        return visit
            .refuse(StatusCode::NOT_FOUND, "This hub has no provider to sign in at (--oidc-issuer).");
    };
    let ticket = Ticket::new(shared.clock.now(), &asked.back);
    match oidc.begin(&ticket).await {
        Ok(provider) => {
            let lasts = Duration::try_from(LASTS).unwrap_or_default();
            go(provider.as_str(), [visit.jar().set(Cookie::Login, ticket.cookie(), lasts)])
        }
        Err(error) => {
            tracing::warn!(%error, "nobody can sign in at the provider");
            shared.metrics.refused(error.cause());
            visit.refuse(
                StatusCode::BAD_GATEWAY,
                &format!("Nobody can sign in now: {error}. Try again; the hub's log says it too."),
            )
        }
    }
}

/// What the provider sends back.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Returned {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    iss: Option<String>,
    error: Option<String>,
    #[serde(default)]
    error_description: String,
}

pub(super) async fn callback(visit: Visit, Query(returned): Query<Returned>) -> Response {
    let (shared, now) = (&visit.shared, visit.shared.clock.now());
    let forged = |cause: &'static str, message: &str| {
        shared.metrics.refused(cause);
        visit.refuse(StatusCode::BAD_REQUEST, message)
    };
    let Some(oidc) = shared.access.oidc() else { return forged("login_forged", ELSEWHERE) };
    let jar = visit.jar();
    let ticket = jar.get(&visit.headers, Cookie::Login).and_then(|cookie| Ticket::read(cookie, now));
    let Some(ticket) = ticket.filter(|ticket| ticket.state() == returned.state) else {
        return forged("login_forged", ELSEWHERE);
    };
    if returned.iss.is_some_and(|issuer| issuer != oidc.issuer()) {
        return forged(
            "login_forged",
            "The answer is of another provider than the one you went to. Sign in again.",
        );
    }
    match shared.access.spend(&*shared.store, &ticket, now).await {
        Ok(true) => {}
        Ok(false) => return forged("login_replayed", "This sign-in was used already. Sign in again."),
        Err(error) => {
            tracing::warn!(%error, "nobody can sign in: the database does not answer");
            return visit.refuse(StatusCode::SERVICE_UNAVAILABLE, NO_DATABASE);
        }
    }
    if let Some(error) = returned.error {
        let message = format!("The provider signed nobody in: {error} {}", returned.error_description);
        return forged("login_declined", message.trim());
    }
    match oidc.finish(&ticket, &returned.code).await {
        Ok(person) => visit.signed_in(person, &ticket.back()).await,
        Err(error) => {
            tracing::warn!(%error, "somebody could not sign in");
            forged(
                error.cause(),
                &format!("You are not signed in: {error}. Sign in again; the hub's log says it too."),
            )
        }
    }
}
