//! The hub's HTTP side: agents report and are told of new commits, people and programs read, Git hosts give hints.
//!
//! - [`agent`], [`events`]: for agents, by their cluster's token ([`tokens`], [`auth`], [`limit`]).
//! - [`applications`], [`clusters`], [`fleet`], [`timeline`], [`why`](mod@why), [`wait`](mod@wait): what people and programs read, in pages
//!   ([`lists`]) that are not sent twice ([`etag`](mod@etag)), or as streams ([`sse`]).
//! - [`webhook`], [`health`]: for Git hosts and for whoever runs the hub.
//! - [`problem`]: every refusal, with what to do next; [`guard`]: time limits, panics, counts.
//! - [`serve`]: the socket.

pub mod agent;
pub mod applications;
pub mod auth;
pub mod clusters;
pub mod etag;
pub mod events;
pub mod evidence;
pub mod fleet;
pub mod guard;
pub mod health;
pub mod limit;
pub mod lists;
pub mod problem;
pub mod serve;
mod sse;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod tokens;
pub mod wait;
pub mod webhook;
pub mod why;

use crate::access::Gate;
use crate::shared::Shared;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use problem::Problem;
use shipper_core::api::{
    EVENTS_OF, EVIDENCE, PODS_OF, RELEASES_OF, SUMMARY, TIMELINE, VERSIONS, WAIT, WATCH,
};
use shipper_core::protocol::{
    APPLICATIONS, BLOCKS, CLUSTERS, EVENTS, REPORTS, SESSIONS, STATUS, WEBHOOK, WHY,
};
use std::sync::Arc;

/// Largest body of an agent's request, in bytes.
pub const MAX_REPORT: usize = 8 << 20;
/// Largest body of a webhook, in bytes.
pub const MAX_WEBHOOK: usize = 1 << 20;

/// All routes. Needs no socket: a request goes in, an answer comes out.
pub fn router(shared: Arc<Shared>) -> Router {
    let agents = Router::new()
        .route(SESSIONS, post(agent::open_session))
        .route(REPORTS, post(agent::report))
        .route(EVENTS, get(events::stream))
        .layer(DefaultBodyLimit::max(MAX_REPORT))
        .layer(from_fn_with_state(shared.clone(), guard::acts));
    let hints =
        Router::new().route(WEBHOOK, post(webhook::receive)).layer(DefaultBodyLimit::max(MAX_WEBHOOK));
    let one = format!("{APPLICATIONS}/{{namespace}}/{{name}}");
    // What people read is seen through a `View` alone: the state of these routes gives a handler nothing else.
    let gate = Gate::new(shared.clone());
    let readers: Router<Gate> = Router::new()
        .route(APPLICATIONS, get(applications::list))
        .route(&one, get(applications::one))
        .route(&format!("{one}/{WHY}"), get(why::why))
        .route(&format!("{one}/{EVENTS_OF}"), get(timeline::of_application))
        .route(&format!("{one}/{RELEASES_OF}"), get(applications::releases))
        .route(&format!("{one}/{PODS_OF}"), get(applications::pods))
        .route(&format!("{one}/{WAIT}"), get(wait::wait))
        .route(EVIDENCE, get(evidence::evidence))
        .route(BLOCKS, get(fleet::blocks))
        .route(CLUSTERS, get(clusters::list))
        .route(&format!("{CLUSTERS}/{{name}}"), get(clusters::one))
        .route(TIMELINE, get(timeline::events))
        .route(SUMMARY, get(fleet::summary))
        .route(VERSIONS, get(applications::versions))
        .route(WATCH, get(fleet::watch))
        .layer(from_fn(etag::etag))
        .layer(from_fn_with_state(shared.clone(), guard::acts));
    let always = Router::new()
        .route(STATUS, get(fleet::status).layer(from_fn(etag::etag)))
        .route("/metrics", get(health::metrics));
    let readers = readers.merge(always).merge(crate::ui::router(&shared)).layer(from_fn(etag::private));
    Router::new()
        .merge(agents)
        .merge(hints)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/actz", get(health::acting))
        .merge(crate::ui::login::router())
        .with_state(shared.clone())
        .merge(readers.with_state(gate))
        .merge(crate::ui::open())
        .fallback(async || Problem::no_such_route())
        .method_not_allowed_fallback(async || Problem::wrong_method())
        .layer(from_fn(guard::guard))
        .layer(from_fn_with_state(shared, guard::count))
}
