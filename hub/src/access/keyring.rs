//! Who may read, in memory: every look-up is answered from here, and the database is asked no more than whether something changed, a few
//! times a second at most, whoever knocks. A secret is looked up by its digest, so the time that takes says nothing about it.

use super::secret::Digest;
use crate::notify::lock;
use crate::store::{AccessChange, ReadToken, Readers, Session, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often is looked whether others may read, or some may not any more.
const LOOK: Duration = Duration::from_secs(1);
/// The shortest time between two looks, however many ask whom nobody knows.
const PAUSE: Duration = Duration::from_millis(200);
/// How often is written down what was used.
const NOTE: Duration = Duration::from_secs(60);
/// To what a token's last use is known.
const TOKEN: SignedDuration = SignedDuration::from_mins(10);
/// To what a session's last use is known here; others know it when it is written down.
const SESSION: SignedDuration = SignedDuration::from_secs(1);

/// Who may read.
#[derive(Debug, Default)]
pub struct Keyring {
    known: RwLock<Known>,
    /// When the last look began; held while one is under way.
    looked: tokio::sync::Mutex<Option<Instant>>,
    used: Mutex<HashMap<Digest, AccessChange>>,
    revision: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Known {
    version: i64,
    tokens: HashMap<Digest, Arc<ReadToken>>,
    sessions: HashMap<Digest, Arc<Session>>,
}

impl Keyring {
    /// Takes in what is stored.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn load(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.put(store.readers().await?);
        Ok(())
    }

    fn put(&self, readers: Readers) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // What was used here lately is not written down yet.
        let tokens = readers.tokens.into_iter().map(|mut token| {
            token.used = token.used.max(known.tokens.get(&token.hash).and_then(|known| known.used));
            (token.hash, Arc::new(token))
        });
        let tokens = tokens.collect();
        let sessions = readers.sessions.into_iter().map(|mut session| {
            let used = known.sessions.get(&session.hash).map(|known| known.used);
            session.used = used.map_or(session.used, |used| used.max(session.used));
            (session.hash, Arc::new(session))
        });
        let sessions = sessions.collect();
        *known = Known { version: readers.version, tokens, sessions };
        drop(known);
        self.stir();
    }

    /// The token of a digest.
    pub fn token(&self, hash: &Digest) -> Option<Arc<ReadToken>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).tokens.get(hash).cloned()
    }

    /// The session of a digest.
    pub fn session(&self, hash: &Digest) -> Option<Arc<Session>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).sessions.get(hash).cloned()
    }

    /// Told whenever something else may be so.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// What somebody sees may be something else.
    pub fn stir(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// A token is used.
    pub fn token_used(&self, token: &ReadToken, now: Timestamp) {
        if token.used.is_some_and(|used| now.duration_since(used) < TOKEN) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let Some(token) = known.tokens.get_mut(&token.hash) else { return };
        Arc::make_mut(token).used = Some(now);
        lock(&self.used).insert(token.hash, AccessChange::TokenUsed(token.hash, now));
    }

    /// A session is used.
    pub fn session_used(&self, session: &Session, now: Timestamp) {
        if now.duration_since(session.used) < SESSION {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = known.sessions.get_mut(&session.hash) else { return };
        Arc::make_mut(session).used = now;
        lock(&self.used).insert(session.hash, AccessChange::SessionUsed(session.hash, now));
    }

    /// Looks at the database for somebody who is not known here; whoever comes meanwhile waits for the same look or the next.
    pub async fn look(&self, store: &dyn Store) {
        let came = Instant::now();
        let mut looked = self.looked.lock().await;
        if looked.is_some_and(|last| last >= came) {
            return;
        }
        if let Some(last) = *looked {
            tokio::time::sleep_until(last + PAUSE).await;
        }
        *looked = Some(Instant::now());
        if let Err(error) = self.renew(store).await {
            tracing::warn!(%error, "it is not known whether others may read now: what was known last holds");
        }
    }

    async fn renew(&self, store: &dyn Store) -> Result<(), StoreError> {
        let version = store.access_version().await?;
        if version == self.known.read().unwrap_or_else(PoisonError::into_inner).version {
            return Ok(());
        }
        self.load(store).await
    }

    /// Makes a change, here and for all hubs; answers whether it changed something.
    ///
    /// # Errors
    /// It is not stored.
    pub async fn change(&self, store: &dyn Store, change: AccessChange) -> Result<bool, StoreError> {
        let changed = store.change_access(&[change]).await?.first().copied().unwrap_or_default();
        // In the order of looks, so that nothing older takes the place of it.
        let mut looked = self.looked.lock().await;
        *looked = Some(Instant::now());
        self.renew(store).await?;
        Ok(changed)
    }

    /// Looks again and again, and writes down what was used; never ends.
    pub async fn follow(&self, store: &dyn Store) {
        let mut noted = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            self.look(store).await;
            if noted.elapsed() >= NOTE {
                noted = Instant::now();
                self.note(store).await;
            }
        }
    }

    /// Writes down what was used.
    pub async fn note(&self, store: &dyn Store) {
        let used: Vec<AccessChange> = lock(&self.used).drain().map(|(_, change)| change).collect();
        if used.is_empty() {
            return;
        }
        if let Err(error) = store.change_access(&used).await {
            tracing::warn!(%error, "when tokens and sessions were last used is not stored");
        }
    }
}
