//! A list that several follow is put together once for all of them.

use super::access::closed;
use super::following::Events;
use super::*;
use crate::access::Gate;
use crate::http::feed::Feeds;
use crate::http::watched::watched;
use axum::Json;
use axum::response::IntoResponse;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// A list that says a number, or is gone where that is zero, and how often it was put together.
struct Counted {
    hub: Hub,
    feeds: Arc<Feeds>,
    says: Arc<AtomicU64>,
    made: Arc<AtomicU64>,
}

impl Counted {
    async fn new() -> Self {
        let mut hub = hub().await;
        let (feeds, says, made) =
            (Arc::<Feeds>::default(), Arc::new(AtomicU64::new(1)), Arc::<AtomicU64>::default());
        let (number, count) = (says.clone(), made.clone());
        let list = async move || {
            count.fetch_add(1, SeqCst);
            match number.load(SeqCst) {
                0 => StatusCode::NOT_FOUND.into_response(),
                number => Json(json!({"items": [{"number": number, "lastReport": count.load(SeqCst)}]}))
                    .into_response(),
            }
        };
        let around = from_fn_with_state((Gate::new(hub.shared.clone()), feeds.clone()), watched);
        hub.router = Router::new().route("/list", get(list)).layer(from_fn(etag::etag)).layer(around);
        Self { hub, feeds, says, made }
    }

    async fn follow(&self) -> Events {
        Events::of(&self.hub, "/list?watch", None).await
    }

    fn says(&self, number: u64) {
        self.says.store(number, SeqCst);
        self.beat();
    }

    /// Something changed somewhere.
    fn beat(&self) {
        self.hub.shared.statuses.publish(status("web", "shop"));
        self.hub.shared.statuses.remove(&AppKey::new("web", "shop"));
    }

    fn made(&self) -> u64 {
        self.made.load(SeqCst)
    }
}

async fn number(stream: &mut Events) -> Value {
    let told = tokio::time::timeout(Duration::from_secs(30), stream.data("page")).await;
    told.expect("it is told")["items"][0]["number"].clone()
}

#[tokio::test(start_paused = true)]
async fn all_who_follow_a_list_are_told_by_one_page() {
    let list = Counted::new().await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(list.follow().await);
        assert_eq!(number(streams.last_mut().unwrap()).await, 1, "at once, whoever follows already");
    }
    assert_eq!((list.feeds.len(), list.made()), (1, 1), "nothing changed since the first one came");
    for round in 2..5 {
        list.says(round);
        for stream in &mut streams {
            assert_eq!(number(stream).await, round);
        }
        assert_eq!(list.made(), round, "once for all");
    }
    drop(streams.split_off(1));
    list.says(5);
    assert_eq!(number(&mut streams[0]).await, 5, "the others being gone is nothing to who stays");
    drop(streams);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(list.feeds.len(), 0);
    let made = list.made();
    list.says(6);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(list.made(), made, "nobody follows it");
}

/// Who comes while things change has the newest page at once; the others are told no sooner for that, and no page is left unsaid.
#[tokio::test(start_paused = true)]
async fn who_comes_is_told_what_is_and_quickens_nobody() {
    let list = Counted::new().await;
    let mut first = list.follow().await;
    assert_eq!(number(&mut first).await, 1);
    let silent = async |stream: &mut Events| {
        let told = tokio::time::timeout(Duration::from_millis(100), stream.next()).await;
        assert!(told.is_err(), "{told:?}");
    };
    silent(&mut first).await;
    list.says(2);
    let mut second = list.follow().await;
    assert_eq!(number(&mut second).await, 2, "something changed since the page of the first");
    silent(&mut first).await;
    assert_eq!(number(&mut first).await, 2);

    // It was something else for a moment, which only who came then was told.
    list.says(3);
    let mut third = list.follow().await;
    assert_eq!(number(&mut third).await, 3);
    list.says(2);
    assert_eq!(number(&mut third).await, 2);
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_is_told_the_newest_and_nothing_twice() {
    let list = Counted::new().await;
    let (mut slow, mut quick) = (list.follow().await, list.follow().await);
    for stream in [&mut slow, &mut quick] {
        assert_eq!(number(stream).await, 1);
    }
    for round in 2..5 {
        list.says(round);
        assert_eq!(number(&mut quick).await, round);
    }
    assert_eq!(number(&mut slow).await, 4);
    // That agents reported once more is another page, but no news.
    list.beat();
    for stream in [&mut slow, &mut quick] {
        let silent = tokio::time::timeout(Duration::from_secs(9), stream.next()).await;
        assert!(silent.is_err(), "{silent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_gone_ends_its_streams() {
    let list = Counted::new().await;
    let mut streams = [list.follow().await, list.follow().await];
    for stream in &mut streams {
        number(stream).await;
    }
    list.says(0);
    for stream in &mut streams {
        assert_eq!(stream.next().await, None);
    }
    assert_eq!(list.feeds.len(), 0);
    let answer = list.hub.send(Request::get("/list?watch").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "as the list refuses");
    list.says(7);
    assert_eq!(number(&mut list.follow().await).await, 7);
}

/// Who sees more than another is told by another page, at the same address.
#[tokio::test(start_paused = true)]
async fn who_sees_less_follows_another_list() {
    let hub = closed().await;
    let (all, web) = (hub.token("all", &["*"], None).await, hub.token("web", &["web"], None).await);
    let watch = format!("{APPLICATIONS}?watch");
    let mut streams = [hub.stream_as(&watch, &all).await, hub.stream_as(&watch, &web).await];
    for stream in &mut streams {
        assert_eq!(stream.data("page").await, json!({"items": []}));
    }
    let seen = |page: Value| -> Vec<String> {
        let page: Page<ApplicationSummary> = serde_json::from_value(page).unwrap();
        page.items.into_iter().map(|item| item.application.to_string()).collect()
    };
    hub.shared.statuses.publish(status("zz", "zz-app"));
    hub.shared.statuses.publish(status("web", "shop"));
    assert_eq!(seen(streams[0].data("page").await), ["web/shop", "zz/zz-app"]);
    assert_eq!(seen(streams[1].data("page").await), ["web/shop"]);
}
