//! New entries of the timeline for whoever listens, in the order in which they were stored, by this hub or by another one on the same
//! database. One task reads them, however many listen.

use crate::store::{Begin, Entry, EventQuery, Store, StoreError};
use bytes::Bytes;
use shipper_core::api::{EVENT, EventFilter};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// How many entries a listener may be behind before it has to look for itself.
const BEHIND: usize = 1024;
/// Entries that are read at once.
const READ: u32 = 500;
/// How often it is looked whether another hub stored something, where that may be.
const LOOK: Duration = Duration::from_secs(1);
/// Numbers are given before they are seen: of several hubs one may come late, and this many are looked at again.
const LATE: usize = 128;

/// An entry with what a stream says of it.
#[derive(Debug)]
pub struct Told {
    /// The entry.
    pub entry: Entry,
    /// It as a server-sent event.
    pub frame: Bytes,
}

impl From<Entry> for Told {
    fn from(entry: Entry) -> Self {
        // Text and times only, so this cannot fail.
        let data = serde_json::to_string(&entry.event).unwrap_or_default();
        let frame = format!("id: {}\nevent: {EVENT}\ndata: {data}\n\n", entry.number).into();
        Self { entry, frame }
    }
}

/// Where new entries are told.
#[derive(Debug)]
pub struct Timeline {
    stored: watch::Sender<u64>,
    listeners: broadcast::Sender<Arc<Told>>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { stored: watch::Sender::default(), listeners: broadcast::Sender::new(BEHIND) }
    }
}

impl Timeline {
    /// This hub stored something that may be an entry.
    pub fn stored(&self) {
        self.stored.send_modify(|times| *times += 1);
    }

    /// Told of entries from now on.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Told>> {
        self.listeners.subscribe()
    }

    /// What is told from now on is stored after this.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn begin(&self, store: &dyn Store) -> Result<Tail, StoreError> {
        let stored = self.stored.subscribe();
        let newest = EventQuery { filter: EventFilter::default(), begin: Begin::Newest, limit: 1 };
        let last = store.events(&newest).await?.first().map_or(0, |newest| newest.number);
        Ok(Tail { stored, last, seen: BTreeSet::new() })
    }

    /// Tells every entry behind the tail as it comes; never ends. `each` is called once for all that come together.
    pub async fn follow(&self, store: &dyn Store, mut tail: Tail, each: impl Fn()) {
        loop {
            let news = tail.stored.changed();
            if store.is_shared() {
                let _ = tokio::time::timeout(LOOK, news).await;
            } else if news.await.is_err() {
                return;
            }
            match tail.read(store).await {
                Ok(entries) if entries.is_empty() => {}
                Ok(entries) => {
                    for entry in entries {
                        // That nobody listens is no error.
                        let _ = self.listeners.send(Arc::new(Told::from(entry)));
                    }
                    each();
                }
                Err(error) => {
                    tracing::warn!(%error, "new entries of the timeline are not told now; tried again");
                    tokio::time::sleep(LOOK).await;
                    self.stored();
                }
            }
        }
    }
}

/// How far the timeline was told.
#[derive(Debug)]
pub struct Tail {
    stored: watch::Receiver<u64>,
    last: i64,
    /// Of a database that is shared: the highest numbers that were told.
    seen: BTreeSet<i64>,
}

impl Tail {
    async fn read(&mut self, store: &dyn Store) -> Result<Vec<Entry>, StoreError> {
        let mut news = Vec::new();
        let mut behind = match self.seen.first() {
            Some(first) if store.is_shared() => first - 1,
            _ => self.last,
        };
        loop {
            let query =
                EventQuery { filter: EventFilter::default(), begin: Begin::After(behind), limit: READ };
            let read = store.events(&query).await?;
            let Some(last) = read.last() else { break };
            behind = last.number;
            news.extend(read.into_iter().filter(|entry| !self.seen.contains(&entry.number)));
        }
        self.last = self.last.max(behind);
        if store.is_shared() {
            self.seen.extend(news.iter().map(|entry| entry.number));
            while self.seen.len() > LATE {
                self.seen.pop_first();
            }
        }
        Ok(news)
    }
}
