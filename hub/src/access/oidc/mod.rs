//! Signing people in at an OpenID Connect provider: the authorization code flow with PKCE. Any provider is known by its discovery document.
//!
//! - [`ticket`]: a login that is under way; [`id_token`]: whether what comes back is to be believed.
//! - [`metadata`]: where the provider is asked what, and its keys; [`fetch`]: asking it.

pub mod fetch;
pub mod id_token;
mod metadata;
pub mod ticket;

use crate::store::Person;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fetch::FetchError;
use id_token::{Claims, Expected, IdTokenError};
use metadata::{Metadata, Provided};
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::{Map, Value};
use shipper_git::Secret;
use ticket::Ticket;
use url::form_urlencoded::{Serializer, byte_serialize};

/// The scope by which many providers tell groups.
const GROUPS: &str = "groups";

/// How a provider is used.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// Its issuer, as it names itself.
    pub issuer: String,
    /// The hub's name there.
    pub client_id: String,
    /// What proves that it is the hub; `None` = a public client.
    pub client_secret: Option<Secret>,
    /// What is asked to be told.
    pub scopes: Vec<String>,
    /// The claim that has the groups.
    pub groups_claim: String,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider does not say what it was asked.
    #[error("the provider cannot be asked: {0}")]
    Provider(#[from] FetchError),
    /// The document is another one's.
    #[error(
        "the provider at {issuer} calls itself {found}; give --oidc-issuer exactly as the provider names itself"
    )]
    Issuer {
        /// As configured.
        issuer: String,
        /// As it says.
        found: String,
    },
    /// The ID token is not to be believed.
    #[error("the provider's ID token is not believed: {0}")]
    IdToken(#[from] IdTokenError),
    /// The userinfo is of somebody else.
    #[error("the provider tells about another person than the one who signed in")]
    Subject,
}

impl OidcError {
    /// For counting.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Provider(_) | Self::Issuer { .. } => "login_provider",
            Self::IdToken(_) | Self::Subject => "login_forged",
        }
    }
}

/// A provider.
#[derive(Debug)]
pub struct Oidc {
    settings: OidcSettings,
    redirect: String,
    client: Client,
    metadata: Metadata,
}

/// What the provider gives for a code.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

impl Oidc {
    /// The provider; it is asked nothing yet, so that the hub starts without it. `redirect` is where it sends people back.
    ///
    /// # Errors
    /// No HTTP client can be made, or the issuer is reached in a way that others could listen to.
    pub fn new(settings: OidcSettings, redirect: String) -> Result<Self, FetchError> {
        fetch::address(&settings.issuer)?;
        Ok(Self { client: fetch::client()?, metadata: Metadata::default(), settings, redirect })
    }

    /// What people call it: its host.
    pub fn name(&self) -> String {
        let url = Url::parse(&self.settings.issuer).ok();
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The provider's issuer.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    async fn provided(&self) -> Result<Provided, OidcError> {
        self.metadata.get(&self.client, &self.settings.issuer).await
    }

