//! Pages as people see them, by requests to the router without a socket.

use crate::access::AccessSettings;
use crate::clock::Clock;
use crate::details::Details;
use crate::http::router;
use crate::http::tokens::Tokens;
use crate::images::Images;
use crate::shared::{Settings, Shared};
use crate::standing::Takeover;
use crate::store::{MemoryStore, TimelineEvent};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use futures::StreamExt;
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use shipper_core::api::Commit;
use shipper_core::manifest::ContainerKey;
use shipper_core::protocol::HubStatus;
use shipper_core::state::ReleaseRecord;
use shipper_core::status::ApplicationStatus;
use shipper_core::why::Why;
use shipper_core::{AppKey, ReleaseName};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

/// What somebody may write who means no good; in a page it is text, with none of its brackets left as they are.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";

struct Hub {
    shared: Arc<Shared>,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    /// What a person reads: without tags, with entities as characters.
    fn read(&self) -> String {
        let mut text = String::new();
        let mut inside = false;
        for c in self.text.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => text.push(c),
                _ => {}
            }
        }
        let entities = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#34;", "\""),
            ("&#39;", "'"),
            ("&#60;", "<"),
            ("&#62;", ">"),
            ("&#38;", "&"),
            ("&amp;", "&"),
        ];
        entities.iter().fold(text, |text, (from, to)| text.replace(from, to))
    }
}

async fn hub() -> Hub {
    let settings = Settings {
        clock: Clock::system(),
        heartbeat: Duration::from_secs(10),
        tokens: Tokens::none(),
        access: AccessSettings::open(),
        webhook_secret: None,
        takeover: Takeover::default(),
    };
    let shared = Shared::start(Arc::new(MemoryStore::default()), settings).await.unwrap();
    Hub { router: router(shared.clone()), shared }
}

impl Hub {
    async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// A fleet with these clusters, all of which are said to be offline: no agent of theirs was ever heard.
    fn clusters(&self, names: &[String]) {
        let clusters: Vec<Value> = names
            .iter()
            .map(|name| json!({"name": name, "region": "eu", "liveness": "unknown", "problems": []}))
            .collect();
        let status = json!({
            "version": "1.2.3", "source": "c0ffee00112233", "epoch": 1, "generation": 7, "conditions": [], "problems": [],
            "lookedAt": Timestamp::now(), "clusters": clusters,
        });
        self.shared.hub.publish(serde_json::from_value::<HubStatus>(status).unwrap());
    }

    fn publish(&self, status: &Value) {
        self.shared.statuses.publish(serde_json::from_value::<ApplicationStatus>(status.clone()).unwrap());
    }

    /// Answers why.
    fn answer_why(&self, why: &Value) {
        let (shared, why) = (self.shared.clone(), serde_json::from_value::<Why>(why.clone()).unwrap());
        tokio::spawn(async move {
            loop {
                for question in shared.questions.next().await {
                    let _ = question.answer.send(Some(why.clone()));
                }
            }
        });
    }

    /// Answers what is asked of the loop.
    fn answer_details(&self, details: Details) {
        let shared = self.shared.clone();
        tokio::spawn(async move {
            loop {
                for question in shared.details.next().await {
                    let _ = question.answer.send(Some(details.clone()));
                }
            }
        });
    }
}

/// Decisions, one of which follows from another, and every word of both.
fn why(app: &str, words: &str) -> Value {
    json!({
        "application": app, "at": "2026-11-01T10:06:00Z", "source": "0123456789abcdef0123",
        "waiting": {"state": "waitingForCapacity", "clusters": [], "message": words},
        "decisions": [
            {"rule": "M3", "decision": format!("{words} is at step half"), "because": [
                {"rule": "A1", "decision": words, "evidence": [
                    {"cluster": words, "targetGeneration": 4, "reportedGeneration": 3, "liveness": "offline", "says": [words]},
                    {"cluster": "eu-2", "targetGeneration": 4, "reportedGeneration": 4, "liveness": "online", "says": ["2 of 2 pods"]},
                ]},
            ]},
        ],
    })
}

