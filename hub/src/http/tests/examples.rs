//! Every answer that the OpenAPI document describes, given by a hub that follows a real repository; and its examples, which are what that
//! hub answers. Time and randomness are given, so that it answers the same every time.
//!
//! `SHIPPER_TESTS_EXAMPLES=record` writes the examples anew.

mod fleet;

use super::contract::{self, Asked, CONTRACT};
use super::*;
use bytes::Bytes;
use fleet::Fleet;
use serde_json::Map;
use shipper_core::api::{
    EVENTS_OF, EVIDENCE, MEASUREMENTS_OF, OPENAPI, PODS_OF, RELEASES_OF, SUMMARY, TIMELINE, VERSIONS, WAIT,
    WATCH,
};
use shipper_test_contract::Seen;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

const FILE: &str = "src/http/openapi/examples.json";
const SHOP: &str = "/api/v1/applications/web/shop";

/// What may stand without an example: it is long, or of no use.
const WITHOUT: [&str; 3] = [
    "Mistake application/problem+json",
    "getMetrics 200 application/openmetrics-text",
    "getOpenapi 200 application/json",
];

/// What was seen of the document, and what is kept of it as examples.
#[derive(Default)]
struct Album {
    seen: RefCell<BTreeSet<Seen>>,
    examples: RefCell<Map<String, Value>>,
}

impl Album {
    /// Asks, holds the answer against the document, and remembers that it was seen.
    async fn ask(&self, hub: &Hub, request: Request<Body>) -> (Answer, Option<Seen>) {
        let (head, body) = request.into_parts();
        let asked = Asked::of(&head, body.collect().await.unwrap().to_bytes());
        let request = Request::from_parts(head, Body::from(asked.body.clone()));
        let (parts, mut body) = hub.send(request).await.into_parts();
        let stream = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        // Of a stream the first event is enough.
        let bytes = match stream {
            true => body.frame().await.unwrap().unwrap().into_data().unwrap(),
            false => body.collect().await.unwrap().to_bytes(),
        };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let answer = Answer { status: parts.status, headers: parts.headers, text };
        let seen = contract::holds(&asked, &answer);
        self.seen.borrow_mut().extend(seen.clone());
        (answer, seen)
    }

    async fn get(&self, hub: &Hub, target: &str) -> (Answer, Option<Seen>) {
        self.ask(hub, Request::get(target).body(Body::empty()).unwrap()).await
    }

    /// Asks, and keeps the answer as the example of the operation; of a refusal, under its name.
    async fn keep(&self, hub: &Hub, request: Request<Body>, refusal: Option<&str>) -> Answer {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let (answer, seen) = self.ask(hub, Request::from_parts(head, Body::from(body.clone()))).await;
        let seen = seen.unwrap();
        let value = serde_json::from_str(&answer.text).unwrap_or_else(|_| Value::from(answer.text.as_str()));
        let mut examples = self.examples.borrow_mut();
        let name = refusal.unwrap_or(&seen.operation).to_owned();
        let example = examples.entry(name).or_insert_with(|| json!({}));
        if !seen.kind.is_empty() {
            example[&seen.kind] = value;
        }
        if let (Ok(request), None) = (serde_json::from_slice::<Value>(&body), refusal) {
            example["request"] = request;
        }
        answer
    }

    async fn keep_get(&self, hub: &Hub, target: &str) -> Answer {
        self.keep(hub, Request::get(target).body(Body::empty()).unwrap(), None).await
    }

    async fn refused(&self, hub: &Hub, name: &str, status: u16, request: Request<Body>) {
        let answer = self.keep(hub, request, Some(name)).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    }
}

/// The targets of every operation that people and programs read, as the fleet has them.
fn targets() -> Vec<String> {
    let below = |part: &str| format!("{SHOP}/{part}");
    let mut targets = vec![
        APPLICATIONS.to_owned(),
        SHOP.to_owned(),
        below(WHY),
        format!("{EVIDENCE}?application=web/shop"),
        below(EVENTS_OF),
        below(RELEASES_OF),
        below(PODS_OF),
        below(MEASUREMENTS_OF),
        below(&format!("{WAIT}?for=complete&timeout=0")),
        format!("{CLUSTERS}/us-1"),
    ];
    targets.extend([BLOCKS, CLUSTERS, TIMELINE, SUMMARY, VERSIONS, STATUS].map(str::to_owned));
    targets
}

/// Those that are streams.
fn streams() -> Vec<String> {
    let lists = [APPLICATIONS, CLUSTERS, BLOCKS, VERSIONS].map(|list| format!("{list}?watch"));
    let below = [RELEASES_OF, PODS_OF].map(|list| format!("{SHOP}/{list}?watch"));
    let others = [
        format!("{SHOP}?watch"),
        format!("{TIMELINE}?watch"),
        format!("{SHOP}/{EVENTS_OF}?watch"),
        WATCH.to_owned(),
    ];
    others.into_iter().chain(lists).chain(below).collect()
}

