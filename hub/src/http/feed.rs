//! A list that is followed: put together once for all who follow it and may see the same of it, however many they are, and not at all when
//! nobody does any more. Who comes to it has the page that there is, if nothing changed since; otherwise asks for it, by a request like any
//! other.

use super::problem::mistake;
use crate::access::{Sight, View};
use crate::notify::lock;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use shipper_core::api::PAGE;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// The shortest time between two pages.
const PACE: Duration = Duration::from_millis(250);
/// How often is looked where nothing told of a change: a block begins and ends by the clock.
const LOOK: Duration = Duration::from_secs(2);
/// How old a page may be that somebody begins with. When an agent reported last is no change, and stands in it.
const FRESH: Duration = Duration::from_secs(1);

/// What somebody may see, and the address of the list.
type Key = (Sight, String);
type Told = watch::Sender<Newest>;

/// All lists that are followed.
#[derive(Debug, Default)]
pub(super) struct Feeds(Mutex<HashMap<Key, Arc<Told>>>);

/// A list, to be asked for again and again.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) view: View,
    pub(super) parts: Parts,
    pub(super) next: Next,
}

/// A page as it is told.
#[derive(Debug)]
pub(super) struct Page {
    /// What had changed before it was put together, and when that was.
    revision: u64,
    at: Instant,
    mark: Option<HeaderValue>,
    /// Digest of what is new to somebody who listens.
    news: Option<[u8; 32]>,
    event: Bytes,
}

/// The newest page of a list.
#[derive(Debug)]
struct Newest {
    page: Arc<Page>,
    /// Whether who came with it knows something that the others were not told.
    untold: bool,
}

/// Who follows a list. A slow one is told the newest page and no other.
#[derive(Debug)]
pub(super) struct Listener {
    pages: watch::Receiver<Newest>,
    revision: u64,
    news: Option<[u8; 32]>,
}

impl Feeds {
    /// The number of lists that are followed.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// Follows a list: its page as it is, and what comes after it. What is no page comes back as it was answered.
    pub(super) async fn follow(self: &Arc<Self>, list: List) -> Result<(Arc<Page>, Listener), Response> {
        let key = (list.view.sight().clone(), list.parts.uri.to_string());
        let known = lock(&self.0).get(&key).map(|told| told.borrow().page.clone());
        let page = match known.filter(|page| page.is_fresh(&list.view)) {
            Some(page) => page,
            None => Arc::new(list.page(None).await?),
        };
        Ok((page.clone(), self.listen(key, list, page)))
    }

    /// Listens to what comes after a page.
    fn listen(self: &Arc<Self>, key: Key, list: List, page: Arc<Page>) -> Listener {
        let (revision, news) = (page.revision, page.news);
        let mut feeds = lock(&self.0);
        let mut pages = match feeds.get(&key) {
            Some(told) => {
                told.send_if_modified(|newest| newest.brought(page));
                told.subscribe()
            }
            None => {
                let (told, pages) = watch::channel(Newest { page, untold: false });
                let told = Arc::new(told);
                feeds.insert(key.clone(), told.clone());
                // A runtime that is closing drops it at once, and it lets go of its place then.
                drop(feeds);
                tokio::spawn(Feed { feeds: self.clone(), key, told, list }.run(revision));
                pages
            }
        };
        // It may be a newer one.
        pages.mark_changed();
        Listener { pages, revision, news }
    }
}

impl Newest {
    /// Somebody came with a page. The others are told at their pace, and of what is the case then; so this is no change to them.
    fn brought(&mut self, page: Arc<Page>) -> bool {
        if (self.page.revision, self.page.at) < (page.revision, page.at) {
            self.untold |= page.is_other_than(self.page.news);
            self.page = page;
        }
        false
    }

    /// The list was asked for. Whether there is something to tell: that agents reported once more is nothing.
    fn asked(&mut self, page: Arc<Page>) -> bool {
        let tell = std::mem::take(&mut self.untold) || page.is_other_than(self.page.news);
        self.page = page;
        tell
    }
}

