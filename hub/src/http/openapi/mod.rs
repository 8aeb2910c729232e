//! The description of the API, in OpenAPI 3.1: made from the code that serves it, so that it says neither more nor less.
//!
//! Handlers say with `#[utoipa::path]` what they take and answer, the types of `shipper_core` what is in it; [`super::routes`] puts each
//! under its path once, for the router and for this. What layers do for many routes is said once here:
//! - [`answers`]: refusals, marks of content; [`events`]: streams;
//! - [`security`]: who may ask;
//! - [`finish`]: the last touches, and the examples, which are real answers.

pub mod answers;
pub mod events;
mod finish;
pub mod security;

use super::lists::json;
use super::problem::Problem;
use super::routes::Routes;
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use shipper_core::api::OPENAPI;
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa::openapi::external_docs::ExternalDocsBuilder;

/// Where it is checked in.
pub const PATH: &str = "docs/openapi.json";

/// The page of the book.
const PAGE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/http-api.md");

/// Names of the groups that operations are told in.
pub mod tag {
    /// What runs, what it waits for, what happened.
    pub const APPLICATIONS: &str = "applications";
    /// All applications and clusters together.
    pub const FLEET: &str = "fleet";
    /// The hub itself, for whoever runs it.
    pub const HUB: &str = "hub";
    /// What agents say and are told.
    pub const AGENTS: &str = "agents";
    /// What Git hosts say.
    pub const GIT: &str = "git";
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Shipper",
        version = env!("CARGO_PKG_VERSION"),
        description = include_str!("introduction.md"),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "The hub that this is read from.")),
    tags(
        (name = tag::APPLICATIONS, description = "Applications: what runs, what it waits for and why, what happened."),
        (name = tag::FLEET, description = "All applications and clusters together."),
        (name = tag::HUB, description = "The hub itself, for whoever runs it."),
        (name = tag::AGENTS, description = "What agents say and are told, each by the token of its cluster."),
        (name = tag::GIT, description = "What Git hosts say."),
    ),
    components(schemas(Problem)),
)]
struct Frame;

/// The whole description.
pub fn document() -> Value {
    let mut document = Frame::openapi();
    let page = ExternalDocsBuilder::new().url(PAGE).description(Some("The page of the book."));
    document.external_docs = Some(page.build());
    Routes::new().describe(&mut document);
    answers::declare(&mut document);
    security::declare(&mut document);
    finish::finish(document)
}

static SERVED: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

/// This description.
#[utoipa::path(
    get, path = OPENAPI, operation_id = "getOpenapi", tag = tag::HUB,
    responses((status = 200, description = "An OpenAPI document.", body = Object)),
)]
pub async fn get() -> Response {
    json(SERVED.clone())
}
