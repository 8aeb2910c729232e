//! Who may read what. Everything that people read goes through a [`View`], which shows what its owner may see and nothing else; changes go
//! through Git, as themselves, and agents have tokens of their own ([`crate::http::tokens`]).
//!
//! - [`sight`]: what somebody may see; [`view`]: reading through it, the one place where that is enforced.
//! - [`secret`]: what tokens and cookies are; [`keyring`]: those that count, in memory.
//! - [`refusal`]: what whoever may not read is told.

pub mod keyring;
pub mod refusal;
pub mod secret;
pub mod sight;
pub mod view;

pub use sight::Sight;
pub use view::{Gate, View};

use crate::store::{Store, StoreError};
use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use keyring::Keyring;
use refusal::Refused;
use secret::Digest;
use std::time::Duration;

/// How it is decided who may read.
#[derive(Clone, Debug, Default)]
pub struct AccessSettings {
    /// Whoever reaches the hub may read everything.
    pub anonymous: bool,
}

impl AccessSettings {
    /// Whoever reaches the hub may read everything.
    pub fn open() -> Self {
        Self { anonymous: true }
    }
}

/// Decides who may read.
#[derive(Debug, Default)]
pub struct Access {
    settings: AccessSettings,
    keyring: Keyring,
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
}

impl Access {
    /// Reads who may read.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn start(store: &dyn Store, settings: AccessSettings) -> Result<Self, StoreError> {
        let access = Self { settings, keyring: Keyring::default() };
        access.keyring.load(store).await?;
        Ok(access)
    }

    /// Keeps up with who may read, and writes down who did; never ends.
    pub async fn follow(&self, store: &dyn Store) {
        if self.settings.anonymous {
            std::future::pending::<()>().await;
        }
        self.keyring.follow(store).await;
    }

    /// Writes down what is still to be.
    pub async fn flush(&self, store: &dyn Store) {
        self.keyring.note(store).await;
    }

    /// Who asks, by the token that the request carries.
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
            Some(token) => self.by_token(store, now, token).await?,
            None if self.settings.anonymous => Who::Anybody,
            None => return Err(Refused::Nobody),
        };
        let sight = self.sight(&who, now).ok_or(Refused::Token)?;
        Ok(Pass { who, sight })
    }

    async fn by_token(&self, store: &dyn Store, now: Timestamp, token: &str) -> Result<Who, Refused> {
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
        self.keyring.token_used(&token, now);
        Ok(Who::Token(hash))
    }

    /// What somebody may see now; `None` = they may not read any more.
    fn sight(&self, who: &Who, now: Timestamp) -> Option<Sight> {
        match who {
            Who::Anybody => self.settings.anonymous.then_some(Sight::Everything),
            Who::Token(hash) => {
                self.keyring.token(hash).filter(|token| token.counts(now)).map(|token| token.sight.clone())
            }
        }
    }

    /// How long what somebody may see lasts at most.
    fn lasts(&self, who: &Who, now: Timestamp) -> Option<Duration> {
        let until = match who {
            Who::Anybody => None,
            Who::Token(hash) => self.keyring.token(hash).and_then(|token| token.expires),
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