fn post(path: &str, token: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header(header::AUTHORIZATION, format!("Bearer {token}")).body(body.into()).unwrap()
}

fn follow(target: &str, token: Option<&str>) -> Request<Body> {
    let request = Request::get(target).header("last-event-id", "0");
    let request = match token {
        Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
        None => request,
    };
    request.body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_answer_of_the_document_is_given_and_its_examples_are_real() {
    let album = Album::default();
    let hub = hub_with(Some("a secret of the webhook")).await;
    for target in ["/readyz", "/actz"] {
        assert_eq!(album.get(&hub, target).await.0.status, 503, "the repository was not read");
    }
    unproved(&album, &hub).await;
    unseen(&album).await;

    let fleet = Fleet::start().await;
    fleet.rolled_out(&album).await;
    let hub = &fleet.hub;
    hub.shared.keep(vec![measurements::measured(0, "us-1")]).await.unwrap();
    for target in targets() {
        let marked = album.keep_get(hub, &target).await;
        if let Some(mark) = marked.headers.get(header::ETAG) {
            let again =
                Request::get(&target).header(header::IF_NONE_MATCH, mark).body(Body::empty()).unwrap();
            assert_eq!(album.ask(hub, again).await.0.status, 304, "{target}");
        }
    }
    let marked = album.get(hub, OPENAPI).await.0;
    let again = Request::get(OPENAPI).header(header::IF_NONE_MATCH, &marked.headers[header::ETAG]);
    assert_eq!(album.ask(hub, again.body(Body::empty()).unwrap()).await.0.status, 304);
    for target in streams() {
        album.keep(hub, follow(&target, None), None).await;
    }
    album.keep(hub, follow(EVENTS, Some(&fleet::token("eu-1"))), None).await;
    for target in ["/healthz", "/readyz", "/actz"] {
        album.keep_get(hub, target).await;
    }
    album.get(hub, "/metrics").await;
    asked_wrongly(&album, hub).await;

    // The hubs of another database act from here on, and no loop judges that anew.
    fleet.rest().await;
    hub.shared.stand.judge(Some("another database"), []);
    let other = Request::get(APPLICATIONS).body(Body::empty()).unwrap();
    album.refused(hub, "Unavailable", 503, other).await;
    for target in targets().iter().filter(|target| *target != STATUS).chain(&streams()) {
        assert_eq!(album.get(hub, target).await.0.status, 503, "{target}");
    }
    let introduction = introduction("eu-1", "uid").to_string();
    for request in [
        post(REPORTS, &fleet::token("eu-1"), "{}"),
        follow(EVENTS, Some(&fleet::token("eu-1"))),
        follow("/actz", None),
        post(SESSIONS, &fleet::token("eu-1"), introduction),
    ] {
        assert_eq!(album.ask(hub, request).await.0.status, 503);
    }

    let seen = album.seen.into_inner();
    let never: Vec<_> = CONTRACT.answers().difference(&seen).cloned().collect();
    assert!(never.is_empty(), "the document describes what is never answered: {never:#?}");
    compare(&fleet.told_the_same(&album.examples.into_inner()));
}

/// What is refused because of who asks, or what was sent.
async fn unproved(album: &Album, hub: &Hub) {
    let session = hub.session("uid-1").await;
    for (path, body) in [(SESSIONS, introduction("eu", "uid-1")), (REPORTS, report(&session, 1))] {
        let body = body.to_string();
        album.refused(hub, "Unauthorized", 401, post(path, "not-a-token-of-anyone", body.clone())).await;
        album.refused(hub, "Forbidden", 403, post(path, US, body)).await;
        album.refused(hub, "BadRequest", 400, post(path, EU, "{}")).await;
        album.refused(hub, "TooLarge", 413, post(path, EU, vec![b' '; MAX_REPORT + 1])).await;
    }
    album.refused(hub, "Conflict", 409, post(REPORTS, EU, report("never-opened", 1).to_string())).await;
    album.refused(hub, "Unauthorized", 401, follow(EVENTS, None)).await;

    album.refused(hub, "TooLarge", 413, post(WEBHOOK, "", vec![b' '; MAX_WEBHOOK + 1])).await;
    album.refused(hub, "Unauthorized", 401, post(WEBHOOK, "", "{}")).await;
    let pushed = json!({"ref": "refs/heads/main", "after": "4f1c0ffee0000000000000000000000000000000"});
    let proved = Request::post(WEBHOOK).header("x-gitlab-token", "a secret of the webhook");
    album.keep(hub, proved.body(Body::from(pushed.to_string())).unwrap(), None).await;
    broken_off(album, hub).await;

    let removed = json!({"commit": "c0ffee"});
    let removed = BTreeMap::from([("us".into(), serde_json::from_value(removed).unwrap())]);
    hub.shared.tokens.refuse(&removed);
    album.refused(hub, "Forbidden", 403, follow(EVENTS, Some(US))).await;

    for request in [
        || post(SESSIONS, EU, introduction("eu", "uid-1").to_string()),
        || post(REPORTS, EU, "{}"),
        || follow(EVENTS, Some(EU)),
    ] {
        // More than a burst.
        let asked = futures::future::join_all((0..201).map(|_| hub.send(request()))).await;
        assert!(asked.iter().any(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS));
        album.refused(hub, "TooMany", 429, request()).await;
    }
}

/// What is shown to nobody who may not read it.
async fn unseen(album: &Album) {
    let hub = super::access::closed().await;
    for target in targets().iter().chain(&streams()).map(String::as_str).chain(["/metrics"]) {
        assert_eq!(album.get(&hub, target).await.0.status, 401, "{target}");
    }
    let token = hub.token("some", &["batch"], None).await;
    let see = |target: &str| {
        Request::get(target)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(album.ask(&hub, see("/metrics")).await.0.status, 403);
    assert_eq!(album.ask(&hub, see(&format!("{EVIDENCE}?application=web/shop"))).await.0.status, 404);
}

/// A body that does not arrive whole.
async fn broken_off(album: &Album, hub: &Hub) {
    let broken = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("the connection broke"))]);
    let request = Request::post(WEBHOOK).body(Body::from_stream(broken)).unwrap();
    let (parts, body) = hub.send(request).await.into_parts();
    assert_eq!(parts.status, 400);
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let answer = Answer { status: parts.status, headers: parts.headers, text };
    let head = Request::post(WEBHOOK).body(()).unwrap().into_parts().0;
    album.seen.borrow_mut().extend(contract::holds(&Asked::of(&head, Bytes::new()), &answer));
}