impl Listener {
    /// The next page that is another; `None` = there is none any more, and the listener learns why by asking again.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            self.pages.changed().await.ok()?;
            let page = self.pages.borrow_and_update().page.clone();
            if page.revision >= self.revision && page.is_other_than(self.news) {
                (self.revision, self.news) = (page.revision, page.news);
                return Some(page.event.clone());
            }
        }
    }
}

/// What puts the pages together.
struct Feed {
    feeds: Arc<Feeds>,
    key: Key,
    told: Arc<Told>,
    list: List,
}

impl Feed {
    async fn run(self, mut seen: u64) {
        let mut pulse = self.list.view.pulse();
        let mut at = Instant::now();
        loop {
            tokio::select! {
                () = self.told.closed() => {
                    let mut feeds = lock(&self.feeds.0);
                    // Somebody may have come in between.
                    if self.told.receiver_count() == 0 {
                        feeds.remove(&self.key);
                        return;
                    }
                    continue;
                }
                // Silence is no end: a look is due then.
                changed = timeout(LOOK, pulse.wait_for(|revision| *revision != seen)) => {
                    if matches!(changed, Ok(Err(_))) { return }
                }
            }
            // What comes meanwhile goes into the same page.
            sleep_until(at + PACE).await;
            seen = *pulse.borrow();
            let known = self.told.borrow().page.clone();
            let Ok(page) = self.list.page(Some(&known)).await else { return };
            self.told.send_if_modified(|newest| newest.asked(Arc::new(page)));
            at = Instant::now();
        }
    }
}

impl Drop for Feed {
    /// However it ends: who listens hears that there is no more.
    fn drop(&mut self) {
        let mut feeds = lock(&self.feeds.0);
        if feeds.get(&self.key).is_some_and(|told| Arc::ptr_eq(told, &self.told)) {
            feeds.remove(&self.key);
        }
    }
}

impl List {
    /// The page as it is; `known` is one of before. What is no page comes back as it was answered.
    async fn page(&self, known: Option<&Page>) -> Result<Page, Response> {
        let (revision, at) = (*self.view.pulse().borrow(), Instant::now());
        let request = Request::from_parts(self.parts.clone(), Body::empty());
        let response = self.next.clone().run(request).await;
        if response.status() != StatusCode::OK {
            return Err(response);
        }
        let (parts, body) = response.into_parts();
        let mark = parts.headers.get(header::ETAG).cloned();
        // It is in memory already, and does not fail.
        let page = to_bytes(body, usize::MAX).await.map_err(|error| mistake(&error).into_response())?;
        let same = known.filter(|known| known.mark.is_some() && known.mark == mark);
        let news = same.map_or_else(|| news(&page), |known| known.news);
        let id = mark.as_ref().and_then(|mark| mark.to_str().ok()).unwrap_or_default().trim_matches('"');
        let mut event = format!("id: {id}\nevent: {PAGE}\ndata: ").into_bytes();
        // JSON as it is written here has no line breaks.
        event.extend_from_slice(&page);
        event.extend_from_slice(b"\n\n");
        Ok(Page { revision, at, news, mark, event: event.into() })
    }
}

impl Page {
    /// The event that tells it, to who has not the page of this mark.
    pub(super) fn told(&self, has: Option<&HeaderValue>) -> Option<Bytes> {
        (has.is_none() || has != self.mark.as_ref()).then(|| self.event.clone())
    }

    fn is_fresh(&self, view: &View) -> bool {
        self.revision == *view.pulse().borrow() && self.at.elapsed() < FRESH
    }

    fn is_other_than(&self, news: Option<[u8; 32]>) -> bool {
        self.news.is_none() || self.news != news
    }
}

/// Digest of a page without the moments at which agents reported last: a report that says nothing new is none.
fn news(page: &[u8]) -> Option<[u8; 32]> {
    let mut page: Value = serde_json::from_slice(page).ok()?;
    for item in page.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        item.as_object_mut().map(|item| item.remove("lastReport"));
    }
    Some(Sha256::digest(page.to_string()).into())
}
