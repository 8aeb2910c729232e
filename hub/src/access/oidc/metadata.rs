//! What a provider says of itself (OpenID Connect Discovery), and its keys. Both are kept for a while; keys are fetched again for a token that
//! none of them fits, but not more often than once in ten seconds, whoever comes with such tokens.

use super::{OidcError, fetch};
use jsonwebtoken::jwk::Jwk;
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long it is believed without asking again.
const FRESH: Duration = Duration::from_secs(3600);
/// The shortest time between two looks for other keys.
const PAUSE: Duration = Duration::from_secs(10);

/// What a provider says of itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Provided {
    issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    jwks_uri: String,
    pub(super) userinfo_endpoint: Option<String>,
    pub(super) end_session_endpoint: Option<String>,
    #[serde(default)]
    pub(super) scopes_supported: Vec<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

impl Provided {
    /// Whether the client's secret goes into a header, as it does unless the provider says otherwise.
    pub(super) fn takes_basic(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic")
    }
}

/// What was said last.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    provided: Mutex<Option<(Instant, Provided)>>,
    keys: Mutex<Keys>,
}

#[derive(Debug, Default)]
struct Keys {
    known: Option<(Instant, Arc<Vec<Jwk>>)>,
    /// When others were last looked for.
    again: Option<Instant>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl Metadata {
    pub(super) async fn get(&self, client: &Client, issuer: &str) -> Result<Provided, OidcError> {
        let mut kept = self.provided.lock().await;
        if let Some((at, provided)) = &*kept
            && at.elapsed() < FRESH
        {
            return Ok(provided.clone());
        }
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let url = fetch::address(&url)?;
        let provided: Provided = fetch::json(&url, client.get(url.clone())).await?;
        if provided.issuer != issuer {
            return Err(OidcError::Issuer { issuer: issuer.to_owned(), found: provided.issuer });
        }
        *kept = Some((Instant::now(), provided.clone()));
        Ok(provided)
    }

    /// The provider's keys; `again` where those that are known do not fit.
    pub(super) async fn keys(
        &self,
        client: &Client,
        provided: &Provided,
        again: bool,
    ) -> Result<Arc<Vec<Jwk>>, OidcError> {
        let mut kept = self.keys.lock().await;
        let looked = kept.again.is_some_and(|last| last.elapsed() < PAUSE);
        let fresh = |at: &Instant| if again { looked } else { at.elapsed() < FRESH };
        if let Some((at, keys)) = &kept.known
            && fresh(at)
        {
            return Ok(keys.clone());
        }
        if again {
            kept.again = Some(Instant::now());
        }
        let url = fetch::address(&provided.jwks_uri)?;
        let set: KeySet = fetch::json(&url, client.get(url.clone())).await?;
        // Of kinds that are not known here there may be others.
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        let keys = Arc::new(keys);
        kept.known = Some((Instant::now(), Arc::clone(&keys)));
        Ok(keys)
    }
}
