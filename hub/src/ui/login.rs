//! Signing in and out: at the provider, or with a read token. Nothing here shows anything of the fleet.

use super::answer;
use super::frame::Frame;
use super::words::encode;
use crate::access::cookie::{Cookie, back, is_own};
use crate::access::oidc::ticket::{LASTS, Ticket};
use crate::shared::Shared;
use crate::store::Person;
use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded;

/// Where people sign in.
pub const LOGIN: &str = "/login";
/// Where the provider sends them back.
pub const CALLBACK: &str = "/login/callback";
/// Where they are once they signed out.
pub const SIGNED_OUT: &str = "/signed-out";
/// Largest form, in bytes.
const LARGEST: usize = 16 << 10;

/// All of it.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route(LOGIN, get(form).post(with_token))
        .route("/login/oidc", get(begin))
        .route(CALLBACK, get(callback))
        .route("/logout", post(sign_out))
        .route(SIGNED_OUT, get(signed_out))
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(from_fn(crate::http::etag::private))
        .layer(from_fn(answer::harden))
}

/// The address where one signs in, to come back to this page.
pub fn address(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("{LOGIN}?back={}", encode(back(path)))
}

#[derive(Template)]
#[template(path = "login.html")]
struct Page {
    frame: Frame,
    back: String,
    wrong: Option<String>,
    /// Its name, and where to begin.
    provider: Option<(String, String)>,
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

/// A page that says one thing, and where to go from there.
#[derive(Template)]
#[template(path = "said.html")]
struct Said {
    frame: Frame,
    title: &'static str,
    message: String,
    links: Vec<(String, String)>,
}

/// Where to go back to.
#[derive(Clone, Debug, Default, Deserialize)]
struct Back {
    #[serde(default)]
    back: String,
}

fn page(shared: &Shared, headers: &HeaderMap, uri: &Uri, to: &str, wrong: Option<String>) -> Response {
    let to = back(to).to_owned();
    let begin = format!("/login/oidc?back={}", encode(&to));
    let provider = shared.access.oidc().map(|oidc| (oidc.name(), begin));
    let status = if wrong.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let page = Page { frame: Frame::bare(headers, uri), back: to, wrong, provider };
    with_status(answer::page(&page, None), status)
}

async fn form(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: Uri,
    Query(asked): Query<Back>,
) -> Response {
    page(&shared, &headers, &uri, &asked.back, None)
}

async fn with_token(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    let field = |name: &str| {
        let found = form_urlencoded::parse(&body).find(|(key, _)| key == name);
        found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    if !is_own(&headers) {
        return refuse(&headers, &uri, StatusCode::FORBIDDEN, STRANGER);
    }
    let to = field("back");
    match shared.access.person_of(&*shared.store, shared.clock.now(), &field("token")).await {
        Ok(person) => signed_in(&shared, &headers, &uri, person, &to).await,
        Err(refused) => {
            shared.metrics.refused(refused.cause());
            page(
                &shared,
                &headers,
                &uri,
                &to,
                Some(format!("This token does not count: {}.", refused.reason())),
            )
        }
    }
}

const STRANGER: &str =
    "This came from a page of another site, and was not done. Go to the hub itself and try again.";
const ELSEWHERE: &str = "This sign-in did not begin in this browser, began in another tab later on, or took longer than ten minutes. \
     Sign in again.";

async fn begin(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: Uri,
    Query(asked): Query<Back>,
) -> Response {
    let Some(oidc) = shared.access.oidc() else {
        return refuse(
            &headers,
            &uri,
            StatusCode::NOT_FOUND,
            "This hub has no provider to sign in at (--oidc-issuer).",
        );
    };
    let ticket = Ticket::new(shared.clock.now(), &asked.back);
    match oidc.begin(&ticket).await {
        Ok(provider) => {
            let lasts = Duration::try_from(LASTS).unwrap_or_default();
            let cookie = shared.access.settings().jar().set(Cookie::Login, ticket.cookie(), lasts);
            go(provider.as_str(), [cookie])
        }
        Err(error) => {
            tracing::warn!(%error, "nobody can sign in at the provider");
            shared.metrics.refused(error.cause());
            refuse(
                &headers,
                &uri,
                StatusCode::BAD_GATEWAY,
                &format!("Nobody can sign in now: {error}. Try again; the hub's log says it too."),
            )
        }
    }
}

/// What the provider sends back.
#[derive(Clone, Debug, Default, Deserialize)]
struct Returned {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    iss: Option<String>,
    error: Option<String>,
    #[serde(default)]
    error_description: String,
}

async fn callback(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: Uri,
    Query(returned): Query<Returned>,
) -> Response {
    let (jar, now) = (shared.access.settings().jar(), shared.clock.now());
    let forged = |cause: &'static str, message: &str| {
        shared.metrics.refused(cause);
        refuse(&headers, &uri, StatusCode::BAD_REQUEST, message)
    };
    let Some(oidc) = shared.access.oidc() else { return forged("login_forged", ELSEWHERE) };
    let ticket = jar.get(&headers, Cookie::Login).and_then(|cookie| Ticket::read(cookie, now));
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
            return refuse(
                &headers,
                &uri,
                StatusCode::SERVICE_UNAVAILABLE,
                "The hub's database does not answer. Try again.",
            );
        }
    }
    if let Some(error) = returned.error {
        let message = format!("The provider signed nobody in: {error} {}", returned.error_description);
        return forged("login_declined", message.trim());
    }
    match oidc.finish(&ticket, &returned.code).await {
        Ok(person) => signed_in(&shared, &headers, &uri, person, &ticket.back()).await,
        Err(error) => {
            tracing::warn!(%error, "somebody could not sign in");
            forged(
                error.cause(),
                &format!("You are not signed in: {error}. Sign in again; the hub's log says it too."),
            )
        }
    }
}

