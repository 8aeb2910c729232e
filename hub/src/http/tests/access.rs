//! Who may read what, over every route: without a token nothing, with one what it sees, and not a byte of anything else.

use super::following::Events;
use super::measurements::measured;
use super::reading::rolling;
use super::*;
use crate::access::Sight;
use crate::access::secret::{Digest, read_token};
use crate::store::{AccessChange, Measurement, ReadToken, TimelineEvent};
use shipper_core::api::{
    EVENTS_OF, EVIDENCE, MEASUREMENTS_OF, PODS_OF, RELEASES_OF, SUMMARY, TIMELINE, VERSIONS, WAIT, WATCH,
};
use shipper_core::condition::{Condition, ConditionType, Reason, Status};
use shipper_core::intent::Problem as FileProblem;

/// What is in every name of what the viewer may not see.
const HIDDEN: &str = "zz";

/// What people read of the fleet as a whole, API and pages.
const ALL: [&str; 15] = [
    APPLICATIONS,
    BLOCKS,
    CLUSTERS,
    "/api/v1/clusters/eu",
    TIMELINE,
    SUMMARY,
    VERSIONS,
    STATUS,
    "/",
    "/clusters",
    "/clusters/eu",
    "/blocks",
    "/events",
    "/search?q=-app",
    "/search?q=imagepull",
];

/// What people read of one application.
fn of(application: &str) -> Vec<String> {
    let one = format!("{APPLICATIONS}/{application}");
    let below =
        [WHY, EVENTS_OF, RELEASES_OF, PODS_OF, MEASUREMENTS_OF, WAIT].map(|what| format!("{one}/{what}"));
    let filtered =
        ["versions", "events", "evidence"].map(|list| format!("/api/v1/{list}?application={application}"));
    let compared = format!("/applications/{application}/diff");
    let within = format!("{compared}?cluster=eu");
    let pages = [
        format!("/applications/{application}"),
        compared,
        within,
        format!("/events?application={application}"),
    ];
    [vec![one.clone(), format!("{one}?watch")], below.into(), filtered.into(), pages.into()].concat()
}

/// A hub that is not open to everybody.
pub(super) async fn closed() -> Hub {
    closed_with(AccessSettings::default(), Arc::new(MemoryStore::default())).await
}

pub(super) async fn closed_with(access: AccessSettings, store: Arc<dyn Store>) -> Hub {
    let settings = Settings {
        clock: Clock::system(),
        heartbeat: Duration::from_secs(10),
        tokens: Tokens::fixed(BTreeMap::from([("eu".to_owned(), EU.to_owned())])).unwrap(),
        access,
        webhook_secret: None,
        takeover: Takeover::default(),
    };
    super::of(Shared::start(store, settings).await.unwrap())
}

impl Hub {
    /// Makes a read token.
    pub(super) async fn token(&self, name: &str, namespaces: &[&str], length: Option<i64>) -> String {
        let (secret, now) = (read_token(), self.shared.clock.now());
        let sight: std::collections::BTreeSet<String> =
            namespaces.iter().map(|one| (*one).to_owned()).collect();
        let token = ReadToken {
            hash: Digest::of(&secret),
            name: name.to_owned(),
            sight: Sight::from(sight),
            created: now,
            expires: length.map(|seconds| now + jiff::SignedDuration::from_secs(seconds)),
            used: None,
        };
        self.shared.store.change_access(&[AccessChange::AddToken(token)]).await.unwrap();
        secret
    }

    async fn get_as(&self, path: &str, token: &str) -> Answer {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.answer(request.body(Body::empty()).unwrap()).await
    }

    pub(super) async fn stream_as(&self, path: &str, token: &str) -> Events {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        Events::of_request(self, request).await
    }
}

fn made(hub: &Hub, namespace: &str, name: &str) -> TimelineEvent {
    TimelineEvent {
        at: hub.shared.clock.now(),
        application: Some(AppKey::new(namespace, name)),
        cluster: None,
        reason: "ReleaseMade".into(),
        message: format!("made {name}"),
        commit: None,
    }
}

fn parsed(path: &str, text: &str) -> Object {
    let loaded = load(path, text.as_bytes());
    loaded.object.unwrap_or_else(|| panic!("{:?}", loaded.problems))
}