/// An application in the middle of a rollout: its contender is at the second of three steps, and cannot pull its image in `eu-1`.
fn rollout(app: &str) -> Value {
    let release = |name: &str, generation: u64, version: &str| {
        json!({
            "name": name, "generation": generation, "created": "2026-11-01T10:00:00Z", "source": "0123456789abcdef0123", "version": version,
            "steps": ["staging", "half", "full on"], "step": 1, "achieved": {"step": 0, "name": "staging", "at": "2026-11-01T10:05:00Z"},
            "complete": null, "withdrawn": null, "failed": null,
        })
    };
    let mut old = release("shop-old-0", 1, "shop 1.0.0");
    old["complete"] = json!("2026-10-01T10:00:00Z");
    let capacity = |desired: u32, available: u32| {
        json!({"rendered": 4, "desired": desired, "replicas": desired, "pods": desired, "ready": available, "available": available,
            "achieved": desired == available})
    };
    let cluster = |name: &str, available: u32, waiting: &str, message: &str, pods: Value| {
        json!({
            "cluster": name, "liveness": "online", "targetGeneration": 3, "reportedGeneration": 3, "waiting": waiting, "message": message,
            "releases": [
                {"name": "shop-old-0", "capacity": capacity(4, 4), "traffic": {"wanted": 4, "ready": 4, "achieved": true}, "pods": []},
                {"name": "shop-new-0", "capacity": capacity(2, available), "traffic": {"wanted": 2, "ready": available, "achieved": available == 2}, "pods": pods},
            ],
            "problems": [], "unattended": false,
        })
    };
    let failing = json!([{"reason": "ImagePullBackOff", "count": 2, "example": "shop-new-0-abc", "message": "Back-off pulling image \"shop:broken\""}]);
    json!({
        "application": app, "contender": "shop-new-0", "incumbent": "shop-old-0",
        "releases": [release("shop-new-0", 2, "shop 2.0.0"), old],
        "waiting": {"state": "waitingForCapacity", "message": "eu-1: 0 of 2 pods of shop-new-0 are available", "clusters": ["eu-1"]},
        "clusters": [
            cluster("eu-1", 0, "waitingForCapacity", "0 of 2 pods are available", failing),
            cluster("us-1", 2, "none", "", json!([])),
        ],
        "conditions": [],
    })
}

/// One whose rollout is over.
fn settled(app: &str, clusters: &[String]) -> Value {
    let clusters: Vec<Value> = clusters
        .iter()
        .map(|name| {
            json!({"cluster": name, "liveness": "online", "targetGeneration": 1, "reportedGeneration": 1, "waiting": "none", "message": "",
                "releases": [], "problems": [], "unattended": false})
        })
        .collect();
    json!({
        "application": app, "contender": "app-0a1b2c3d-0", "incumbent": null,
        "releases": [{"name": "app-0a1b2c3d-0", "generation": 1, "created": "2026-11-01T10:00:00Z", "source": "0123", "version": "app 1.0.0",
            "steps": ["full on"], "step": 0, "achieved": {"step": 0, "name": "full on", "at": "2026-11-01T10:05:00Z"},
            "complete": "2026-11-01T10:05:00Z", "withdrawn": null, "failed": null}],
        "waiting": {"state": "none", "message": "", "clusters": []}, "clusters": clusters, "conditions": [],
    })
}

/// The records of both releases of [`rollout`], with the same environment.
fn records(environment: &Value) -> BTreeMap<ReleaseName, ReleaseRecord> {
    let record = |name: &str| {
        let record = json!({
            "application": "web/shop", "name": name, "generation": 1, "source": "", "created": Timestamp::UNIX_EPOCH,
            "environment": environment, "strategy": {"steps": [{"name": "full on"}]},
            "position": {"step": 0, "name": "full on", "from": 0, "since": Timestamp::UNIX_EPOCH, "cause": "created"},
        });
        (name.into(), serde_json::from_value(record).unwrap())
    };
    ["shop-old-0", "shop-new-0"].map(record).into()
}

/// The images of both releases of [`rollout`]: this container has another, and one has the same.
fn images(container: &str, image: &str) -> BTreeMap<ReleaseName, Images> {
    let key = |container: &str| ContainerKey {
        kind: "Deployment".to_owned(),
        object: container.to_owned(),
        container: container.to_owned(),
    };
    let of = |(name, tag): (&str, u32)| {
        let all = [(key(container), format!("{image}:{tag}")), (key("same"), "same:1".to_owned())];
        (name.into(), Arc::new(BTreeMap::from(all)))
    };
    [("shop-old-0", 1), ("shop-new-0", 2)].map(of).into()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("cluster-{number:03}")).collect()
}