/// Begins a session, of a new name, and ends the one before.
async fn signed_in(shared: &Shared, headers: &HeaderMap, uri: &Uri, person: Person, to: &str) -> Response {
    let jar = shared.access.settings().jar();
    let before = jar.get(headers, Cookie::Session);
    let begun = shared.access.begin(&*shared.store, shared.clock.now(), person, before).await;
    match begun {
        Ok((secret, lasts)) => {
            go(back(to), [jar.set(Cookie::Session, &secret, lasts), jar.clear(Cookie::Login)])
        }
        Err(error) => {
            tracing::warn!(%error, "nobody can sign in: the session is not stored");
            refuse(
                headers,
                uri,
                StatusCode::SERVICE_UNAVAILABLE,
                "The hub's database does not answer. Try again.",
            )
        }
    }
}

async fn sign_out(State(shared): State<Arc<Shared>>, headers: HeaderMap, uri: Uri) -> Response {
    if !is_own(&headers) {
        return refuse(&headers, &uri, StatusCode::FORBIDDEN, STRANGER);
    }
    let jar = shared.access.settings().jar();
    if let Some(secret) = jar.get(&headers, Cookie::Session)
        && let Err(error) = shared.access.end(&*shared.store, secret).await
    {
        tracing::warn!(%error, "somebody is not signed out: the database does not answer");
        return refuse(
            &headers,
            &uri,
            StatusCode::SERVICE_UNAVAILABLE,
            "You are not signed out: the hub's database does not answer. Try again.",
        );
    }
    go(SIGNED_OUT, [jar.clear(Cookie::Session)])
}

async fn signed_out(State(shared): State<Arc<Shared>>, headers: HeaderMap, uri: Uri) -> Response {
    let mut links = vec![("Sign in again".to_owned(), LOGIN.to_owned())];
    if let Some(oidc) = shared.access.oidc()
        && let Some(url) = oidc.sign_out(&shared.access.settings().page(SIGNED_OUT)).await
    {
        links.push((format!("Sign out of {} as well", oidc.name()), url.into()));
    }
    let frame = Frame::bare(&headers, &uri);
    let message = "Nobody who uses this browser sees anything of the fleet now.".to_owned();
    answer::page(&Said { frame, title: "You are signed out", message, links }, None)
}

fn refuse(headers: &HeaderMap, uri: &Uri, status: StatusCode, message: &str) -> Response {
    let frame = Frame::bare(headers, uri);
    let links = vec![("Sign in".to_owned(), LOGIN.to_owned())];
    let page = Said { frame, title: "You are not signed in", message: message.to_owned(), links };
    with_status(answer::page(&page, None), status)
}

fn go<const N: usize>(to: &str, cookies: [Option<HeaderValue>; N]) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}
