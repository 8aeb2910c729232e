//! The hub's HTTP side: agents report and are told of new commits, people and programs read, Git hosts give hints.
//!
//! - [`agent`], [`events`]: for agents, by their cluster's token ([`tokens`], [`auth`], [`limit`]).
//! - [`applications`], [`clusters`], [`fleet`], [`timeline`], [`measurements`], [`why`](mod@why), [`wait`](mod@wait): what people and programs read, in pages
//!   ([`lists`]) that are not sent twice ([`etag`](mod@etag)), or as streams ([`sse`], [`watched`](mod@watched),
//!   [`feed`]).
//! - [`webhook`], [`health`]: for Git hosts and for whoever runs the hub.
//! - [`problem`]: every refusal, with what to do next; [`guard`]: time limits, panics, counts.
//! - [`routes`]: which handler is where; [`openapi`]: the description of all that.
//! - [`serve`]: the socket.

pub mod agent;
pub mod applications;
pub mod auth;
pub mod clusters;
pub mod etag;
pub mod events;
pub mod evidence;
mod feed;
pub mod fleet;
pub mod guard;
pub mod health;
pub mod limit;
pub mod lists;
pub mod measurements;
pub mod openapi;
pub mod problem;
mod routes;
pub mod serve;
mod sse;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod tokens;
pub mod wait;
mod watched;
pub mod webhook;
pub mod why;

use crate::access::Gate;
use crate::shared::Shared;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use feed::Feeds;
use guard::Guard;
use problem::Problem;
use routes::Routes;
use std::sync::Arc;

/// Largest body of an agent's request, in bytes.
pub const MAX_REPORT: usize = 8 << 20;
/// Largest body of a webhook, in bytes.
pub const MAX_WEBHOOK: usize = 1 << 20;

/// All routes. Needs no socket: a request goes in, an answer comes out.
pub fn router(shared: Arc<Shared>) -> Router {
    let Routes { agents, hints, lists, readers, always, metrics, operators, document } = Routes::new();
    let wrong_method = async || Problem::wrong_method();
    let agents: Router = Router::new().merge(agents).with_state(shared.clone());
    let agents = agents.method_not_allowed_fallback(wrong_method).layer(Guard::of_agents(shared.clone()));
    let hints = hints.layer(DefaultBodyLimit::max(MAX_WEBHOOK));
    let readers = readers.layer(from_fn(etag::etag)).layer(from_fn_with_state(shared.clone(), guard::acts));
    // What people read is seen through a `View` alone: the state of these routes gives a handler nothing else.
    let gate = Gate::new(shared.clone());
    let lists = lists
        .layer(from_fn(etag::etag))
        .layer(from_fn_with_state((gate.clone(), Arc::<Feeds>::default()), watched::watched))
        .layer(from_fn_with_state(shared.clone(), guard::acts));
    let readers: Router<Gate> = Router::new()
        .merge(lists)
        .merge(readers)
        .merge(always.layer(from_fn(etag::etag)))
        .merge(metrics)
        .merge(crate::ui::router(&shared))
        .layer(from_fn(etag::private));
    let others = Router::new()
        .merge(hints)
        .merge(operators)
        .merge(document.layer(from_fn(etag::etag)))
        .merge(crate::ui::login::router())
        .with_state(shared.clone())
        .merge(readers.with_state(gate))
        .merge(crate::ui::open())
        .fallback(crate::ui::nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(Guard::new(shared));
    others.merge(agents)
}