fn two() -> Vec<String> {
    ["eu-1", "us-1"].map(str::to_owned).into()
}

#[tokio::test]
async fn the_fleet_says_who_fails_where_before_who_rests() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&settled("aaa/calm", &two()));
    hub.publish(&rollout("web/shop"));
    let page = hub.get("/").await;
    let read = page.read();
    let (failing, calm) = (read.find("web/shop").unwrap(), read.find("aaa/calm").unwrap());
    assert!(failing < calm, "what fails comes first");
    assert!(read.contains("eu-1: ImagePullBackOff: Back-off pulling image \"shop:broken\""), "{read}");
    assert!(read.contains("step 2 of 3, half") && read.contains("shop 2.0.0"), "{read}");
    assert!(read.contains("eu-1 failing, 1 at rest"), "{read}");
    let moving = hub.get("/?show=settled").await.read();
    assert!(moving.contains("aaa/calm") && !moving.contains("web/shop"));
    assert!(!hub.get("/?q=shop&cluster=us-1").await.read().contains("aaa/calm"));
    assert!(hub.get("/?q=nobody").await.read().contains("Nothing matches."));
}

#[tokio::test]
async fn the_fleet_page_is_small_however_large_the_fleet_is() {
    let hub = hub().await;
    let names = names(100);
    hub.clusters(&names);
    let long = "a long message of something that went wrong in a place far away ".repeat(20);
    for number in 0..10_000 {
        let mut status = settled(&format!("namespace-{:03}/application-{number:05}", number % 300), &[]);
        // The first page is the worst that there can be: every other cluster of it fails, with many words.
        if number % 100 == 0 {
            status = settled(&format!("namespace-{:03}/application-{number:05}", number % 300), &names);
            for (index, cluster) in status["clusters"].as_array_mut().unwrap().iter_mut().enumerate() {
                if index % 2 == 0 {
                    cluster["problems"] = json!([{"object": "Deployment web/x", "heals": false, "reason": "Rejected", "message": long}]);
                }
            }
        }
        hub.publish(&status);
    }
    let page = hub.get("/").await;
    assert!(page.read().contains("1 to 40 of 10000"));
    assert!(page.read().contains("50 failing, 50 at rest"));
    assert!(page.text.len() < 100_000, "{} bytes", page.text.len());
    let next = hub.get("/?page=2").await;
    assert!(next.read().contains("41 to 80 of 10000") && next.text.len() < 100_000);
}

