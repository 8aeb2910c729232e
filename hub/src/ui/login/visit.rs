//! Whoever is at the door, of whom nothing is known yet, and what they are told: to come in, or that they cannot.

use super::LOGIN;
use crate::access::cookie::{Cookie, Jar, back, is_own};
use crate::shared::Shared;
use crate::store::Person;
use crate::ui::answer;
use crate::ui::frame::Frame;
use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::sync::Arc;

const STRANGER: &str =
    "This came from a page of another site, and was not done. Go to the hub itself and try again.";

/// What is said while nobody can be let in.
pub(super) const NO_DATABASE: &str = "The hub's database does not answer. Try again.";

/// A request of somebody at the door.
pub(super) struct Visit {
    pub(super) shared: Arc<Shared>,
    pub(super) headers: HeaderMap,
    uri: Uri,
}

impl FromRequestParts<Arc<Shared>> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Infallible> {
        Ok(Self { shared: shared.clone(), headers: parts.headers.clone(), uri: parts.uri.clone() })
    }
}

impl Visit {
    pub(super) fn frame(&self) -> Frame {
        Frame::bare(&self.headers, &self.uri)
    }

    pub(super) fn jar(&self) -> Jar {
        self.shared.access.settings().jar()
    }

    /// What is said to a request that a page of another site made.
    pub(super) fn stranger(&self) -> Option<Response> {
        (!is_own(&self.headers)).then(|| self.refuse(StatusCode::FORBIDDEN, STRANGER))
    }

    /// Begins a session, of a new name, and ends the one before.
    pub(super) async fn signed_in(&self, person: Person, to: &str) -> Response {
        let jar = self.jar();
        let before = jar.get(&self.headers, Cookie::Session);
        let now = self.shared.clock.now();
        match self.shared.access.begin(&*self.shared.store, now, person, before).await {
            Ok((secret, lasts)) => {
                go(back(to), [jar.set(Cookie::Session, &secret, lasts), jar.clear(Cookie::Login)])
            }
            Err(error) => {
                tracing::warn!(%error, "nobody can sign in: the session is not stored");
                self.refuse(StatusCode::SERVICE_UNAVAILABLE, NO_DATABASE)
            }
        }
    }

    pub(super) fn refuse(&self, status: StatusCode, message: &str) -> Response {
        let links = vec![("Sign in".to_owned(), LOGIN.to_owned())];
        let page =
            Said { frame: self.frame(), title: "You are not signed in", message: message.to_owned(), links };
        with_status(answer::page(&page, None), status)
    }
}

/// A page that says one thing, and where to go from there.
#[derive(Template)]
#[template(path = "said.html")]
pub(super) struct Said {
    pub(super) frame: Frame,
    pub(super) title: &'static str,
    pub(super) message: String,
    pub(super) links: Vec<(String, String)>,
}

/// Somebody who sees nothing.
#[derive(Template)]
#[template(path = "denied.html")]
pub struct Denied {
    frame: Frame,
    name: String,
    email: Option<String>,
    groups: Vec<String>,
    key: String,
}

impl Denied {
    /// The page for a person.
    pub fn page(headers: &HeaderMap, uri: &Uri, person: Person) -> Response {
        let frame = Frame::bare(headers, uri);
        let key = person.email.clone().unwrap_or(person.subject);
        let page = Self { frame, name: person.name, email: person.email, groups: person.groups, key };
        with_status(answer::page(&page, None), StatusCode::FORBIDDEN)
    }
}

/// Sends the browser on, with what it is to keep.
pub(super) fn go<const N: usize>(to: &str, cookies: [Option<HeaderValue>; N]) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

pub(super) fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}