/// A fleet of two namespaces in the same clusters, with everything there is of both.
async fn fill(hub: &Hub) {
    for (namespace, name) in [("web", "shop"), ("zz", "zz-app")] {
        let mut status = rolling(namespace, name);
        status.clusters[1].releases[1].pods[0].example = format!("{name}-pod");
        hub.shared.statuses.publish(status);
    }
    let entry = |application: Option<AppKey>, message: &str| TimelineEvent {
        at: hub.shared.clock.now(),
        application,
        cluster: Some("eu".into()),
        reason: "ReleaseMade".into(),
        message: message.to_owned(),
        commit: None,
    };
    let entries = vec![
        entry(Some(AppKey::new("web", "shop")), "made shop"),
        entry(Some(AppKey::new("zz", "zz-app")), "made zz-app"),
        entry(None, "the cluster was replaced; zz-app has to begin anew"),
    ];
    hub.shared.log(entries).await.unwrap();
    let hidden = Measurement { application: AppKey::new("zz", "zz-app"), ..measured(0, "eu") };
    hub.shared.keep(vec![measured(0, "eu"), hidden]).await.unwrap();
    let mut fleet = Fleet::default();
    for (namespace, name) in [(None, "freeze"), (Some("zz"), "zz-freeze"), (Some("web"), "web-freeze")] {
        let within = namespace.map_or_else(String::new, |namespace| format!(", namespace: {namespace}"));
        let text = format!(
            "apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\nmetadata: {{name: {name}{within}}}\nspec: {{message: audit, author: {{type: user, name: ann}}}}"
        );
        let Object::RolloutBlock(block) = parsed(&format!("blocks/{name}.yaml"), &text) else {
            panic!("no block")
        };
        fleet.blocks.insert((namespace.map(str::to_owned), name.to_owned()), block);
    }
    let keys = [AppKey::new("web", "shop"), AppKey::new("zz", "zz-app")];
    let applications = keys.clone().map(|key| {
        let text = format!(
            "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {{name: {}, namespace: {}}}\nspec: {{template: {{chart: {{path: chart}}}}}}",
            key.name, key.namespace
        );
        let path = format!("applications/{}/{}.yaml", key.namespace, key.name);
        match parsed(&path, &text) {
            Object::Application(application) => application,
            _ => panic!("no application"),
        }
    });
    hub.shared.blocks.publish(BlockSurvey::of(&fleet, keys.iter().zip(&applications)));
    let mut status = hub.shared.hub.get();
    let clusters =
        ["eu", "us"].map(|name| json!({"name": name, "region": "r", "liveness": "online", "problems": []}));
    status.clusters = clusters.into_iter().map(|one| serde_json::from_value(one).unwrap()).collect();
    status.looked_at = Some(hub.shared.clock.now());
    let message = "application zz/zz-app is in the records and not on main";
    status.conditions = vec![Condition::new(
        ConditionType::Present,
        Status::False,
        Reason::MissingOnMain,
        message.to_owned(),
    )];
    status.problems = vec![
        FileProblem::of_file("applications/zz/zz-app.yaml", "is bad"),
        FileProblem::of_file("applications/web/shop.yaml", "is bad"),
        FileProblem::of_file("blocks/zz/freeze.yaml", "is bad"),
        FileProblem::of_file("clusters/eu/zz/zz-app/target.yaml", "is bad"),
    ];
    hub.shared.hub.publish(status);
    let session = hub.session("uid-1").await;
    let mut report = report(&session, 1);
    report["problems"] = json!(["the target of zz/zz-app cannot be read"]);
    hub.post(REPORTS, EU, &report).await;
    answer_questions(hub);
}