#[tokio::test]
async fn an_application_says_what_it_waits_for_and_shows_the_last_words_of_a_pod() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let commit = Commit {
        id: "0123456789abcdef0123".to_owned(),
        author: Some("Jo Doe".to_owned()),
        subject: Some("Sell more".to_owned()),
    };
    hub.answer_details(Details {
        commits: BTreeMap::from([(commit.id.clone(), commit.clone())]),
        ..Details::default()
    });
    hub.shared
        .log(vec![TimelineEvent {
            at: "2026-11-01T10:05:00Z".parse().unwrap(),
            application: Some(AppKey::new("web", "shop")),
            cluster: None,
            reason: "Created".to_owned(),
            message: "shop-new-0 was made".to_owned(),
            commit: Some(commit),
        }])
        .await
        .unwrap();
    let page = hub.get("/applications/web/shop").await;
    assert_eq!(page.status, StatusCode::OK);
    let read = page.read().replace('\n', " ");
    for wanted in [
        "Waits for capacity",
        "eu-1: 0 of 2 pods of shop-new-0 are available",
        "ImagePullBackOff 2 pods of shop-new-0 in eu-1",
        "shop-new-0-abc in eu-1",
        "Back-off pulling image \"shop:broken\"",
        "shipperctl promote web/shop --release shop-new-0 --step 'full on'",
        "shipperctl abort web/shop",
        "Sell more Jo Doe, 0123456789",
        "shop-new-0 was made Sell more Jo Doe, 0123456789",
        "0 of 2",
        "achieved 2026-11-01 10:05:00 UTC",
    ] {
        assert!(read.contains(wanted), "{wanted:?} is not in {read}");
    }
    assert!(page.text.contains(r#"class="here" aria-current="step""#));
    let events = hub.get("/events").await.read().replace('\n', " ");
    assert!(events.contains("shop-new-0 was made Sell more Jo Doe, 0123456789"), "{events}");
}

#[tokio::test]
async fn measurements_are_drawn_and_what_differs_is_named() {
    let hub = hub().await;
    hub.clusters(&two());
    let mut status = rollout("web/shop");
    let sample = |outcome: &str, measured: &str| json!({"generation": 3, "at": "2026-11-01T10:06:00Z", "outcome": outcome, "measured": measured});
    status["clusters"][1]["analysis"] = json!({"release": "shop-new-0", "run": "2026-11-01T10:05:00Z", "measures": [
        {"name": "errors", "passed": 1, "failed": 1, "unknown": 0, "samples": [sample("passed", "0.001"), sample("failed", "0.2")]}]});
    hub.publish(&status);
    let record = |name: &str, tag: &str, secret: &str| {
        serde_json::from_value(json!({
            "application": "web/shop", "name": name, "generation": 1, "source": "", "created": Timestamp::UNIX_EPOCH,
            "environment": {"values": {"image": {"tag": tag}, "dbPassword": secret, "same": 1}},
            "strategy": {"steps": [
                {"name": "staging", "capacity": {"contender": 1, "incumbent": 100}},
                {"name": "half", "capacity": {"contender": 50, "incumbent": 50}, "traffic": {"contender": 50, "incumbent": 50},
                 "gate": {"approval": "auto", "soak": "10m", "analysis": [
                    {"name": "errors", "prometheus": {"address": "http://p", "query": "q"}, "failIf": "> 0.01", "count": 5}]}},
                {"name": "full on", "capacity": {"contender": 100, "incumbent": 0}}]},
            "position": {"step": 1, "name": "half", "from": 0, "since": "2026-11-01T10:05:00Z", "cause": "created"},
        }))
        .unwrap()
    };
    let releases = [("shop-new-0", "2", "old-secret"), ("shop-old-0", "1", "new-secret")]
        .map(|(name, tag, secret)| (name.into(), record(name, tag, secret)));
    hub.answer_details(Details { releases: BTreeMap::from(releases), ..Details::default() });
    let page = hub.get("/applications/web/shop").await;
    let read = page.read();
    for wanted in [
        "50 % new, 50 % old",
        "soaks for 10m",
        "then goes on by itself",
        "fails if > 0.01",
        "1 of 5 passed, 1 failed",
        "values.image.tag",
        "values.dbPassword",
    ] {
        assert!(read.contains(wanted), "{wanted:?} is not in {read}");
    }
    assert!(page.text.contains("<path class=\"failed\" d=\"M155.0 5.0m"), "the failed sample is a cross");
    assert!(!page.text.contains("-secret"), "what may be secret is not shown");
    assert!(!read.contains("values.same"));
}

#[tokio::test]
async fn releases_of_plain_manifests_say_which_images_are_new() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    hub.answer_details(Details {
        releases: records(&json!({"manifests": {"path": "apps/shop", "tree": "0123456789abcdef"}})),
        images: images("web", "example.com/web"),
        ..Details::default()
    });
    let read = hub.get("/applications/web/shop").await.read();
    assert!(read.contains("Deployment web: image of webexample.com/web:1example.com/web:2"), "{read}");
    assert!(!read.contains("image of same"), "{read}");
}

