//! Who may read what. Everything that people read goes through a [`View`], which shows what its owner may see and nothing else; changes go
//! through Git, as themselves, and agents have tokens of their own ([`crate::http::tokens`]).
//!
//! - [`sight`]: what somebody may see; [`view`]: reading through it, the one place where that is enforced.
//! - [`secret`]: what tokens and cookies are; [`keyring`]: those that count, in memory.
//! - [`oidc`]: people sign in at a provider; [`rules`]: what they see then; [`cookie`]: what keeps them signed in.
//! - [`people`]: their sessions. [`settings`]: what the command line says of all this; [`refusal`]: what whoever may not read is told.

pub mod cookie;
pub mod keyring;
pub mod oidc;
mod people;
pub mod refusal;
pub mod rules;
pub mod secret;
pub mod settings;
pub mod sight;
pub mod view;

pub use settings::{AccessSettings, SettingsError};
pub use sight::Sight;
pub use view::{Gate, View};

use crate::store::{ReadToken, Store, StoreError};
use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use keyring::Keyring;
use oidc::{Oidc, fetch::FetchError};
use refusal::Refused;
use rules::{Rules, RulesError};
use secret::Digest;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often the file of rules is looked at. Polled because a mounted ConfigMap changes by a symbolic link far above the file.
const POLL: Duration = Duration::from_secs(5);

/// Why it cannot be decided who may read.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The database does not say.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The file of rules is no good.
    #[error("--access-file: {0}")]
    Rules(#[from] RulesError),
    /// The provider cannot be asked.
    #[error("--oidc-issuer: {0}")]
    Oidc(#[from] FetchError),
}

/// Decides who may read.
#[derive(Debug)]
pub struct Access {
    settings: AccessSettings,
    keyring: Keyring,
    rules: Rules,
    oidc: Option<Oidc>,
}

/// Who asks, and what they may see at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    who: Who,
    sight: Sight,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Anybody,
    Token(Digest),
    Session(Digest),
}

impl Access {
    /// Reads who may read.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn start(store: &dyn Store, settings: AccessSettings) -> Result<Self, AccessError> {
        let redirect = settings.page(crate::ui::login::CALLBACK);
        let oidc = settings.oidc.clone().map(|oidc| Oidc::new(oidc, redirect)).transpose()?;
        let rules = Rules::of(settings.file.as_deref())?;
        let access = Self { keyring: Keyring::default(), rules, oidc, settings };
        access.keyring.load(store).await?;
        Ok(access)
    }

    /// Keeps up with who may read, and writes down who did; never ends.
    pub async fn follow(&self, store: &dyn Store) {
        if self.settings.anonymous {
            std::future::pending::<()>().await;
        }
        futures::join!(self.keyring.follow(store), self.follow_rules());
    }

    async fn follow_rules(&self) {
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.reload();
        }
    }

    /// Looks at the file of rules; what it shows less ends streams.
    pub fn reload(&self) {
        match self.rules.reload() {
            Ok(true) => {
                tracing::info!("the access file changed and is in force");
                self.keyring.stir();
            }
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "the access file changed but is bad: the last good one stays in force");
            }
        }
    }

    /// How it is decided who may read.
    pub fn settings(&self) -> &AccessSettings {
        &self.settings
    }

    /// Where people sign in.
    pub fn oidc(&self) -> Option<&Oidc> {
        self.oidc.as_ref()
    }

    /// Writes down what is still to be.
    pub async fn flush(&self, store: &dyn Store) {
        self.keyring.note(store).await;
    }

    /// Who asks, by the token or the cookie that the request carries.
    ///
    /// # Errors
    /// They may not read.
    async fn identify(
        &self,
        store: &dyn Store,
        now: Timestamp,
        headers: &HeaderMap,
    ) -> Result<Pass, Refused> {
        let who = match bearer(headers) {
            Some(token) => {
                let token = self.by_token(store, now, token).await?;
                self.keyring.token_used(&token, now);
                Who::Token(token.hash)
            }
            None => match self.by_cookie(store, now, headers).await {
                Ok(who) => who,
                Err(_) if self.settings.anonymous => Who::Anybody,
                Err(refused) => return Err(refused),
            },
        };
        let over = if matches!(who, Who::Session(_)) { Refused::Session } else { Refused::Token };
        let sight = self.sight(&who, now).ok_or(over)?;
        if sight.is_nothing()
            && let Some(person) = self.person(&who)
        {
            return Err(Refused::Nothing(Box::new(person)));
        }
        Ok(Pass { who, sight })
    }

    async fn by_token(
        &self,
        store: &dyn Store,
        now: Timestamp,
        token: &str,
    ) -> Result<std::sync::Arc<ReadToken>, Refused> {
        if !secret::is_read_token(token) {
            return Err(Refused::Token);
        }
        let hash = Digest::of(token);
        if self.keyring.token(&hash).is_none() {
            self.keyring.look(store).await;
        }
        let token = self.keyring.token(&hash).ok_or(Refused::Token)?;
        if !token.counts(now) {
            return Err(Refused::Expired);
        }
        Ok(token)
    }

    /// What somebody may see now; `None` = they may not read any more.
    fn sight(&self, who: &Who, now: Timestamp) -> Option<Sight> {
        match who {
            Who::Anybody => self.settings.anonymous.then_some(Sight::Everything),
            Who::Token(hash) => {
                self.keyring.token(hash).filter(|token| token.counts(now)).map(|token| token.sight.clone())
            }
            Who::Session(hash) => {
                let session = self.keyring.session(hash).filter(|session| self.lives(session, now))?;
                match &session.person.token {
                    Some(hash) => self.sight(&Who::Token(hash.parse().ok()?), now),
                    None => Some(self.rules.sight(&session.person)),
                }
            }
        }
    }

    /// How long what somebody may see lasts at most.
    fn lasts(&self, who: &Who, now: Timestamp) -> Option<Duration> {
        let until = match who {
            Who::Anybody => None,
            Who::Token(hash) => self.keyring.token(hash).and_then(|token| token.expires),
            Who::Session(hash) => self.keyring.session(hash).map(|session| {
                let token = session.person.token.as_ref().and_then(|hash| hash.parse().ok());
                let token = token.and_then(|hash| self.keyring.token(&hash));
                let token = token.and_then(|token| token.expires).unwrap_or(Timestamp::MAX);
                self.ends(&session).min(token)
            }),
        };
        until.map(|until| Duration::try_from(until.duration_since(now)).unwrap_or_default())
    }

    /// Returns when somebody may not see any more what they saw; `now` tells the time.
    async fn ended(&self, pass: Pass, now: impl Fn() -> Timestamp) {
        let mut changed = self.keyring.subscribe();
        while self.sight(&pass.who, now()).as_ref() == Some(&pass.sight) {
            let lasts = self.lasts(&pass.who, now());
            let over = async {
                match lasts {
                    Some(lasts) => tokio::time::sleep(lasts).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => {}
                changed = changed.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// The bearer token of a request. What a proxy in front wants for itself, such as `Basic`, is none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