/// Answers as the loop does.
fn answer_questions(hub: &Hub) {
    let shared = hub.shared.clone();
    tokio::spawn(async move {
        loop {
            for question in shared.questions.next().await {
                let known = shared.statuses.get(&question.about).map(|status| Why {
                    application: question.about.clone(),
                    at: shared.clock.now(),
                    source: "c0ffee".into(),
                    waiting: status.waiting.clone(),
                    decisions: vec![Because::of(Rule::A5, format!("{} waits", question.about))],
                });
                let _ = question.answer.send(known);
            }
        }
    });
    let shared = hub.shared.clone();
    tokio::spawn(async move {
        loop {
            for question in shared.details.next().await {
                let _ = question.answer.send(None);
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_is_read() {
    let hub = closed().await;
    fill(&hub).await;
    let own = of("web/shop");
    let all = ALL.into_iter().chain(own.iter().map(String::as_str)).chain([WATCH, "/changes", "/metrics"]);
    for path in all {
        let answer = hub.get(path).await;
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer", "{path}");
        let detail = answer.problem(401);
        assert!(detail.contains("shipperctl hub tokens create"), "{path}: {detail}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "private, no-cache", "{path}");
        assert_eq!(
            hub.get_as(path, EU).await.status,
            StatusCode::UNAUTHORIZED,
            "{path}: an agent's token is for reports"
        );
    }
    for path in ["/healthz", "/readyz", "/actz"] {
        assert_ne!(hub.get(path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let metrics = hub.get_as("/metrics", &hub.token("all", &["*"], None).await).await.text;
    assert!(metrics.contains("shipper_hub_refused_readers_total{cause=\"no_credentials\"}"), "{metrics}");
    assert!(metrics.contains("shipper_hub_refused_readers_total{cause=\"unknown_token\"}"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn who_sees_one_namespace_finds_no_byte_of_another() {
    let hub = closed().await;
    fill(&hub).await;
    let (all, web) = (hub.token("all", &["*"], None).await, hub.token("web", &["web"], None).await);
    let mut shown = 0;
    for path in ALL {
        let (whole, part) = (hub.get_as(path, &all).await, hub.get_as(path, &web).await);
        assert_eq!((whole.status, part.status), (StatusCode::OK, StatusCode::OK), "{path}: {}", part.text);
        assert!(!part.text.contains(HIDDEN), "{path} shows it:\n{}", part.text);
        assert!(!format!("{:?}", part.headers).contains(HIDDEN), "{path}: {:?}", part.headers);
        shown += usize::from(whole.text.contains("zz-app"));
        assert_ne!(whole.headers.get(header::ETAG), part.headers.get(header::ETAG), "{path}");
        let vary = part
            .headers
            .get_all(header::VARY)
            .iter()
            .any(|vary| vary.to_str().unwrap().contains("authorization"));
        assert!(vary && part.headers[header::CACHE_CONTROL] == "private, no-cache", "{path}");
    }
    assert!(shown >= 10, "who sees everything sees it: {shown}");
    for path in of("web/shop") {
        if path.ends_with("?watch") {
            continue;
        }
        let part = hub.get_as(&path, &web).await;
        assert_eq!(part.status, StatusCode::OK, "{path}: {}", part.text);
        assert!(!part.text.contains(HIDDEN), "{path} shows it:\n{}", part.text);
    }
    hub.get_as("/metrics", &web).await.problem(403);
    assert_eq!(hub.get_as("/metrics", &all).await.status, StatusCode::OK);
    let status = hub.get_as(STATUS, &web).await.json();
    assert_eq!(status["problems"].as_array().unwrap().len(), 1, "its own file is told of: {status}");
    assert_eq!(status["conditions"][0]["reason"], "MissingOnMain");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_seen_is_as_if_it_was_not_there() {
    let hub = closed().await;
    fill(&hub).await;
    let (all, web) = (hub.token("all", &["*"], None).await, hub.token("web", &["web"], None).await);
    for (hidden, nowhere) in of("zz/zz-app").into_iter().zip(of("zz/nowhere")) {
        let (hidden_to, never_there) = (hub.get_as(&hidden, &web).await, hub.get_as(&nowhere, &web).await);
        assert_eq!(hidden_to.status, never_there.status, "{hidden}");
        assert_eq!(hidden_to.text.replace("zz-app", "nowhere"), never_there.text, "{hidden}");
        if !hidden.ends_with("?watch") {
            assert_eq!(hub.get_as(&hidden, &all).await.status, StatusCode::OK, "{hidden}");
        }
    }
    let mixed = format!("{EVIDENCE}?application=web/shop&application=zz/zz-app");
    hub.get_as(&mixed, &web).await.problem(404);
}

#[tokio::test(start_paused = true)]
async fn streams_tell_what_is_seen_and_end_when_their_token_counts_no_more() {
    let hub = closed().await;
    fill(&hub).await;
    let (web, short) = (hub.token("web", &["web"], None).await, hub.token("short", &["web"], Some(60)).await);
    let mut timeline = hub.stream_as("/api/v1/events?watch", &web).await;
    let mut short_lived = hub.stream_as("/api/v1/events?watch", &short).await;
    let mut application = hub.stream_as("/api/v1/applications/web/shop?watch", &web).await;
    let (mut changes, mut page) = (hub.stream_as(WATCH, &web).await, hub.stream_as("/changes", &web).await);
    let waits = format!("{APPLICATIONS}/web/shop/{WAIT}?timeout=60");
    let waiting = hub.get_as(&waits, &web);
    let told = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        hub.shared.log(vec![made(&hub, "zz", "zz-app"), made(&hub, "web", "shop")]).await.unwrap();
        let told = timeline.data("event").await;
        assert_eq!(told["application"], "web/shop", "the other one is not told");
        assert_eq!(application.data("application").await["application"], "web/shop");
        changes.data("changed").await;
        assert!(page.next().await.unwrap().contains("changed"));

        hub.shared.store.change_access(&[AccessChange::RevokeToken("web".into())]).await.unwrap();
        let began = tokio::time::Instant::now();
        for stream in [&mut timeline, &mut application, &mut changes, &mut page] {
            while stream.next().await.is_some() {}
        }
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    };
    let (waited, ()) = tokio::join!(waiting, told);
    waited.problem(401);
    hub.get_as(APPLICATIONS, &web).await.problem(401);

    assert_eq!(hub.get_as(APPLICATIONS, &short).await.status, StatusCode::OK);
    let began = tokio::time::Instant::now();
    while short_lived.next().await.is_some() {}
    assert!(began.elapsed() < Duration::from_secs(61));
    assert!(hub.get_as(APPLICATIONS, &short).await.problem(401).contains("has expired"));
}

#[tokio::test(start_paused = true)]
async fn whoever_knocks_the_database_is_asked_a_few_times_a_second_at_most() {
    let hub = closed().await;
    let known = hub.token("all", &["*"], None).await;
    assert_eq!(hub.get_as(SUMMARY, &known).await.status, StatusCode::OK, "a new token counts at once");
    let began = tokio::time::Instant::now();
    let wrong = (0..200).map(|_| read_token());
    let answers = futures::future::join_all(wrong.map(|token| {
        let hub = &hub;
        async move { hub.get_as(SUMMARY, &token).await.status }
    }));
    assert!(answers.await.iter().all(|status| *status == StatusCode::UNAUTHORIZED));
    assert!(began.elapsed() <= Duration::from_millis(400), "they share a look: {:?}", began.elapsed());
    let mut looks = 0;
    while began.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        hub.get_as(SUMMARY, &read_token()).await.problem(401);
        looks += 1;
    }
    assert!(looks <= 30, "{looks} in 5 seconds");
    let instant = tokio::time::Instant::now();
    hub.get_as(SUMMARY, "no token of ours").await.problem(401);
    assert_eq!(hub.get_as(SUMMARY, &known).await.status, StatusCode::OK);
    assert_eq!(
        instant.elapsed(),
        Duration::ZERO,
        "what cannot be a token, and what is known, waits for nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn what_fails_of_what_is_not_seen_is_not_counted() {
    let hub = closed().await;
    fill(&hub).await;
    let (all, web) = (hub.token("all", &["*"], None).await, hub.token("web", &["web"], None).await);
    let whole = hub.get_as("/", &all).await.text;
    assert!(whole.contains("of 2 applications in 1 cluster"), "{whole}");
    let part = hub.get_as("/", &web).await.text;
    assert!(part.contains("of 1 application in 1 cluster"), "{part}");
}

#[tokio::test(start_paused = true)]
async fn a_token_s_last_use_is_stored() {
    let hub = closed().await;
    let token = hub.token("all", &["*"], None).await;
    hub.get_as(SUMMARY, &token).await;
    tokio::time::sleep(Duration::from_secs(70)).await;
    let stored = hub.shared.store.readers().await.unwrap().tokens.remove(0);
    assert!(stored.used.is_some());
    hub.get_as(SUMMARY, &token).await;
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(hub.shared.store.readers().await.unwrap().tokens[0].used, stored.used, "to ten minutes or so");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_does_not_count_is_told_on_a_page_to_who_looks_at_one() {
    let hub = closed().await;
    let request = Request::get("/").header(header::ACCEPT, "text/html,*/*");
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", read_token()));
    let answer = hub.answer(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    assert!(answer.headers.contains_key(header::CONTENT_SECURITY_POLICY));
    assert_eq!(hub.get("/theme?to=dark").await.status, StatusCode::SEE_OTHER);
}
