//! Credentials for measuring, from a Secret of the application's namespace: a `token`, or `username` and `password`, and beside
//! them `ca.crt`. No other namespace is looked into, so that a strategy reads nothing that its application could not.

use super::AskError;
use crate::api::{Api, Kind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use shipper_core::name::is_dns_label;
use std::fmt;

/// Who asks.
pub(super) enum Credentials {
    /// Nobody in particular.
    None,
    /// `Authorization: Bearer`.
    Token(String),
    /// `Authorization: Basic`.
    Basic(String, String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// What a Secret holds.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) credentials: Credentials,
    /// Certificate authorities in PEM that are trusted besides the system's.
    pub(super) authorities: Option<Vec<u8>>,
}

/// Reads a Secret.
///
/// # Errors
/// It is not there, the agent may not read it, or it holds nothing that is known.
pub(super) async fn read(api: &Api, namespace: &str, name: &str) -> Result<Found, AskError> {
    let failed =
        |reason: String| AskError::Secret { namespace: namespace.to_owned(), name: name.to_owned(), reason };
    let kind = Kind::known("v1", "Secret").filter(|_| is_dns_label(name));
    let path =
        kind.map(|kind| kind.object(Some(namespace), name)).ok_or_else(|| failed("is no name".to_owned()))?;
    let secret = api.get("get", &path, "application/json").await.map_err(|error| match error.code() {
        Some(404) => failed("is not there; create it in the application's namespace".to_owned()),
        Some(403) => failed(format!("{error}; allow the agent to get it")),
        _ => failed(error.to_string()),
    })?;
    let bytes = |key: &str| {
        let text = secret.get("data")?.get(key).and_then(Value::as_str)?;
        STANDARD.decode(text).ok()
    };
    let text = |key: &str| {
        bytes(key).and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| text.trim().to_owned())
    };
    let authorities = bytes("ca.crt");
    let credentials = match (text("token"), text("username"), text("password")) {
        (Some(token), _, _) => Credentials::Token(token),
        (None, Some(user), Some(password)) => Credentials::Basic(user, password),
        _ if authorities.is_some() => Credentials::None,
        _ => return Err(failed("has neither `token` nor `username` and `password` nor `ca.crt`".to_owned())),
    };
    Ok(Found { credentials, authorities })
}
