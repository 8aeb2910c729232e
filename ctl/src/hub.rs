//! Asking the hub: its API is read here and nowhere else.

mod live;
mod pages;
mod past;
mod token;

pub use live::Stream;
use token::Token;

use std::time::Duration;

use reqwest::blocking::Client;
use reqwest::{StatusCode, Url};
use serde::de::DeserializeOwned;
use shipper_core::AppKey;
use shipper_core::api::{ApplicationSummary, MAX_ASKED};
use shipper_core::catalogue::Refusal;
use shipper_core::name::is_dns_label;
use shipper_core::protocol::{
    APPLICATIONS, BLOCKS, CLUSTERS, ClusterOverview, ClusterView, HubStatus, STATUS, WHY,
};
use shipper_core::status::{ApplicationStatus, BlockStatus};
use shipper_core::why::Why;

use crate::Error;
use crate::cli::Global;
use crate::http::{self, cause};
use shipper_core::suggest;

const TOTAL: Duration = Duration::from_secs(30);
/// How a hub says that something is not there, and a page of somebody else does not.
const PROBLEM: &str = "application/problem+json";
/// Longest query that asks for applications, in bytes.
const MAX_QUERY: usize = 4096;
/// How rustls says that an answer is not TLS.
const NO_TLS: &str = "InvalidContentType";
/// Enough of an unexpected answer to recognise a login page.
const SHOWN: usize = 200;

/// Why the hub cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The address is none.
    #[error(
        "{url} is not the address of a hub: it begins with http:// or https://, as in http://{}",
        host(url)
    )]
    Address {
        /// As it was given.
        url: String,
    },
    /// Nobody answers there.
    #[error("the hub at {url} does not answer: {reason}; say where it is with --hub or SHIPPER_HUB")]
    Unreachable {
        /// Its address.
        url: String,
        /// Why.
        reason: String,
    },
    /// It cannot answer that.
    #[error("{reason}")]
    Asked {
        /// Why not, in its words.
        reason: String,
    },
    /// It says that there is no such thing.
    #[error("{reason}")]
    Missing {
        /// What is not there, in its words.
        reason: String,
    },
    /// It answers, and does not let us read.
    #[error("the hub at {url} does not let you read: {reason}")]
    Denied {
        /// Its address.
        url: String,
        /// In its own words, with what to do.
        reason: String,
    },
    /// It cannot answer now, and may in a moment.
    #[error("the hub at {url} cannot answer now: {reason}")]
    NotNow {
        /// Its address.
        url: String,
        /// In its own words, with what to do.
        reason: String,
    },
    /// The token cannot be read or sent.
    #[error("the read token in {place} cannot be used: {reason}")]
    Token {
        /// The file or variable.
        place: String,
        /// Why.
        reason: String,
    },
    /// Somebody answers, but not as a hub does.
    #[error("{url} does not answer as a hub does ({reason}); is it the address of a hub of this version?")]
    Unusable {
        /// What was asked for.
        url: String,
        /// What came instead.
        reason: String,
    },
}

impl HubError {
    /// It does not answer, or not now: it may in a moment, and what needs no hub goes on.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NotNow { .. })
    }
}

/// A hub. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    url: String,
    client: Client,
    patience: Duration,
    token: Option<Token>,
}

impl Hub {
    /// The hub that the command line names. Asks nothing yet.
    ///
    /// # Errors
    /// When no HTTP client can be made, or the token cannot be read.
    pub fn of(global: &Global) -> Result<Self, HubError> {
        Self::hasty(global, TOTAL)
    }

