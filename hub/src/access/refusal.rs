//! What whoever may not read is told: programs get a problem document, people in a browser a page.

use crate::http::problem::{self, Problem};
use crate::shared::Shared;
use crate::store::Person;
use crate::ui::answer::Notice;
use crate::ui::frame::Frame;
use crate::ui::login::{self, Denied};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use shipper_core::catalogue::Refusal;

/// Why somebody may not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// They do not say who they are.
    Nobody,
    /// No such token counts.
    Token,
    /// The token is too old.
    Expired,
    /// Nobody is signed in any more.
    Session,
    /// The person is known and sees nothing.
    Nothing(Box<Person>),
    /// It takes the right to see everything.
    Partial,
}

impl Refused {
    /// For counting.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Nobody => "no_credentials",
            Self::Token => "unknown_token",
            Self::Expired => "expired_token",
            Self::Session => "session_over",
            Self::Nothing(_) => "sees_nothing",
            Self::Partial => "not_everything",
        }
    }

    /// The same, as the catalogue has it.
    fn refusal(&self) -> Refusal {
        match self {
            Self::Nobody => Refusal::NoCredentials,
            Self::Token => Refusal::UnknownToken,
            Self::Expired => Refusal::ExpiredToken,
            Self::Session => Refusal::SignedOut,
            Self::Nothing(_) => Refusal::NothingToSee,
            Self::Partial => Refusal::NotEverything,
        }
    }

    fn status(&self) -> StatusCode {
        problem::status(self.refusal())
    }

    fn detail(&self) -> &'static str {
        match self {
            Self::Nobody => {
                "this hub shows nothing to who does not say who they are; send a read token as Authorization: Bearer TOKEN \
                 (shipperctl: --token-file or SHIPPER_TOKEN). Whoever runs the hub makes one with shipperctl hub tokens create NAME"
            }
            Self::Token => {
                "the token is none that may read here: it was revoked, or is that of another hub or of an agent; ask whoever runs the \
                 hub for a new one (shipperctl hub tokens create NAME)"
            }
            Self::Expired => {
                "the token has expired; ask whoever runs the hub for a new one (shipperctl hub tokens create NAME)"
            }
            Self::Session => "you are signed out, or were away for too long; sign in again at /login",
            Self::Nothing(_) => {
                "you are signed in, and none of your groups sees a namespace here; ask whoever runs the hub to give you one in the file \
                 of --access-file"
            }
            Self::Partial => {
                "this is about the whole fleet, and you see some of its namespaces; it takes a token that sees everything (shipperctl \
                 hub tokens create NAME, without --namespace)"
            }
        }
    }

    /// Why a token does not count, in a few words.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Expired => "it has expired",
            _ => "it was revoked, is that of another hub or of an agent, or was not copied whole",
        }
    }

    /// The same as a problem document.
    pub fn problem(&self) -> Problem {
        Problem::new(self.refusal(), self.detail())
    }

    /// What the asker gets.
    pub fn answer(&self, shared: &Shared, parts: &Parts) -> Response {
        shared.metrics.refused(self.cause());
        if !is_navigation(&parts.method, &parts.headers) {
            return self.problem().into_response();
        }
        match self {
            Self::Nobody | Self::Session => {
                let to = login::address(&parts.uri);
                return (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
            }
            Self::Nothing(person) => return Denied::page(&parts.headers, &parts.uri, (**person).clone()),
            Self::Token | Self::Expired | Self::Partial => {}
        }
        let frame = Frame::bare(&parts.headers, &parts.uri);
        let title = "You may not read here".to_owned();
        let notice = Notice { frame, title, message: self.detail().to_owned(), nearest: Vec::new() };
        let mut response = notice.page(self.status());
        if self.status() == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Whether a person in a browser goes to a page, other than a page that fetches something by itself.
pub fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    method == Method::GET
        && text("accept").is_some_and(|accept| accept.contains("text/html"))
        // Old browsers do not say.
        && text("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
}