/// What is asked for that cannot be, or that is not there.
async fn asked_wrongly(album: &Album, hub: &Hub) {
    for target in targets().iter().chain(&streams()) {
        let path = target.split_once('?').map_or(&**target, |(path, _)| path);
        assert_eq!(album.get(hub, &format!("{path}?namspace=web")).await.0.status, 400, "{path}");
    }
    for target in targets() {
        let (path, _) = target.split_once('?').unwrap_or((&target, ""));
        let elsewhere = path.replace("web/shop", "web/shp").replace("us-1", "mars");
        if elsewhere != path {
            let missing = album.get(hub, &elsewhere).await.0.status;
            assert!(matches!(missing.as_u16(), 200 | 404), "{elsewhere}: {missing}");
        }
    }
    let missing = Request::get(format!("{VERSIONS}?application=web/shp")).body(Body::empty()).unwrap();
    album.refused(hub, "NotFound", 404, missing).await;
    let wrong = Request::get(format!("{APPLICATIONS}?waiting=godot")).body(Body::empty()).unwrap();
    album.refused(hub, "BadRequest", 400, wrong).await;
}

/// Holds the examples against those that are checked in.
fn compare(examples: &Map<String, Value>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = format!("{}\n", serde_json::to_string_pretty(examples).unwrap());
    if std::env::var("SHIPPER_TESTS_EXAMPLES").is_ok_and(|wish| wish == "record") {
        std::fs::write(&file, text).unwrap();
        return;
    }
    let recorded: Map<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    for name in examples.keys().chain(recorded.keys()) {
        assert_eq!(
            examples.get(name).map(lasting),
            recorded.get(name).map(lasting),
            "the hub answers {name} otherwise than its example says; SHIPPER_TESTS_EXAMPLES=record writes them anew"
        );
    }
}

/// The same without what is another one every time: moments, the commits and marks that follow from them, numbers that count changes, and how
/// many commits the loop made, since reports that come together share one.
fn lasting(example: &Value) -> String {
    let mut text = example.to_string();
    for (begins, ends) in [
        ("2026-11-02T", "Z"),
        ("revision\\\":", "}"),
        ("\"id: ", "\\n"),
        ("\"epoch\":1,\"generation\":", ","),
    ] {
        let mut parts = text.split(begins);
        let mut kept = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            kept.push_str(begins);
            kept.push_str(&part[part.find(ends).unwrap_or_default()..]);
        }
        text = kept;
    }
    let commit = |word: &str| word.len() == 40 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(|word| {
            if commit(word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())) { "commit" } else { word }
        })
        .collect()
}

#[test]
fn every_answer_has_an_example_that_is_valid() {
    let without = CONTRACT.examples().unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(without.iter().map(String::as_str).collect::<Vec<_>>(), WITHOUT);
}
