//! Signing in and out. Nothing here shows anything of the fleet.
//!
//! - [`token`]: the form, and signing in with a read token; [`provider`]: signing in at the provider; [`out`]: signing out.
//! - [`visit`]: whoever is at the door, and what they are told.

mod out;
mod provider;
mod token;
mod visit;

pub use visit::Denied;

use super::answer;
use super::words::encode;
use crate::access::cookie::back;
use crate::shared::Shared;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use serde::Deserialize;
use std::sync::Arc;

/// Where people sign in.
pub const LOGIN: &str = "/login";
/// Where the provider sends them back.
pub const CALLBACK: &str = "/login/callback";
/// Where they are once they signed out.
pub const SIGNED_OUT: &str = "/signed-out";
/// Where they are sent to the provider.
const BEGIN: &str = "/login/oidc";
/// Largest form, in bytes.
const LARGEST: usize = 16 << 10;

/// All of it.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route(LOGIN, get(token::form).post(token::sign_in))
        .route(BEGIN, get(provider::begin))
        .route(CALLBACK, get(provider::callback))
        .route("/logout", post(out::sign_out))
        .route(SIGNED_OUT, get(out::signed_out))
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(from_fn(crate::http::etag::private))
        .layer(from_fn(answer::harden))
}

/// The address where one signs in, to come back to this page.
pub fn address(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("{LOGIN}?back={}", encode(back(path)))
}

/// Where to go back to.
#[derive(Clone, Debug, Default, Deserialize)]
struct Back {
    #[serde(default)]
    back: String,
}
