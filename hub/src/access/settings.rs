//! How it is decided who may read, as the command line says it.

use super::cookie::Jar;
use super::oidc::OidcSettings;
use crate::args::ReadingArgs;
use reqwest::Url;
use shipper_git::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// Why the hub does not start.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The public address is none.
    #[error("--public-url {0}: expected https://HOST or http://HOST:PORT, with no path")]
    PublicUrl(String),
    /// The provider could be anybody.
    #[error("--oidc-issuer {0}: expected https://…; http is for this machine alone")]
    Issuer(String),
    /// Without it the provider signs nobody in.
    #[error("--oidc-scopes: openid has to be among them")]
    Scopes,
    /// Sessions that end before they begin.
    #[error("--session-idle {idle:?} is longer than --session-lifetime {lifetime:?}; exchange them")]
    Lengths {
        /// The one.
        idle: Duration,
        /// The other.
        lifetime: Duration,
    },
}

/// How it is decided who may read.
#[derive(Clone, Debug)]
pub struct AccessSettings {
    /// Whoever reaches the hub may read everything.
    pub anonymous: bool,
    /// Where people reach the hub; `None` = nobody says.
    pub public_url: Option<String>,
    /// Where people sign in; `None` = nowhere.
    pub oidc: Option<OidcSettings>,
    /// The file that says what people see.
    pub file: Option<PathBuf>,
    /// Who does nothing for so long is signed out.
    pub idle: Duration,
    /// Everybody is signed out after so long.
    pub lifetime: Duration,
}

impl Default for AccessSettings {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Self {
            anonymous: false,
            public_url: None,
            oidc: None,
            file: None,
            idle: hours(8),
            lifetime: hours(24),
        }
    }
}

impl AccessSettings {
    /// Whoever reaches the hub may read everything.
    pub fn open() -> Self {
        Self { anonymous: true, ..Self::default() }
    }

    /// Those of the command line; `secret` is in the file that it names.
    ///
    /// # Errors
    /// They do not fit together.
    pub fn of(args: ReadingArgs, secret: Option<Secret>) -> Result<Self, SettingsError> {
        let (idle, lifetime) = (args.session_idle, args.session_lifetime);
        if idle > lifetime {
            return Err(SettingsError::Lengths { idle, lifetime });
        }
        if !args.oidc_scopes.iter().any(|scope| scope == "openid") {
            return Err(SettingsError::Scopes);
        }
        let client_id = args.oidc_client_id.unwrap_or_default();
        let oidc = args.oidc_issuer.map(|issuer| -> Result<OidcSettings, SettingsError> {
            super::oidc::fetch::address(&issuer).map_err(|_| SettingsError::Issuer(issuer.clone()))?;
            Ok(OidcSettings {
                issuer,
                client_id,
                client_secret: secret,
                scopes: args.oidc_scopes,
                groups_claim: args.oidc_groups_claim,
            })
        });
        Ok(Self {
            anonymous: args.anonymous_read,
            public_url: args.public_url.as_deref().map(origin).transpose()?,
            oidc: oidc.transpose()?,
            file: args.access_file,
            idle,
            lifetime,
        })
    }

    /// How cookies are made.
    pub fn jar(&self) -> Jar {
        Jar { secure: self.public_url.as_ref().is_some_and(|url| url.starts_with("https://")) }
    }

    /// The address of one of the hub's pages, as browsers name it.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_deref().unwrap_or_default())
    }
}

/// Scheme, host and port, with nothing behind.
fn origin(text: &str) -> Result<String, SettingsError> {
    let wrong = || SettingsError::PublicUrl(text.to_owned());
    let url = Url::parse(text).map_err(|_| wrong())?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !bare || !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong());
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_without_what_hangs_on_it() {
        assert_eq!(origin("https://shipper.example.com/").unwrap(), "https://shipper.example.com");
        assert_eq!(origin("http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080");
        for wrong in [
            "shipper.example.com",
            "https://a.example/hub",
            "ftp://a.example",
            "https://u@a.example",
            "https://a.example/?x",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