#[tokio::test]
async fn every_decision_stands_with_its_rule_and_what_it_rests_on() {
    let hub = hub().await;
    hub.publish(&rollout("web/shop"));
    let page = hub.get("/applications/web/shop").await;
    assert!(page.text.contains("href=\"/applications/web/shop/why\""), "{}", page.text);
    hub.answer_why(&why("web/shop", "3 of 4 pods are available"));
    let page = hub.get("/applications/web/shop/why").await;
    for part in [
        "is at step half",
        "a step says the numbers of every cluster",
        "reports on target 3, not 4, which proves nothing",
        "is offline",
        "docs/reasons/waitingForCapacity.md",
        "shipperctl why web/shop",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert_eq!(hub.get("/applications/web/shopp/why").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_others_wrote_is_text_on_every_page() {
    let hub = hub().await;
    hub.clusters(&[HOSTILE.to_owned(), "eu-1".to_owned()]);
    let mut status = rollout(&format!("web/{}", HOSTILE.replace('/', "_")));
    status["waiting"]["message"] = json!(HOSTILE);
    for release in [0, 1] {
        status["releases"][release]["version"] = json!(HOSTILE);
        status["releases"][release]["steps"] = json!([HOSTILE, HOSTILE, HOSTILE]);
    }
    status["clusters"][0]["cluster"] = json!(HOSTILE);
    status["clusters"][0]["message"] = json!(HOSTILE);
    status["clusters"][0]["releases"][1]["pods"][0] =
        json!({"reason": HOSTILE, "count": 1, "example": HOSTILE, "message": HOSTILE});
    status["conditions"] =
        json!([{"type": "Valid", "status": "False", "reason": "InvalidFile", "message": HOSTILE}]);
    hub.publish(&status);
    let commit = Commit {
        id: "0123456789abcdef0123".to_owned(),
        author: Some(HOSTILE.to_owned()),
        subject: Some(HOSTILE.to_owned()),
    };
    hub.answer_details(Details {
        commits: BTreeMap::from([(commit.id.clone(), commit.clone())]),
        releases: records(&json!({"values": {HOSTILE: HOSTILE}})),
        images: images(HOSTILE, HOSTILE),
    });
    let key: AppKey = status["application"].as_str().unwrap().parse().unwrap();
    hub.answer_why(&why(&key.to_string(), HOSTILE));
    hub.shared
        .log(vec![TimelineEvent {
            at: Timestamp::now(),
            application: Some(key.clone()),
            cluster: Some(HOSTILE.into()),
            reason: HOSTILE.to_owned(),
            message: HOSTILE.to_owned(),
            commit: Some(commit),
        }])
        .await
        .unwrap();
    let q = super::words::encode(HOSTILE);
    let pages = [
        "/".to_owned(),
        format!("/?q={q}&show={q}"),
        super::words::application(&key),
        format!("{}/why", super::words::application(&key)),
        "/clusters".to_owned(),
        super::words::cluster(HOSTILE),
        "/clusters/nobody%3Cscript%3E".to_owned(),
        "/applications/web/nobody%3Cscript%3E".to_owned(),
        "/blocks".to_owned(),
        format!("/events?reason={q}"),
        format!("/search?q={q}"),
    ];
    for path in pages {
        let page = hub.get(&path).await;
        let lower = page.text.to_lowercase();
        // The one script of a page is its own, and no attribute begins with what was written.
        assert_eq!(lower.matches("<script").count(), 1, "{path}: {lower}");
        assert!(!lower.contains("<img") && !lower.contains("\"'>"), "{path}: {lower}");
    }
}

#[tokio::test]
async fn every_answer_forbids_what_is_not_the_hubs_own() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let page = hub.get("/").await;
    let style = page.text.split("href=\"").find(|rest| rest.starts_with("/assets/")).unwrap();
    let style = style.split('"').next().unwrap().replace("icon.svg", "shipper.css");
    for path in [
        "/",
        "/applications/web/shop",
        "/applications/web/gone",
        "/clusters",
        "/clusters/eu-1",
        "/blocks",
        "/events",
        "/search?q=x",
        &style,
    ] {
        let answer = hub.get(path).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers[header::REFERRER_POLICY], "same-origin");
        // Nothing inline, which the policy would stop anyway, and no other origin.
        assert!(!answer.text.contains(" style=") && !answer.text.contains(" onclick"), "{path}");
        assert!(!answer.text.contains("src=\"http") && !answer.text.contains("url(http"), "{path}");
    }
    let asset = hub.get(&style).await;
    assert_eq!(asset.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
    assert!(asset.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(hub.get("/assets/x/passwd").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let tag = hub.get("/").await.headers[header::ETAG].clone();
    let again = || Request::get("/").header(header::IF_NONE_MATCH, tag.clone()).body(Body::empty()).unwrap();
    let answer = hub.ask(again()).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    hub.publish(&settled("web/other", &two()));
    assert_eq!(hub.ask(again()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_theme_is_kept_and_leads_to_no_other_host() {
    let hub = hub().await;
    hub.clusters(&two());
    let chosen = hub.get("/theme?to=dark&back=%2Fclusters%3Fpage%3D2").await;
    assert_eq!(chosen.status, StatusCode::SEE_OTHER);
    assert_eq!(chosen.headers[header::LOCATION], "/clusters?page=2");
    let cookie = chosen.headers[header::SET_COOKIE].to_str().unwrap();
    let request = Request::get("/")
        .header(header::COOKIE, cookie.split(';').next().unwrap())
        .body(Body::empty())
        .unwrap();
    assert!(hub.ask(request).await.text.contains("data-theme=\"dark\""));
    for elsewhere in
        ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "%2F%09%2Fevil.example"]
    {
        let answer = hub.get(&format!("/theme?to=light&back={elsewhere}")).await;
        assert_eq!(answer.headers[header::LOCATION], "/", "{elsewhere}");
    }
}

#[tokio::test]
async fn a_wrong_name_leads_to_those_that_may_have_been_meant() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let page = hub.get("/applications/web/shopp").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(
        page.read().contains("applications/web/shopp.yaml")
            && page.text.contains("href=\"/applications/web/shop\"")
    );
    assert_eq!(hub.get("/clusters/eu").await.status, StatusCode::NOT_FOUND);
    assert!(hub.get("/clusters/eu").await.text.contains("href=\"/clusters/eu-1\""));
}

#[tokio::test]
async fn a_cluster_says_what_it_has_and_search_finds_a_pod_by_its_reason() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let cluster = hub.get("/clusters/eu-1").await.read();
    assert!(cluster.contains("1 application, 1 failing") && cluster.contains("shop-new-0 0/2"), "{cluster}");
    let found = hub.get("/search?q=imagepull").await;
    assert!(
        found.read().contains("ImagePullBackOff in eu-1") && found.text.contains("/applications/web/shop")
    );
    assert!(
        hub.get("/search?q=01234567").await.read().contains("shop-new-0"),
        "releases are found by their commit"
    );
    assert!(hub.get("/blocks").await.read().contains("Nothing stops rollouts."));
}

#[tokio::test]
async fn the_way_back_comes_first_where_something_fails_and_no_promotion_where_nothing_would_move() {
    let hub = hub().await;
    hub.clusters(&two());
    let mut status = rollout("web/shop");
    let page = async |status: &Value| {
        hub.publish(status);
        hub.get("/applications/web/shop").await.read()
    };
    let failing = page(&status).await;
    let (abort, promote) =
        (failing.find("shipperctl abort").unwrap(), failing.find("shipperctl promote").unwrap());
    assert!(abort < promote, "{failing}");
    status["clusters"][0]["releases"][1]["pods"] = json!([]);
    let moving = page(&status).await;
    assert!(
        moving.find("shipperctl promote").unwrap() < moving.find("shipperctl abort").unwrap(),
        "{moving}"
    );
    for (state, instead) in [("paused", "shipperctl resume web/shop"), ("blocked", "shipperctl blocks list")]
    {
        status["waiting"]["state"] = json!(state);
        let stopped = page(&status).await;
        assert!(stopped.contains(instead) && !stopped.contains("shipperctl promote"), "{stopped}");
    }
}

#[tokio::test]
async fn pods_that_only_start_are_no_trouble_until_they_took_too_long() {
    let hub = hub().await;
    hub.clusters(&two());
    let mut status = rollout("web/shop");
    status["clusters"][0]["releases"][1]["pods"] =
        json!([{"reason": "Pending", "count": 2, "example": "shop-new-0-abc", "message": ""}]);
    hub.publish(&status);
    assert!(!hub.get("/applications/web/shop").await.read().contains("Pods and objects in trouble"));
    status["clusters"][0]["failing"] =
        json!({"since": "2026-11-01T10:06:00Z", "kind": "noProgress", "message": "no progress for 5m"});
    hub.publish(&status);
    let page = hub.get("/applications/web/shop").await.read();
    assert!(page.contains("Pending 2 pods of shop-new-0 in eu-1"), "{page}");
}

#[tokio::test]
async fn what_cannot_move_is_not_said_to_be_moving() {
    let hub = hub().await;
    hub.clusters(&two());
    let mut silent = settled("web/silent", &two());
    silent["waiting"] = json!({"state": "waitingForCluster", "message": "eu-1: its agent does not report", "clusters": ["eu-1"]});
    silent["clusters"][0]["liveness"] = json!("offline");
    hub.publish(&silent);
    let message = "main has nothing at apps/bad";
    hub.publish(&json!({
        "application": "web/bad", "contender": null, "incumbent": null, "releases": [], "clusters": [],
        "waiting": {"state": "waitingForInstallation", "message": message, "clusters": []},
        "conditions": [{"type": "ReleaseSynced", "status": "False", "reason": "ChartUnavailable", "message": message}],
    }));
    assert!(hub.get("/?show=silent").await.read().contains("web/silent"));
    let failing = hub.get("/?show=failing").await.read();
    assert!(failing.contains("web/bad") && failing.contains(message), "{failing}");
    assert!(!hub.get("/?show=moving").await.read().contains("web/"));
}

#[tokio::test]
async fn an_address_that_nothing_is_at_or_that_cannot_be_read_is_a_page_in_a_browser() {
    let hub = hub().await;
    for (address, status, told) in [
        ("/?page=zzz", 400, "This address cannot be read"),
        ("/applications/%ff/shop", 400, "This address cannot be read"),
        ("/clusters/%ff", 400, "This address cannot be read"),
        ("/aplications/web/shop", 404, "There is no such page"),
    ] {
        let request = Request::get(address).header(header::ACCEPT, "text/html,*/*;q=0.8");
        let page = hub.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (page.status.as_u16(), page.text.contains(told)),
            (status, true),
            "{address}: {}",
            page.text
        );
        assert_eq!(page.headers[header::CONTENT_TYPE], "text/html; charset=utf-8", "{address}");
        assert!(page.headers.contains_key(header::CONTENT_SECURITY_POLICY), "{address}");
    }
    let program = hub.get("/aplications/web/shop").await;
    assert_eq!(program.headers[header::CONTENT_TYPE], "application/problem+json");
    let icon = hub.get("/favicon.ico").await.headers[header::LOCATION].clone();
    assert_eq!(hub.get(icon.to_str().unwrap()).await.headers[header::CONTENT_TYPE], "image/svg+xml");
}

#[tokio::test]
async fn a_page_of_an_application_names_no_refused_file_of_another() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let mut status = hub.shared.hub.get();
    let problem = |file: &str| shipper_core::intent::Problem::of_file(file, "is refused");
    let files = ["applications/web/shop.yaml", "applications/web/shop2.yaml", "strategies/slow.yaml"];
    status.problems = files.map(problem).into();
    hub.shared.hub.publish(status);
    let shown = |text: String| files.map(|file| text.contains(&format!("{file}: is refused")));
    assert_eq!(shown(hub.get("/").await.read()), [true, true, true]);
    assert_eq!(shown(hub.get("/applications/web/shop").await.read()), [true, false, true]);
}

#[tokio::test]
async fn an_open_page_is_told_at_once_and_of_its_own_application_alone() {
    let hub = hub().await;
    hub.clusters(&two());
    hub.publish(&rollout("web/shop"));
    let request = Request::get("/changes?application=web%2Fshop").body(Body::empty()).unwrap();
    let response = hub.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut events = response.into_body().into_data_stream();
    let mut next = async |within: u64| {
        let event = tokio::time::timeout(Duration::from_millis(within), events.next()).await.ok()?;
        Some(String::from_utf8(event.unwrap().unwrap().to_vec()).unwrap())
    };
    assert_eq!(next(5000).await.unwrap(), "event: changed\ndata: 1\n\n");
    hub.publish(&settled("web/other", &two()));
    assert_eq!(next(700).await, None, "another application is none of its business");
    let mut status = rollout("web/shop");
    status["waiting"]["message"] = json!("something else");
    hub.publish(&status);
    assert_eq!(next(1000).await.unwrap(), "event: changed\ndata: 2\n\n");
}
