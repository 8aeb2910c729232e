//! Sessions of people in browsers: begun, looked up, ended.

use super::cookie::Cookie;
use super::oidc::ticket::{LASTS, Ticket};
use super::refusal::Refused;
use super::secret::{self, Digest};
use super::{Access, Who};
use crate::store::{AccessChange, Person, Session, Store, StoreError};
use axum::http::HeaderMap;
use jiff::Timestamp;
use std::time::Duration;

impl Access {
    pub(super) async fn by_cookie(
        &self,
        store: &dyn Store,
        now: Timestamp,
        headers: &HeaderMap,
    ) -> Result<Who, Refused> {
        let secret = self.settings.jar().get(headers, Cookie::Session).ok_or(Refused::Nobody)?;
        if !secret::is_unguessable(secret) {
            return Err(Refused::Session);
        }
        let hash = Digest::of(secret);
        if self.keyring.session(&hash).is_none_or(|session| !self.lives(&session, now)) {
            self.keyring.look(store).await;
        }
        let session = self.keyring.session(&hash).filter(|session| self.lives(session, now));
        let session = session.ok_or(Refused::Session)?;
        // What an open page fetches by itself is nobody's doing.
        if headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate") {
            self.keyring.session_used(&session, now);
        }
        Ok(Who::Session(hash))
    }

    /// Whether a session counts.
    pub(super) fn lives(&self, session: &Session, now: Timestamp) -> bool {
        now < self.ends(session)
    }

    /// When a session ends if it is not used.
    pub(super) fn ends(&self, session: &Session) -> Timestamp {
        session.used.checked_add(self.settings.idle).unwrap_or(Timestamp::MAX).min(session.expires)
    }

    /// The person of a token that they gave in place of a name.
    ///
    /// # Errors
    /// The token does not count.
    pub async fn person_of(&self, store: &dyn Store, now: Timestamp, token: &str) -> Result<Person, Refused> {
        let token = self.by_token(store, now, token).await?;
        self.keyring.token_used(&token, now);
        Ok(Person {
            subject: String::new(),
            name: format!("token {}", token.name),
            email: None,
            groups: Vec::new(),
            token: Some(token.hash.to_string()),
        })
    }

    /// Begins a session; answers the secret for the cookie, and how long it lasts at most. The one that the browser had ends.
    ///
    /// # Errors
    /// It is not stored.
    pub async fn begin(
        &self,
        store: &dyn Store,
        now: Timestamp,
        person: Person,
        before: Option<&str>,
    ) -> Result<(String, Duration), StoreError> {
        let (secret, lasts) = (secret::unguessable(), self.settings.lifetime);
        let expires = now.checked_add(lasts).unwrap_or(Timestamp::MAX);
        let session = Session { hash: Digest::of(&secret), person, created: now, used: now, expires };
        if let Some(before) = before {
            self.keyring.change(store, AccessChange::End(Digest::of(before))).await?;
        }
        self.keyring.change(store, AccessChange::Begin(session)).await?;
        Ok((secret, lasts))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// It is not stored.
    pub async fn end(&self, store: &dyn Store, secret: &str) -> Result<(), StoreError> {
        self.keyring.change(store, AccessChange::End(Digest::of(secret))).await.map(drop)
    }

    /// Uses a login up; answers whether it was not before.
    ///
    /// # Errors
    /// It is not stored.
    pub async fn spend(
        &self,
        store: &dyn Store,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let until = now.checked_add(LASTS * 2).unwrap_or(Timestamp::MAX);
        let spent = store.change_access(&[AccessChange::Spend(ticket.digest(), until)]).await?;
        Ok(spent == [true])
    }

    /// Who it is; `None` = nobody with a name.
    pub(super) fn person(&self, who: &Who) -> Option<Person> {
        match who {
            Who::Session(hash) => self.keyring.session(hash).map(|session| session.person.clone()),
            Who::Anybody | Who::Token(_) => None,
        }
    }
}
