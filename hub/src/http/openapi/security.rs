//! Who may ask: what the description says of it, in one place. What is done about it is in
//! [`super::super::auth`] and [`crate::access`].

use super::answers::{self, Forbidden, TooMany, Unauthorized};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Components, OpenApi};

/// The token of a cluster.
const AGENT: &str = "agentToken";
/// The token of a person or a program that reads.
const READER: &str = "readToken";
/// The cookie of a person who signed in.
const SESSION: &str = "session";

/// Declares the ways to prove who one is.
pub(super) fn declare(document: &mut OpenApi) {
    let reader = "A read token, as `shipperctl hub tokens create` makes it. It shows what it was made for. Not needed where the hub lets \
                  anybody read.";
    let agent = "The token of a cluster, as the hub's `--agent-tokens` file has it. Its agent sends it.";
    let components = document.components.get_or_insert_with(Components::new);
    for (name, description) in [(AGENT, agent), (READER, reader)] {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
        components.add_security_scheme(name, SecurityScheme::Http(bearer));
    }
    let session =
        "The cookie of a person who signed in at `/login`; without https it is called `shipper-session`.";
    let cookie = ApiKeyValue::with_description("__Host-shipper-session", session);
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    // What says nothing is open to everybody.
    for operation in answers::operations(document) {
        operation.security.get_or_insert_default();
    }
}

/// For agents alone, each by the token of its cluster, and only so often.
pub(crate) fn agents(operations: &mut OpenApi) {
    for operation in answers::operations(operations) {
        let token = SecurityRequirement::new(AGENT, Vec::<String>::new());
        operation.security.get_or_insert_default().push(token);
    }
    answers::refused::<Unauthorized>(operations);
    answers::refused::<Forbidden>(operations);
    answers::refused::<TooMany>(operations);
}

/// For people and programs that read: by a token, by the cookie of who signed in, or, where the hub lets anybody read, by nothing.
pub(crate) fn readers(operations: &mut OpenApi) {
    for operation in answers::operations(operations) {
        let proofs = [READER, SESSION].map(|proof| SecurityRequirement::new(proof, Vec::<String>::new()));
        let proofs = proofs.into_iter().chain([SecurityRequirement::default()]);
        operation.security.get_or_insert_default().extend(proofs);
    }
    answers::refused::<Unauthorized>(operations);
}
