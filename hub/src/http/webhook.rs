//! A Git host says that something was pushed. Only a hint to look, so a false one costs a fetch, nothing more: of the body,
//! nothing is read but the name of the commit, and that only to spare the look where it is known already. Where a secret is set, a hint without it is refused.

use super::agent::unread;
use super::openapi::answers::{BadRequest, TooLarge, Unauthorized};
use super::openapi::tag;
use super::problem::Problem;
use crate::shared::Shared;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shipper_core::catalogue::Refusal;
use shipper_core::protocol::WEBHOOK;
use std::sync::Arc;

/// What to do about a body that is too large: nothing in it is needed.
const SMALLER: &str = "have the Git host send the event of a push alone, or no body";

/// Says that something was pushed: a hint to look.
///
/// Where the hub has a secret, the hint has to prove it, in whichever header the Git host does.
///
/// # Errors
/// 401 without the secret, 413.
#[utoipa::path(
    post, path = WEBHOOK, operation_id = "hint", tag = tag::GIT,
    params(
        ("X-Hub-Signature-256" = Option<String>, Header, description = "`sha256=` and the HMAC-SHA-256 of the body, in hex: GitHub."),
        ("X-Gitea-Signature" = Option<String>, Header, description = "The HMAC-SHA-256 of the body, in hex: Gitea, Forgejo."),
        ("X-Gitlab-Token" = Option<String>, Header, description = "The secret itself: GitLab."),
    ),
    request_body(content = Option<Value>, description = "What the Git host sends. Only `after` is read, to spare the look at a known commit."),
    responses((status = 202, description = "The hub looks."), BadRequest, TooLarge, Unauthorized),
)]
pub async fn receive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let body = body.map_err(|rejection| unread(&rejection, SMALLER))?;
    if let Some(secret) = &shared.webhook_secret
        && !proves(secret.reveal().as_bytes(), &headers, &body)
    {
        let detail = "the webhook is not signed with the hub's secret; set the content of --webhook-secret-file as the webhook's secret at the Git host";
        return Err(Problem::new(Refusal::BadSignature, detail));
    }
    tracing::debug!("a webhook hints at a push");
    shared.hints.give(pushed(&body));
    Ok(StatusCode::ACCEPTED)
}

/// The commit that a branch was moved to, as GitHub, GitLab, Gitea and Forgejo name it.
fn pushed(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Push {
        after: String,
    }
    let push: Push = serde_json::from_slice(body).ok()?;
    let is_id = matches!(push.after.len(), 40 | 64) && push.after.bytes().all(|b| b.is_ascii_hexdigit());
    is_id.then_some(push.after)
}

/// GitHub and its kin sign as `sha256=<hex>`, Gitea and Forgejo as `<hex>`, GitLab sends the secret itself.
fn proves(secret: &[u8], headers: &HeaderMap, body: &[u8]) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = |hex: Option<&str>| hex.and_then(bytes_of).is_some_and(|tag| verify(secret, body, &tag));
    signed(header("x-hub-signature-256").and_then(|value| value.strip_prefix("sha256=")))
        || signed(header("x-gitea-signature"))
        || header("x-gitlab-token").is_some_and(|token| same(secret, token.as_bytes()))
}

fn verify(secret: &[u8], body: &[u8], tag: &[u8]) -> bool {
    // HMAC takes a key of any length, so this is always there.
    Hmac::<Sha256>::new_from_slice(secret).is_ok_and(|mac| mac.chain_update(body).verify_slice(tag).is_ok())
}

/// Compares in a time that depends on neither: a tag of one is checked against a tag of the other.
fn same(secret: &[u8], token: &[u8]) -> bool {
    let tag =
        Hmac::<Sha256>::new_from_slice(secret).map(|mac| mac.chain_update(token).finalize().into_bytes());
    tag.is_ok_and(|tag| verify(secret, secret, &tag))
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    hex.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
