//! Every route and every refusal, by requests to the router without a socket.

mod access;
mod contract;
mod examples;
mod feeds;
mod filters;
mod following;
mod guarded;
mod lists;
mod login;
mod measurements;
mod reading;

use super::*;
use crate::access::AccessSettings;
use crate::clock::Clock;
use crate::sample;
use crate::shared::Settings;
use crate::standing::Takeover;
use crate::store::{MemoryStore, SqliteStore, Store};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use axum::routing::get;
use futures::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use shipper_core::AppKey;
use shipper_core::api::{ApplicationSummary, Page};
use shipper_core::condition::{ConditionType, Reason, Status};
use shipper_core::intent::{Object, load};
use shipper_core::plan::{BlockSurvey, Fleet};
use shipper_core::protocol::{
    APPLICATIONS, BLOCKS, CLUSTERS, EVENTS, HubStatus, REPORTS, SESSIONS, STATUS, WEBHOOK, WHY,
};
use shipper_core::status::{ApplicationStatus, Waiting, WaitingFor};
use shipper_core::why::{Because, Rule, Why};
use shipper_git::Secret;
use std::collections::BTreeMap;
use std::time::Duration;
use tokens::Tokens;
use tower::ServiceExt;

const EU: &str = "0123456789abcdef-eu";
const US: &str = "0123456789abcdef-us";

struct Hub {
    shared: Arc<Shared>,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The detail of a problem document of this status.
    fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        let problem: problem::Problem = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem.status().as_u16(), status, "a reason has one status");
        problem.detail
    }
}

async fn hub_with(secret: Option<&str>) -> Hub {
    hub_at(Clock::system(), secret).await
}

async fn hub_at(clock: Clock, secret: Option<&str>) -> Hub {
    let tokens = BTreeMap::from([("eu".to_owned(), EU.to_owned()), ("us".to_owned(), US.to_owned())]);
    let settings = Settings {
        clock,
        heartbeat: Duration::from_secs(10),
        tokens: Tokens::fixed(tokens).unwrap(),
        access: AccessSettings::open(),
        webhook_secret: secret.map(Secret::new),
        takeover: Takeover::default(),
    };
    of(Shared::start(Arc::new(MemoryStore::default()), settings).await.unwrap())
}

fn of(shared: Arc<Shared>) -> Hub {
    Hub { router: router(shared.clone()), shared }
}

async fn hub() -> Hub {
    hub_with(None).await
}