    /// The hub at `url`, read without a token.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(url: &str) -> Result<Self, HubError> {
        Self::with(url, TOTAL, None)
    }

    fn with(url: &str, patience: Duration, token: Option<Token>) -> Result<Self, HubError> {
        let url = url.trim_end_matches('/').to_owned();
        let scheme = Url::parse(&url).map(|parsed| parsed.scheme().to_owned());
        if !matches!(scheme.as_deref(), Ok("http" | "https")) {
            return Err(HubError::Address { url });
        }
        let client = if http::is_plain(&url) { http::plain(patience) } else { http::client(patience) };
        let client =
            client.map_err(|error| HubError::Unreachable { url: url.clone(), reason: cause(&error) })?;
        Ok(Self { url, client, patience, token })
    }

    /// The same, for who waits no longer than that for an answer.
    ///
    /// # Errors
    /// When no HTTP client can be made, or the token cannot be read.
    pub fn hasty(global: &Global, patience: Duration) -> Result<Self, HubError> {
        Self::with(&global.hub, patience, Token::of(global)?)
    }

    /// The same hub, for who waits that long for an answer.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    fn patient(&self, patience: Duration) -> Result<Self, HubError> {
        Self::with(&self.url, patience, self.token.clone())
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the hub says of itself and the fleet.
    ///
    /// # Errors
    /// When it does not answer, or not as a hub.
    pub fn status(&self) -> Result<HubStatus, HubError> {
        self.get(STATUS)
    }

    /// All applications, a line each.
    ///
    /// # Errors
    /// When it does not answer, or not as a hub.
    pub fn applications(&self) -> Result<Vec<ApplicationSummary>, HubError> {
        self.all(APPLICATIONS, &[])
    }

    /// The applications that have something in a cluster, a line each.
    ///
    /// # Errors
    /// When it does not answer, or not as a hub.
    pub fn applications_in(&self, cluster: &str) -> Result<Vec<ApplicationSummary>, HubError> {
        self.all(APPLICATIONS, &[("cluster", cluster)])
    }

    /// The application of that name, `namespace/name` or just `name` where only one namespace has it.
    ///
    /// # Errors
    /// When there is none, or several, or the hub does not answer.
    pub fn application(&self, name: &str) -> Result<ApplicationStatus, Error> {
        // One of that very name is asked for alone; only who is mistaken needs to see which there are.
        if let Ok(key) = name.parse::<AppKey>()
            && is_dns_label(&key.namespace)
            && is_dns_label(&key.name)
            && let Some(status) = self.known(&key)?
        {
            return Ok(status);
        }
        let keys: Vec<AppKey> = self.applications()?.into_iter().map(|one| one.application).collect();
        let key = pick(name, &keys)?;
        self.known(&key)?.ok_or_else(|| unknown(name, &keys))
    }

    /// The application of that key; `None` = the hub does not know it.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub fn known(&self, key: &AppKey) -> Result<Option<ApplicationStatus>, HubError> {
        self.find(&format!("{APPLICATIONS}/{}/{}", key.namespace, key.name), &[])
    }

    /// Why an application is as it is.
    ///
    /// # Errors
    /// When there is no such application, or several of that name, or the hub does not answer.
    pub fn why(&self, name: &str) -> Result<Why, Error> {
        let key = self.application(name)?.application;
        Ok(self.get(&format!("{APPLICATIONS}/{}/{}/{WHY}", key.namespace, key.name))?)
    }

    /// The rollout blocks.
    ///
    /// # Errors
    /// When it does not answer, or not as a hub.
    pub fn blocks(&self) -> Result<Vec<BlockStatus>, HubError> {
        self.all(BLOCKS, &[])
    }

    /// All clusters.
    ///
    /// # Errors
    /// When it does not answer, or not as a hub.
    pub fn clusters(&self) -> Result<Vec<ClusterOverview>, HubError> {
        self.all(CLUSTERS, &[])
    }

    /// The cluster of that name, with its applications.
    ///
    /// # Errors
    /// When there is none, or the hub does not answer.
    pub fn cluster(&self, name: &str) -> Result<ClusterView, Error> {
        let all = self.clusters()?;
        let names: Vec<&str> = all.iter().map(|one| one.cluster.name.as_str()).collect();
        if !names.contains(&name) {
            let hint = suggest::hint(name, &names);
            return Err(Error::NotFound { what: "cluster", name: name.to_owned(), hint });
        }
        Ok(self.get(&format!("{CLUSTERS}/{name}"))?)
    }

    /// What is at a path.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, HubError> {
        self.ask(path, &[])
    }

    /// What is there; `None` = the hub says that nothing is.
    fn find<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<T>, HubError> {
        match self.ask(path, query) {
            Ok(found) => Ok(Some(found)),
            Err(HubError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn ask<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, HubError> {
        let url = format!("{}{path}", self.url);
        let unusable = |reason: String| HubError::Unusable { url: url.clone(), reason };
        let asked = match query {
            [] => Url::parse(&url),
            query => Url::parse_with_params(&url, query),
        };
        let asked = asked.map_err(|error| unusable(error.to_string()))?;
        let ask =
            |client: &Client| {
                let sent = token::with(client.get(asked.clone()), self.token.as_ref()).send();
                sent.map_err(|error| {
                    if error.is_builder() { unusable(cause(&error)) } else { self.unreachable(&error) }
                })
            };
        let mut response = ask(&self.client)?;
        if response.status().is_redirection() && http::is_plain(&self.url) {
            let client = http::client(self.patience).map_err(|error| self.unreachable(&error))?;
            response = ask(&client)?;
        }
        if !response.status().is_success() {
            return Err(self.refused(url.clone(), response));
        }
        let body = response.bytes().map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&body).map_err(|error| unusable(error.to_string()))
    }
}

impl Hub {
    /// Why there is no answer.
    fn unreachable(&self, error: &reqwest::Error) -> HubError {
        let mut reason = cause(error);
        // What a server that does not speak TLS begins with is taken for a broken message, by this name.
        if let Some(rest) = self.url.strip_prefix("https://").filter(|_| reason.contains(NO_TLS)) {
            reason = format!("{reason}: it may not speak TLS, then it is http://{rest}");
        }
        HubError::Unreachable { url: self.url.clone(), reason }
    }

    /// What an answer that is no success means.
    fn refused(&self, url: String, response: reqwest::blocking::Response) -> HubError {
        let status = response.status();
        let told = response.headers().get("content-type").is_some_and(|kind| kind == PROBLEM);
        let reason = match response.text() {
            Ok(body) => refusal(status, &body),
            Err(error) => return self.unreachable(&error),
        };
        match (status, told) {
            (StatusCode::NOT_FOUND, true) => HubError::Missing { reason },
            (StatusCode::BAD_REQUEST, true) => HubError::Asked { reason },
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                HubError::Denied { url: self.url.clone(), reason }
            }
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, true) => {
                HubError::NotNow { url: self.url.clone(), reason }
            }
            _ => HubError::Unusable { url, reason },
        }
    }
}

