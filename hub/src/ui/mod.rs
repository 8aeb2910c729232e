//! The pages for people in a browser: what rolls out, what it waits for, which pods fail where. They show and change nothing: what
//! changes anything is a commit, and the pages say which command makes it.
//!
//! - [`frame`], [`answer`]: what all pages have around them, and how they are sent; [`assets`]: style, script, icon; `escape`: how text comes into them.
//! - [`login`]: signing in and out.
//! - [`changes`]: the stream after which an open page is fetched again and its differences put in place.
//! - [`mood`]: how things stand, in one word, for colours, shapes and words alike; [`words`]: how things are said; `commit`: a commit on a
//!   line.
//! - `support`: what the tests of the pages are made with; `tests`: what holds of all of them.
//! - [`fleet`], [`application`], [`why`], [`clusters`], [`blocks`], [`events`], [`search`]: the pages. Each makes a view, plain data with everything
//!   decided, and its template in `pages/` only sets it; what others wrote is escaped there.

pub mod answer;
pub mod application;
pub mod assets;
pub mod blocks;
pub mod changes;
pub mod clusters;
mod commit;
mod escape;
pub mod events;
pub mod fleet;
pub mod frame;
pub mod login;
pub mod mood;
pub mod search;
pub mod strip;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tests;
pub mod why;
pub mod words;

pub use answer::nowhere;

use crate::access::Gate;
use crate::shared::Shared;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use std::sync::Arc;

/// All pages.
pub fn router(shared: &Arc<Shared>) -> Router<Gate> {
    let pages: Router<Gate> = Router::new()
        .route("/", get(fleet::page))
        .route("/applications/{namespace}/{name}", get(application::page))
        .route("/applications/{namespace}/{name}/why", get(why::page))
        .route("/applications/{namespace}/{name}/diff", get(application::compared::page))
        .route("/clusters", get(clusters::all))
        .route("/clusters/{name}", get(clusters::one))
        .route("/blocks", get(blocks::page))
        .route("/events", get(events::page))
        .route("/search", get(search::page))
        .layer(from_fn_with_state(shared.clone(), answer::acts));
    pages.route("/changes", get(changes::stream)).layer(from_fn(answer::harden))
}

/// What belongs to pages and says nothing of the fleet.
pub fn open() -> Router {
    Router::new()
        .route("/theme", get(frame::choose_theme))
        .route("/favicon.ico", get(assets::icon))
        .route("/assets/{version}/{name}", get(assets::asset))
        .layer(from_fn(answer::harden))
}