impl Hub {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Whatever is answered has to be as the OpenAPI document says.
    async fn answer(&self, request: Request<Body>) -> Answer {
        let (head, body) = request.into_parts();
        let asked = contract::Asked::of(&head, body.collect().await.unwrap().to_bytes());
        let request = Request::from_parts(head, Body::from(asked.body.clone()));
        let (parts, body) = self.send(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        };
        contract::holds(&asked, &answer);
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.answer(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let request = Request::post(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.answer(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn session(&self, uid: &str) -> String {
        let answer = self.post(SESSIONS, EU, &introduction("eu", uid)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()["session"].as_str().unwrap().to_owned()
    }
}

fn introduction(cluster: &str, uid: &str) -> Value {
    json!({"cluster": cluster, "clusterUid": uid, "agentVersion": "1.0.0"})
}

fn report(session: &str, sequence: u64) -> Value {
    json!({
        "session": session, "sequence": sequence, "cluster": "eu", "clusterUid": "uid-1", "agentVersion": "1.0.0",
        "commit": "c0ffee",
        "applications": [{"application": "web/shop", "targetGeneration": sequence, "releases": []}],
    })
}

fn status(namespace: &str, name: &str) -> ApplicationStatus {
    sample::status(&AppKey::new(namespace, name))
}

#[tokio::test]
async fn a_report_is_stored_before_it_is_acknowledged_and_the_loop_is_told() {
    let hub = hub().await;
    let mut changes = hub.shared.reports.subscribe();
    let opened = hub.post(SESSIONS, EU, &introduction("eu", "uid-1")).await.json();
    assert_eq!(opened["heartbeatSeconds"], 10);
    let session = opened["session"].as_str().unwrap();
    assert_eq!(session.len(), 32);

    hub.shared.commits.send_replace(Some("abc123".into()));
    let accepted = hub.post(REPORTS, EU, &report(session, 1)).await;
    assert_eq!(accepted.json(), json!({"sequence": 1, "commit": "abc123"}));
    assert_eq!(hub.shared.store.load().await.unwrap().reports.len(), 1);
    assert_eq!(changes.next().await, [AppKey::new("web", "shop")].into());

    hub.post(REPORTS, EU, &report(session, 5)).await;
    let late = hub.post(REPORTS, EU, &report(session, 3)).await;
    assert_eq!((late.status, &late.json()["sequence"]), (StatusCode::OK, &json!(5)));
}

#[tokio::test]
async fn agents_without_a_token_of_their_cluster_are_refused() {
    let hub = hub().await;
    let bare = Request::post(SESSIONS).body(Body::empty()).unwrap();
    let answer = hub.answer(bare).await;
    assert!(answer.problem(401).contains("bearer token"));
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
    for path in [SESSIONS, REPORTS] {
        assert!(
            hub.post(path, "not-a-token-of-anyone", &json!({})).await.problem(401).contains("--agent-tokens")
        );
    }
    let basic = Request::get(EVENTS).header(header::AUTHORIZATION, format!("Basic {EU}"));
    hub.answer(basic.body(Body::empty()).unwrap()).await.problem(401);

    let other = hub.post(SESSIONS, US, &introduction("eu", "uid-1")).await.problem(403);
    assert!(other.contains("us") && other.contains("eu"), "{other}");
    let session = hub.session("uid-1").await;
    hub.post(REPORTS, US, &report(&session, 1)).await.problem(403);
}

#[tokio::test]
async fn a_report_outside_the_present_session_asks_for_a_new_one() {
    let hub = hub().await;
    assert!(
        hub.post(REPORTS, EU, &report("never-opened", 1)).await.problem(409).contains("open a new session")
    );
    let old = hub.session("uid-1").await;
    let new = hub.session("uid-1").await;
    assert_ne!(old, new);
    hub.post(REPORTS, EU, &report(&old, 1)).await.problem(409);
    assert_eq!(hub.post(REPORTS, EU, &report(&new, 1)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_read_or_is_too_large_is_refused() {
    let hub = hub().await;
    let malformed = hub.post(REPORTS, EU, &json!({"session": 1})).await.problem(400);
    assert!(malformed.contains("versions"), "{malformed}");
    assert!(hub.post(SESSIONS, EU, &introduction("eu", "")).await.problem(400).contains("kube-system"));
    let large = |path, bytes| {
        let request = Request::post(path).header(header::AUTHORIZATION, format!("Bearer {EU}"));
        hub.answer(request.body(Body::from(vec![b' '; bytes])).unwrap())
    };
    large(REPORTS, MAX_REPORT + 1).await.problem(413);
    let told = large(WEBHOOK, MAX_WEBHOOK + 1).await.problem(413);
    assert!(told.contains("Git host"), "{told}");
    assert_eq!(large(WEBHOOK, MAX_WEBHOOK).await.status, StatusCode::ACCEPTED);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_floods_is_held_back_alone_and_for_a_moment() {
    let hub = hub().await;
    let mut refused = 0;
    for _ in 0..300 {
        let answer = hub.post(REPORTS, EU, &json!({})).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(answer.headers[header::RETRY_AFTER], "1");
            refused += 1;
        }
    }
    assert!(refused > 0);
    hub.post(REPORTS, US, &json!({})).await.problem(400);
    tokio::time::advance(Duration::from_secs(1)).await;
    hub.post(REPORTS, EU, &json!({})).await.problem(400);
}

#[tokio::test]
async fn the_database_failing_is_503_and_makes_the_hub_unready() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(directory.path()).await.unwrap());
    let tokens = Tokens::fixed(BTreeMap::from([("eu".to_owned(), EU.to_owned())])).unwrap();
    let heartbeat = Duration::from_secs(10);
    let settings = Settings {
        clock: Clock::system(),
        heartbeat,
        tokens,
        access: AccessSettings::open(),
        webhook_secret: None,
        takeover: Takeover::default(),
    };
    let hub = of(Shared::start(store.clone(), settings).await.unwrap());
    store.close().await;
    let answer = hub.post(SESSIONS, EU, &introduction("eu", "uid-1")).await;
    answer.problem(503);
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    assert!(hub.get("/readyz").await.problem(503).contains("closed pool"));
    let status: HubStatus = serde_json::from_value(hub.get(STATUS).await.json()).unwrap();
    let told = status.conditions.iter().find(|one| one.kind == ConditionType::DatabaseWritable).unwrap();
    assert_eq!((told.status, told.reason), (Status::False, Reason::DatabaseNotWritable));
    assert!(told.message.contains("closed pool") && told.last_transition_time.is_some(), "{}", told.message);
    assert!(hub.get("/").await.text.contains("<b>DatabaseNotWritable</b>"));
    let metrics = hub.get("/metrics").await.text;
    let errors = "shipper_hub_database_errors_total{step=\"waiting for its turn\"}";
    assert!(metrics.contains(errors), "{errors} is not in\n{metrics}");
    assert_eq!(hub.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn ready_means_that_the_repository_was_read() {
    let hub = hub().await;
    assert!(hub.get("/readyz").await.problem(503).contains("repository has not been read"));
    let mut status = hub.shared.hub.get();
    status.looked_at = Some(Timestamp::now());
    hub.shared.hub.publish(status);
    assert_eq!(hub.get("/readyz").await.status, StatusCode::OK);
    hub.shared.stop.cancel();
    assert!(hub.get("/readyz").await.problem(503).contains("stopping"));
}

#[tokio::test]
async fn applications_are_listed_filtered_and_found() {
    let hub = hub().await;
    for (namespace, name) in [("web", "shop"), ("web", "blog"), ("data", "lake")] {
        hub.shared.statuses.publish(status(namespace, name));
    }
    let names = |answer: Answer| -> Vec<String> {
        let listed: Page<ApplicationSummary> = serde_json::from_str(&answer.text).unwrap();
        listed.items.into_iter().map(|s| s.application.to_string()).collect()
    };
    assert_eq!(names(hub.get(APPLICATIONS).await), ["data/lake", "web/blog", "web/shop"]);
    assert_eq!(names(hub.get(&format!("{APPLICATIONS}?namespace=web")).await), ["web/blog", "web/shop"]);
    let shop = hub.get(&format!("{APPLICATIONS}/web/shop")).await.json();
    assert_eq!(shop["application"], "web/shop");
    hub.shared.statuses.remove(&AppKey::new("web", "shop"));
    assert!(hub.get(&format!("{APPLICATIONS}/web/shop")).await.problem(404).contains("web/shop"));
}

#[tokio::test]
async fn the_status_says_of_every_cluster_what_its_agent_says_now() {
    let hub = hub().await;
    let mut published = serde_json::to_value(hub.shared.hub.get()).unwrap();
    published["clusters"] = json!(["eu", "us"].map(|name| json!({
        "name": name, "region": "x", "liveness": "unknown", "lastReport": null, "agentVersion": null,
        "commit": null, "problems": [],
    })));
    hub.shared.hub.publish(serde_json::from_value(published).unwrap());
    let session = hub.session("uid-1").await;
    hub.post(REPORTS, EU, &report(&session, 1)).await;
    let clusters = &hub.get(STATUS).await.json()["clusters"];
    assert_eq!((&clusters[0]["liveness"], &clusters[0]["commit"]), (&json!("online"), &json!("c0ffee")));
    assert!(clusters[0]["lastReport"].is_string());
    assert_eq!(clusters[1]["liveness"], "unknown");
}

#[tokio::test]
async fn a_webhook_wakes_the_loop_and_needs_its_secret_where_one_is_set() {
    let open = hub().await;
    for body in ["{}", ""] {
        let answer = open.answer(Request::post(WEBHOOK).body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        open.shared.hints.next().await;
    }

    let secret = "a secret of the webhook";
    let hub = hub_with(Some(secret)).await;
    let tag = |secret: &str, body: &str| {
        let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let signed = async |name: &str, value: String| {
        let request = Request::post(WEBHOOK).header(name, value).body(Body::from("push")).unwrap();
        hub.answer(request).await.status.as_u16()
    };
    let good = tag(secret, "push");
    assert_eq!(signed("x-hub-signature-256", format!("sha256={good}")).await, 202);
    assert_eq!(signed("x-gitea-signature", good.clone()).await, 202);
    assert_eq!(signed("x-gitlab-token", secret.to_owned()).await, 202);
    hub.shared.hints.next().await;

    assert_eq!(signed("x-hub-signature-256", good.clone()).await, 401);
    assert_eq!(signed("x-hub-signature-256", format!("sha256={}", &good[..62])).await, 401);
    assert_eq!(signed("x-hub-signature-256", format!("sha256={}", tag(secret, "other"))).await, 401);
    assert_eq!(signed("x-gitea-signature", tag("another secret", "push")).await, 401);
    assert_eq!(signed("x-gitlab-token", "another secret".to_owned()).await, 401);
    assert_eq!(signed("x-other", good).await, 401);
    let unwoken = tokio::time::timeout(Duration::from_millis(1), hub.shared.hints.next()).await;
    assert!(unwoken.is_err(), "what is refused wakes nobody");
}

struct Stream(axum::body::BodyDataStream);

impl Stream {
    async fn of(hub: &Hub, token: &str) -> Self {
        let request = Request::get(EVENTS).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let response = hub.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self(response.into_body().into_data_stream())
    }

    async fn next(&mut self) -> Option<String> {
        self.0.next().await.map(|chunk| String::from_utf8(chunk.unwrap().to_vec()).unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn agents_are_told_of_the_present_commit_at_once_and_of_each_newer_one() {
    let hub = hub().await;
    hub.shared.commits.send_replace(Some("aaa".into()));
    let mut stream = Stream::of(&hub, EU).await;
    assert_eq!(stream.next().await.unwrap(), "event: target\ndata: {\"commit\":\"aaa\"}\n\n");
    hub.shared.commits.send_replace(Some("bbb".into()));
    assert_eq!(stream.next().await.unwrap(), "event: target\ndata: {\"commit\":\"bbb\"}\n\n");
    let began = tokio::time::Instant::now();
    assert_eq!(stream.next().await.unwrap(), ": ping\n\n");
    assert!(began.elapsed() <= Duration::from_secs(11));
    hub.shared.stop.cancel();
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_stream_ends_when_its_token_is_taken_away() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tokens.yaml");
    std::fs::write(&file, format!("eu: {EU}\nus: {US}\n")).unwrap();
    let settings = Settings {
        clock: Clock::system(),
        heartbeat: Duration::from_secs(10),
        tokens: Tokens::from_file(&file).unwrap(),
        access: AccessSettings::open(),
        webhook_secret: None,
        takeover: Takeover::default(),
    };
    let hub = of(Shared::start(Arc::new(MemoryStore::default()), settings).await.unwrap());
    let (mut eu, mut us) = (Stream::of(&hub, EU).await, Stream::of(&hub, US).await);
    std::fs::write(&file, format!("us: {US}\n")).unwrap();
    assert!(hub.shared.tokens.reload().unwrap());
    assert_eq!(eu.next().await, None);
    hub.shared.commits.send_replace(Some("aaa".into()));
    assert!(us.next().await.unwrap().contains("aaa"));
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let hub = hub().await;
    let session = hub.session("uid-1").await;
    hub.post(REPORTS, EU, &report(&session, 1)).await;
    hub.post(REPORTS, EU, &report(&session, 1)).await;
    hub.get("/nowhere").await;
    hub.shared.statuses.publish(status("web", "shop"));
    let text = hub.get("/metrics").await.text;
    for line in [
        "shipper_hub_reports_received_total 2",
        "shipper_hub_reports_stored_total 1",
        "shipper_hub_database_transaction_duration_seconds_count 3",
        "shipper_hub_clusters{liveness=\"online\"} 1",
        "shipper_hub_applications{waiting=\"none\"} 1",
        "shipper_hub_applications{waiting=\"gate\"} 0",
        "shipper_hub_http_requests_total{method=\"POST\",route=\"/api/v1/agent/reports\",status=\"200\"} 2",
        "shipper_hub_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("shipper_hub_cluster_report_age_seconds{cluster=\"eu\"}"));
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn unknown_paths_and_methods_say_so() {
    let hub = hub().await;
    hub.get("/api/v2/applications").await.problem(404);
    let request = Request::delete(STATUS).body(Body::empty()).unwrap();
    let answer = hub.answer(request).await;
    answer.problem(405);
    assert!(answer.headers[header::ALLOW].to_str().unwrap().contains("GET"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_or_hangs_answers_all_the_same() {
    let shared = hub().await.shared;
    let router = Router::new()
        .route("/panics", get(async || -> &'static str { panic!("on purpose") }))
        .route("/hangs", get(async || std::future::pending::<()>().await))
        .layer(Guard::new(shared));
    for (path, status) in [("/panics", 500), ("/hangs", 503)] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}

/// The loop is asked, and only the loop: a question that nobody answers in time is told so, and does not hang.
#[tokio::test(start_paused = true)]
async fn the_loop_says_why() {
    let hub = hub().await;
    let shared = hub.shared.clone();
    let answering = tokio::spawn(async move {
        for known in [true, false] {
            for question in shared.questions.next().await {
                let why = known.then(|| Why {
                    application: question.about.clone(),
                    at: Timestamp::UNIX_EPOCH,
                    source: "c0ffee".to_owned(),
                    waiting: Waiting {
                        state: WaitingFor::None,
                        message: "at rest".to_owned(),
                        clusters: Vec::new(),
                    },
                    decisions: vec![Because::of(Rule::R5, "v1 is the contender")],
                });
                question.answer.send(why).unwrap();
            }
        }
    });
    let path = format!("{APPLICATIONS}/web/shop/{WHY}");
    let answer = hub.get(&path).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["decisions"], json!([{"rule": "R5", "decision": "v1 is the contender"}]));
    assert!(hub.get(&path).await.problem(404).contains("application web/shop is not known"));
    answering.await.unwrap();
    let late = hub.get(&path).await;
    assert_eq!(late.headers[header::RETRY_AFTER], "5");
    assert!(late.problem(503).contains("busy"));
}

/// [B4] Blocks are told for the moment at which somebody asks.
#[tokio::test]
async fn b4_blocks_are_listed_with_what_they_stop() {
    let hub = hub().await;
    assert_eq!(hub.get(BLOCKS).await.json(), json!({"items": []}));
    let block = b"apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {name: freeze}\nspec: {message: m, author: {type: user, name: jo}}\n";
    let Some(Object::RolloutBlock(block)) = load("blocks/freeze.yaml", block).object else {
        panic!("no block")
    };
    let mut fleet = Fleet::default();
    fleet.blocks.insert((None, "freeze".to_owned()), block);
    hub.shared.blocks.publish(BlockSurvey::of(&fleet, std::iter::empty()));
    let told = &hub.get(BLOCKS).await.json()["items"];
    assert_eq!((&told[0]["name"], &told[0]["inForce"]), (&json!("freeze"), &json!(true)));
}

#[tokio::test]
async fn s4_a_cluster_says_what_is_free_and_which_applications_cannot_leave() {
    let hub = hub().await;
    let mut board = hub.shared.hub.get();
    let cluster = json!({
        "name": "eu", "region": "eu", "liveness": "unknown", "lastReport": null, "agentVersion": null, "commit": null,
        "problems": [], "drain": true,
    });
    board.clusters = vec![serde_json::from_value(cluster).unwrap()];
    hub.shared.hub.publish(board);
    let mut there = status("web", "shop");
    let departure = json!({"why": "drained", "stage": "held", "message": "no cluster takes its place"});
    there.clusters = vec![
        serde_json::from_value(json!({
            "cluster": "eu", "liveness": "online", "targetGeneration": 1, "reportedGeneration": 1, "waiting": "none",
            "message": "", "releases": [], "problems": [], "unattended": false, "departure": departure,
        }))
        .unwrap(),
    ];
    hub.shared.statuses.publish(there);
    hub.shared.statuses.publish(status("web", "elsewhere"));
    let session = hub.session("uid-1").await;
    let mut first = report(&session, 1);
    first["free"] = json!({"cpu": "3500m"});
    assert_eq!(hub.post(REPORTS, EU, &first).await.status, StatusCode::OK);

    let all = &hub.get(CLUSTERS).await.json()["items"];
    assert_eq!(
        (&all[0]["applications"], &all[0]["held"], &all[0]["leaving"]),
        (&json!(1), &json!(1), &json!(0))
    );
    let one = hub.get(&format!("{CLUSTERS}/eu")).await.json();
    assert_eq!(one["free"], json!({"cpu": "3500m"}));
    assert_eq!(one["applications"], json!([{"application": "web/shop", "departure": departure}]));
    assert!(hub.get(&format!("{CLUSTERS}/mars")).await.problem(404).contains("clusters/mars.yaml"));
}