    /// Where to send the browser.
    ///
    /// # Errors
    /// The provider does not say.
    pub async fn begin(&self, ticket: &Ticket) -> Result<Url, OidcError> {
        let provided = self.provided().await?;
        let mut scopes = self.settings.scopes.clone();
        if provided.scopes_supported.iter().any(|scope| scope == GROUPS)
            && !scopes.iter().any(|one| one == GROUPS)
        {
            scopes.push(GROUPS.to_owned());
        }
        let mut url = fetch::address(&provided.authorization_endpoint)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", &ticket.state())
            .append_pair("nonce", &ticket.nonce())
            .append_pair("code_challenge", &ticket.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Who signed in, by the code that came back.
    ///
    /// # Errors
    /// The provider does not say, or what it says is not to be believed.
    pub async fn finish(&self, ticket: &Ticket, code: &str) -> Result<Person, OidcError> {
        let provided = self.provided().await?;
        let tokens = self.redeem(&provided, ticket, code).await?;
        let nonce = ticket.nonce();
        let expected =
            Expected { issuer: &self.settings.issuer, client: &self.settings.client_id, nonce: &nonce };
        let keys = self.metadata.keys(&self.client, &provided, false).await?;
        let claims = match id_token::check(&tokens.id_token, &keys, &expected) {
            // Keys are changed now and then.
            Err(IdTokenError::Key) => {
                let keys = self.metadata.keys(&self.client, &provided, true).await?;
                id_token::check(&tokens.id_token, &keys, &expected)?
            }
            checked => checked?,
        };
        let more = self.userinfo(&provided, &claims, tokens.access_token.as_deref()).await?;
        Ok(self.person(&claims, &more))
    }

    async fn redeem(&self, provided: &Provided, ticket: &Ticket, code: &str) -> Result<Tokens, OidcError> {
        let url = fetch::address(&provided.token_endpoint)?;
        let mut request = self.client.post(url.clone());
        let (basic, posted) = match &self.settings.client_secret {
            Some(secret) if provided.takes_basic() => (Some(secret), None),
            secret => (None, secret.as_ref()),
        };
        if let Some(secret) = basic {
            let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encode(&self.settings.client_id), encode(secret.reveal()));
            request = request.header("authorization", format!("Basic {}", STANDARD.encode(pair)));
        }
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(self.form(ticket, code, posted));
        Ok(fetch::json(&url, request).await?)
    }

    /// What is asked at the token endpoint.
    fn form(&self, ticket: &Ticket, code: &str, secret: Option<&Secret>) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("code_verifier", &ticket.verifier())
            .append_pair("client_id", &self.settings.client_id);
        if let Some(secret) = secret {
            form.append_pair("client_secret", secret.reveal());
        }
        form.finish()
    }

    /// What the ID token leaves out and the provider tells beside it, where that is about the groups.
    async fn userinfo(
        &self,
        provided: &Provided,
        claims: &Claims,
        access_token: Option<&str>,
    ) -> Result<Map<String, Value>, OidcError> {
        let (Some(endpoint), Some(token)) = (&provided.userinfo_endpoint, access_token) else {
            return Ok(Map::new());
        };
        if find(&claims.others, &self.settings.groups_claim).is_some() {
            return Ok(Map::new());
        }
        let url = fetch::address(endpoint)?;
        let request = self.client.get(url.clone()).bearer_auth(token).header("accept", "application/json");
        let told: Map<String, Value> = fetch::json(&url, request).await?;
        match told.get("sub").and_then(Value::as_str) {
            Some(subject) if subject == claims.sub => Ok(told),
            _ => Err(OidcError::Subject),
        }
    }

    fn person(&self, claims: &Claims, more: &Map<String, Value>) -> Person {
        let told = |name: &str| claims.others.get(name).or_else(|| more.get(name));
        let text = |name: &str| told(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let verified =
            told("email_verified").is_some_and(|value| *value == Value::Bool(true) || value == "true");
        let name = ["name", "preferred_username", "email"].into_iter().find_map(text);
        let groups = find(&claims.others, &self.settings.groups_claim)
            .or_else(|| find(more, &self.settings.groups_claim));
        Person {
            subject: claims.sub.clone(),
            name: name.unwrap_or(&claims.sub).to_owned(),
            email: text("email").filter(|_| verified).map(str::to_owned),
            groups: groups.map(names).unwrap_or_default(),
            token: None,
        }
    }

    /// Where a person can sign out of the provider as well; `back` is where it sends them then.
    pub async fn sign_out(&self, back: &str) -> Option<Url> {
        let provided = self.provided().await.ok()?;
        let mut url = fetch::address(provided.end_session_endpoint.as_deref()?).ok()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", back);
        Some(url)
    }
}

/// A claim by its name, or by the path to it: `realm_access.roles`.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    let (first, rest) = name.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}

/// One name, or several.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