/// What stands behind the scheme of an address, if it has one.
fn host(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

/// Why the hub does not do what it was asked to: its own words and where there is more, or the beginning of what somebody else says.
fn refusal(status: StatusCode, body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Problem {
        detail: String,
        /// Not said by older hubs, and by newer ones perhaps with a word that is not known here.
        reason: Option<String>,
    }
    match serde_json::from_str::<Problem>(body) {
        Ok(Problem { detail, reason }) => {
            let known = |name: &String| Refusal::ALL.iter().find(|refusal| refusal.name() == name);
            let page = reason.as_ref().and_then(known).and_then(|refusal| refusal.entry());
            page.map_or(detail.clone(), |page| format!("{detail}\n{}: {}", page.name, page.url()))
        }
        Err(_) => {
            let text: String = body.trim().chars().take(SHOWN).collect();
            format!("{status} {text}").trim().to_owned()
        }
    }
}

/// So many applications at once as fit into one request: proxies before a hub take no address that is much longer.
pub fn batches(keys: &[AppKey]) -> impl Iterator<Item = &[AppKey]> {
    let mut rest = keys;
    std::iter::from_fn(move || {
        let mut room = MAX_QUERY;
        let fits = |key: &&AppKey| {
            let taken = "application=%2F&".len() + key.namespace.len() + key.name.len();
            let fits = taken <= room;
            room = room.saturating_sub(taken);
            fits
        };
        let count = rest.iter().take(MAX_ASKED).take_while(fits).count().max(1);
        let (batch, others) = rest.split_at_checked(count)?;
        rest = others;
        Some(batch)
    })
}

/// The one of `known` that `name` means.
///
/// # Errors
/// When it means none of them, or several.
pub fn pick(name: &str, known: &[AppKey]) -> Result<AppKey, Error> {
    if let Ok(key) = name.parse::<AppKey>() {
        return if known.contains(&key) { Ok(key) } else { Err(unknown(name, known)) };
    }
    let matching: Vec<&AppKey> = known.iter().filter(|key| key.name == name).collect();
    match matching.as_slice() {
        [] => Err(unknown(name, known)),
        [one] => Ok((*one).clone()),
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Error::Usage {
                message: format!("{name} is in several namespaces; say which: {}", names.join(", ")),
            })
        }
    }
}

fn unknown(name: &str, known: &[AppKey]) -> Error {
    let full: Vec<String> = known.iter().map(ToString::to_string).collect();
    // A bare name is compared with bare names, so that a namespace does not drown the likeness.
    let bare = known.iter().find(|key| suggest::nearest(name, [key.name.as_str()]).is_some());
    let hint = match bare.filter(|_| !name.contains('/')) {
        Some(key) => format!("did you mean {key}?"),
        None => suggest::hint(name, &full.iter().map(String::as_str).collect::<Vec<_>>()),
    };
    Error::NotFound { what: "application", name: name.to_owned(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_of_applications_are_asked_for_in_a_few_requests() {
        assert_eq!(batches(&[]).count(), 0);
        let long = [AppKey::new("n".repeat(MAX_QUERY), "a")];
        assert_eq!(batches(&long).collect::<Vec<_>>(), [&long]);
        let keys: Vec<AppKey> = (0..5000).map(|n| AppKey::new("shop", format!("service-{n}"))).collect();
        let all: Vec<&[AppKey]> = batches(&keys).collect();
        assert!(all.len() < 50, "{}", all.len());
        assert!(all.iter().all(|batch| batch.len() <= MAX_ASKED));
        assert_eq!(all.concat(), keys);
    }

    #[test]
    fn a_bare_name_is_enough_where_it_is_not_ambiguous() {
        let known = [AppKey::new("web", "hello"), AppKey::new("shop", "cart"), AppKey::new("test", "cart")];
        assert_eq!(pick("hello", &known).unwrap(), known[0]);
        assert_eq!(pick("shop/cart", &known).unwrap(), known[1]);
        assert!(pick("cart", &known).unwrap_err().to_string().contains("shop/cart, test/cart"));
        assert!(pick("helo", &known).unwrap_err().to_string().contains("did you mean web/hello?"));
        assert!(pick("web/helo", &known).unwrap_err().to_string().contains("did you mean web/hello?"));
    }
}
