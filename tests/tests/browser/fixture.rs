//! A hub over statuses that are given and not computed, so that every page has something of everything. Its agents are as real as their
//! reports: those are sent to the hub.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shipper_core::AppKey;
use shipper_core::api::Commit;
use shipper_core::intent::{Object, load};
use shipper_core::plan::{BlockSurvey, Fleet};
use shipper_core::protocol::{HubStatus, REPORTS, SESSIONS};
use shipper_core::status::ApplicationStatus;
use shipper_core::why::Why;
use shipper_hub::access::AccessSettings;
use shipper_hub::clock::Clock;
use shipper_hub::details::Details;
use shipper_hub::http::tokens::Tokens;
use shipper_hub::http::{router, serve};
use shipper_hub::rendered::{Renderings, Wanted};
use shipper_hub::shared::{Settings, Shared};
use shipper_hub::standing::Takeover;
use shipper_hub::store::{MemoryStore, TimelineEvent};
use shipper_test_hostile::quoted;
use tokio::net::TcpListener;

use super::past;
use super::renderings::{CANARY, CANARY_REPLICAS, renderings};

/// The clusters, and their regions.
pub const CLUSTERS: [(&str, &str); 6] =
    [("ap-1", "ap"), ("eu-canary", "eu"), ("eu-1", "eu"), ("eu-2", "eu"), ("us-1", "us"), ("us-2", "us")];

/// A hub that serves. It ends when dropped.
pub struct Fixture {
    pub shared: Arc<Shared>,
    pub origin: String,
    /// While it is so, pages that are asked for do not come, and nobody is told.
    pub hangs: Arc<AtomicBool>,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl Fixture {
    /// A fleet in which everything happens at once.
    pub async fn start() -> Self {
        let fixture = Self::empty().await;
        fixture.fill().await;
        fixture
    }

    /// A hub that knows its clusters and nothing else.
    pub async fn empty() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), AccessSettings::open()).await
    }

    /// The same at this address, for who may read it.
    pub async fn on(listener: TcpListener, access: AccessSettings) -> Self {
        shipper_tests::init();
        let tokens: BTreeMap<_, _> =
            CLUSTERS.iter().map(|(name, _)| ((*name).to_owned(), token(name))).collect();
        let settings = Settings {
            clock: Clock::system(),
            heartbeat: Duration::from_secs(10),
            tokens: Tokens::fixed(tokens).unwrap(),
            access,
            webhook_secret: None,
            takeover: Takeover::default(),
        };
        let shared = Shared::start(Arc::new(MemoryStore::default()), settings).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let hangs = Arc::new(AtomicBool::new(false));
        let hang = hangs.clone();
        let router = router(shared.clone()).layer(from_fn(move |request: Request, next: Next| {
            let page = request.uri().path().starts_with("/applications/");
            let hangs = page && hang.load(Ordering::SeqCst);
            async move { if hangs { std::future::pending().await } else { next.run(request).await } }
        }));
        tokio::spawn(serve::serve(listener, router, shared.stop.clone()));
        let fixture = Self { shared, origin, hangs };
        fixture.board();
        fixture
    }

    /// Everything happens at once.
    pub async fn fill(&self) {
        for (name, _) in CLUSTERS.iter().filter(|(name, _)| *name != "ap-1") {
            self.report(name, &[]).await;
        }
        self.publish(&shop());
        self.publish(&checkout());
        self.publish(&ledger());
        self.publish(&indexer());
        for (name, version) in [
            ("web/blog", "blog 3.4.1"),
            ("web/landing", "landing 12.0.0"),
            ("payments/fraud", "apps/fraud@66949b84"),
            ("search/frontend", "frontend 2.2.0"),
        ] {
            self.publish(&settled(name, version));
        }
        self.publish(&frozen());
        self.block("Incident 1042: the queue is behind. Ask the on-call engineer first.", "Grace");
        self.events().await;
        self.shared.keep(past::measured()).await.unwrap();
        self.answer(why, details, renderings);
    }

    /// What the hub says of itself.
    fn board(&self) {
        let clusters: Vec<Value> = CLUSTERS
            .iter()
            .map(|(name, region)| {
                json!({"name": name, "region": region, "liveness": "unknown", "problems": [], "unschedulable": *name == "us-2",
                    "capabilities": if *region == "eu" { json!(["gpu"]) } else { json!([]) }})
            })
            .collect();
        let status = json!({
            "version": "0.1.0", "source": "9f2c41d07be3a1c55d0e", "state": "77aa", "epoch": 1, "generation": 1204, "conditions": [],
            "problems": [], "lookedAt": Timestamp::now(), "clusters": clusters,
        });
        self.shared.hub.publish(serde_json::from_value::<HubStatus>(status).unwrap());
    }

    /// The agent of a cluster reports for the first time, with what is wrong with it.
    pub async fn report(&self, cluster: &str, problems: &[&str]) {
        let client = reqwest::Client::new();
        let post = async |path: &str, body: Value| {
            let answer =
                client.post(format!("{}{path}", self.origin)).bearer_auth(token(cluster)).json(&body);
            answer.send().await.unwrap().error_for_status().unwrap().json::<Value>().await.unwrap()
        };
        let session =
            post(SESSIONS, json!({"cluster": cluster, "clusterUid": cluster, "agentVersion": "0.1.0"})).await;
        let report = json!({
            "session": session["session"], "sequence": 1, "cluster": cluster, "clusterUid": cluster, "agentVersion": "0.1.0",
            "commit": "77aa0011223344", "problems": problems, "free": {"cpu": "37500m", "memory": "128Gi", "pods": "412"},
        });
        post(REPORTS, report).await;
    }

    /// Puts up a status.
    pub fn publish(&self, status: &Value) {
        self.shared.statuses.publish(serde_json::from_value::<ApplicationStatus>(status.clone()).unwrap());
    }

    /// Two blocks, one of which is in force and says this.
    pub fn block(&self, message: &str, author: &str) {
        let incident = format!(
            "metadata: {{name: incident, namespace: batch}}\nspec: {{message: {}, author: {{type: user, name: {}}}}}\n",
            quoted(message),
            quoted(author)
        );
        let files = [
            (
                "blocks/holidays.yaml",
                "metadata: {name: holidays}\nspec: {message: 'No rollouts between Christmas and New Year.', author: {type: user, name: Ada}, schedule: {cron: '0 18 23 12 *', duration: 240h, timeZone: Europe/Amsterdam}}\n",
            ),
            ("blocks/batch/incident.yaml", incident.as_str()),
        ];
        let mut fleet = Fleet::default();
        for (path, text) in files {
            let text = format!("apiVersion: shipper.dev/v1alpha1\nkind: RolloutBlock\n{text}");
            let Some(Object::RolloutBlock(block)) = load(path, text.as_bytes()).object else {
                panic!("{path}")
            };
            fleet.blocks.insert((block.metadata.namespace.clone(), block.metadata.name.clone()), block);
        }
        let text = "apiVersion: shipper.dev/v1alpha1\nkind: Application\nmetadata: {name: reports, namespace: batch}\nspec: {template: {manifests: {path: apps/reports}, clusterRequirements: {regions: [{name: eu}]}}}\n";
        let application = load("applications/batch/reports.yaml", text.as_bytes()).object;
        let Some(Object::Application(application)) = application else { panic!("no application") };
        let key = AppKey::new("batch", "reports");
        self.shared.blocks.publish(BlockSurvey::of(&fleet, std::iter::once((&key, &application))));
    }

    async fn events(&self) {
        let told = [
            (95, "web/checkout", "Created", "checkout-5be2f0aa-0 was made", "4d1f0c9a7e00112233aa"),
            (91, "web/checkout", "StepAchieved", "checkout-5be2f0aa-0 achieved step \"canary\"", ""),
            (62, "payments/ledger", "Created", "ledger-c01dcafe-0 was made", "8a77b2c3d4e5f60011aa"),
            (58, "payments/ledger", "StepAchieved", "ledger-c01dcafe-0 achieved step \"half\"", ""),
            (21, "web/shop", "Created", "shop-83e4eedd-0 was made", "9f2c41d07be3a1c55d0e"),
            (17, "web/shop", "StepAchieved", "shop-83e4eedd-0 achieved step \"canary\"", ""),
            (9, "web/shop", "StepAsked", "shop-83e4eedd-0 goes to step \"half\"", "1b7e55aa90c0ffee1234"),
            (
                2,
                "web/shop",
                "ClusterFailing",
                "shop-83e4eedd-0 fails in eu-1: no new pod became available for 5m",
                "",
            ),
        ];
        let commits = commits();
        let entry = |(minutes, app, reason, message, commit): (i64, &str, &str, &str, &str)| TimelineEvent {
            at: ago(minutes),
            application: Some(app.parse().unwrap()),
            cluster: (reason == "ClusterFailing").then(|| "eu-1".into()),
            reason: reason.to_owned(),
            message: message.to_owned(),
            commit: commits.get(commit).cloned(),
        };
        self.shared.log(told.into_iter().map(entry).collect()).await.unwrap();
    }

    /// Answers what is asked of the loop, as it would from the records.
    pub fn answer(
        &self,
        why: impl Fn(&AppKey) -> Why + Send + 'static,
        details: impl Fn(&AppKey) -> Details + Send + 'static,
        rendered: impl Fn(&Wanted) -> Renderings + Send + 'static,
    ) {
        let shared = self.shared.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    asked = shared.questions.next() => for question in asked {
                        let _ = question.answer.send(Some(why(&question.about)));
                    },
                    asked = shared.details.next() => for question in asked {
                        let _ = question.answer.send(Some(details(&question.about)));
                    },
                    asked = shared.rendered.next() => for question in asked {
                        let _ = question.answer.send(Some(rendered(&question.about)));
                    },
                }
            }
        });
    }
}

fn token(cluster: &str) -> String {
    format!("the-token-of-{cluster}")
}

fn ago(minutes: i64) -> Timestamp {
    Timestamp::now().checked_sub(SignedDuration::from_mins(minutes)).unwrap()
}

fn release(
    name: &str,
    generation: u64,
    version: &str,
    source: &str,
    minutes: i64,
    step: usize,
    achieved: Option<usize>,
) -> Value {
    const STEPS: [&str; 4] = ["canary", "half", "most", "full on"];
    json!({
        "name": name, "generation": generation, "created": ago(minutes), "source": source, "version": version, "steps": STEPS, "step": step,
        "achieved": achieved.map(|step| json!({"step": step, "name": STEPS[step], "at": ago(minutes - 4)})),
        "complete": (achieved == Some(3)).then(|| ago(minutes - 4)), "withdrawn": null, "failed": null,
    })
}

/// A release in a cluster: pods available of desired, of `rendered`.
fn within(name: &str, available: u32, desired: u32, rendered: u32, pods: &Value) -> Value {
    let achieved = available == desired;
    json!({
        "name": name, "pods": pods,
        "capacity": {"rendered": rendered, "desired": desired, "replicas": desired, "pods": desired, "ready": available, "available": available, "achieved": achieved},
        "traffic": {"wanted": desired, "ready": available, "achieved": achieved},
    })
}

fn cluster(name: &str, waiting: &str, message: &str, releases: &Value) -> Value {
    json!({
        "cluster": name, "liveness": if name == "ap-1" { "offline" } else { "online" }, "targetGeneration": 12, "reportedGeneration": 12,
        "waiting": waiting, "message": message, "releases": releases, "problems": [], "unattended": false,
    })
}

fn status(app: &str, releases: &[Value], waiting: (&str, &str), clusters: &[Value]) -> Value {
    let incumbent = releases.get(1).map(|release| release["name"].clone());
    json!({
        "application": app, "contender": releases[0]["name"], "incumbent": incumbent, "releases": releases,
        "waiting": {"state": waiting.0, "message": waiting.1, "clusters": []}, "clusters": clusters, "conditions": [],
    })
}

/// Cannot pull its image in one cluster.
fn shop() -> Value {
    let (new, old) = ("shop-83e4eedd-0", "shop-1f0e9d8c-0");
    let words = "container shop: Back-off pulling image \"registry.example/shop:2.4.0-rc1\": not found";
    let failing = json!([
        {"reason": "ImagePullBackOff", "count": 4, "example": "shop-83e4eedd-0-7d9f8b6c5-x2k4q", "message": words},
        {"reason": "ContainersNotReady", "count": 1, "example": "shop-83e4eedd-0-7d9f8b6c5-9z8vw", "message": "containers with unready status: [shop]"},
    ]);
    let mut eu1 = cluster(
        "eu-1",
        "waitingForCapacity",
        "0 of 5 pods of shop-83e4eedd-0 are available",
        &json!([within(old, 10, 10, 10, &json!([])), within(new, 0, 5, 10, &failing)]),
    );
    eu1["failing"] = json!({"since": ago(2), "kind": "noProgress", "message": "no new pod became available for 5m: ImagePullBackOff: Back-off pulling image \"registry.example/shop:2.4.0-rc1\""});
    status(
        "web/shop",
        &[
            release(new, 8, "shop 2.4.0", "9f2c41d07be3a1c55d0e", 21, 1, Some(0)),
            release(old, 7, "shop 2.3.2", "51aa0d07be3a1c55d0e1", 4000, 3, Some(3)),
            release("shop-77aa1122-0", 6, "shop 2.3.1", "0d15ea5e00112233aabb", 9000, 3, Some(3)),
        ],
        (
            "waitingForCapacity",
            "eu-1: 0 of 5 pods of shop-83e4eedd-0 are available; one of them: ImagePullBackOff: Back-off pulling image \"registry.example/shop:2.4.0-rc1\"",
        ),
        &[
            eu1,
            cluster(
                "eu-2",
                "waitingForTraffic",
                "3 of 5 pods of shop-83e4eedd-0 have traffic",
                &json!([within(old, 5, 5, 10, &json!([])), {
                "name": new, "pods": [], "capacity": {"rendered": 10, "desired": 5, "replicas": 5, "pods": 5, "ready": 5, "available": 5, "achieved": true},
                "traffic": {"wanted": 5, "ready": 3, "achieved": false}}]),
            ),
            cluster(
                "eu-canary",
                "none",
                "",
                &json!([within(old, 2, 2, 4, &json!([])), within(new, 2, 2, 4, &json!([]))]),
            ),
            cluster(
                "us-1",
                "none",
                "",
                &json!([within(old, 5, 5, 10, &json!([])), within(new, 5, 5, 10, &json!([]))]),
            ),
        ],
    )
}

/// Waits for a promotion.
fn checkout() -> Value {
    let (new, old) = ("checkout-5be2f0aa-0", "checkout-aa00bb11-2");
    status(
        "web/checkout",
        &[
            release(new, 4, "checkout 1.9.0", "4d1f0c9a7e00112233aa", 95, 0, Some(0)),
            release(old, 3, "checkout 1.8.7", "2222", 5000, 3, Some(3)),
        ],
        (
            "waitingForCommand",
            "step canary is achieved; promote to half with: shipperctl promote web/checkout",
        ),
        &["eu-1", "eu-2", "eu-canary", "us-1"].map(|name| {
            let new = (name == "eu-canary").then(|| within(new, 1, 1, 4, &json!([])));
            let releases: Vec<Value> = new.into_iter().chain([within(old, 4, 4, 4, &json!([]))]).collect();
            cluster(name, "none", "", &json!(releases))
        }),
    )
}

/// Is being measured.
fn ledger() -> Value {
    let (new, old) = ("ledger-c01dcafe-0", "ledger-00ff00ff-0");
    let sample = |minutes: i64, outcome: &str, measured: &str| json!({"generation": 12, "at": ago(minutes), "outcome": outcome, "measured": measured});
    let analysis = |values: &[(&str, &str)], passed: u32, unknown: u32| {
        let samples: Vec<Value> = values
            .iter()
            .zip((0..8).rev())
            .map(|((outcome, measured), minutes)| sample(minutes, outcome, measured))
            .collect();
        let latency =
            json!([sample(3, "passed", "0.182"), sample(2, "passed", "0.214"), sample(1, "passed", "0.176")]);
        json!({"release": new, "run": ago(8), "measures": [
            {"name": "errors", "passed": passed, "failed": 0, "unknown": unknown, "samples": samples},
            {"name": "latency", "passed": 3, "failed": 0, "unknown": 0, "samples": latency}]})
    };
    let mut clusters: Vec<Value> = ["eu-1", "eu-2", "us-1"]
        .iter()
        .map(|name| {
            cluster(
                name,
                "waitingForGate",
                "errors: 4 of 6 samples",
                &json!([within(new, 6, 6, 12, &json!([])), within(old, 6, 6, 12, &json!([]))]),
            )
        })
        .collect();
    clusters[0]["analysis"] = analysis(
        &[("passed", "0.0012"), ("passed", "0.0009"), ("passed", "0.0031"), ("passed", "0.0011")],
        4,
        0,
    );
    clusters[1]["analysis"] = analysis(
        &[
            ("passed", "0.0022"),
            ("unknown", "no answer: connection refused"),
            ("passed", "0.0018"),
            ("passed", "0.0042"),
            ("passed", "0.0025"),
        ],
        4,
        1,
    );
    clusters[2]["analysis"] = analysis(
        &[
            ("passed", "0.0002"),
            ("passed", "0.0004"),
            ("passed", "0.0003"),
            ("passed", "0.0007"),
            ("passed", "0.0089"),
        ],
        5,
        0,
    );
    status(
        "payments/ledger",
        &[
            release(new, 12, "ledger 4.1.0", "8a77b2c3d4e5f60011aa", 62, 1, Some(1)),
            release(old, 11, "ledger 4.0.9", "3333", 9000, 3, Some(3)),
        ],
        ("waitingForGate", "step half is being measured: errors has 4 of 6 samples in eu-1 and eu-2"),
        &clusters,
    )
}

/// On its way everywhere.
fn indexer() -> Value {
    let (new, old) = ("indexer-0badcafe-0", "indexer-11223344-0");
    let clusters: Vec<Value> = [("eu-1", 3), ("eu-2", 1), ("us-1", 2), ("ap-1", 0)]
        .iter()
        .map(|(name, available)| {
            cluster(
                name,
                "waitingForCapacity",
                &format!("{available} of 4 pods of {new} are available"),
                &json!([within(new, *available, 4, 4, &json!([])), within(old, 4, 4, 4, &json!([]))]),
            )
        })
        .collect();
    status(
        "search/indexer",
        &[
            release(new, 3, "apps/indexer@9d0c33aa", "5555", 3, 3, Some(2)),
            release(old, 2, "apps/indexer@11aa22bb", "4444", 9000, 3, Some(3)),
        ],
        ("waitingForCapacity", "6 of 16 pods of indexer-0badcafe-0 are available in 4 clusters"),
        &clusters,
    )
}

/// Stopped by a block.
fn frozen() -> Value {
    let mut status = settled("batch/reports", "reports 0.9.2");
    status["waiting"] = json!({"state": "blocked", "message": "the block batch/incident is in force: Incident 1042: the queue is behind. Ask the on-call engineer first.", "clusters": []});
    status["conditions"] = json!([{"type": "Blocked", "status": "True", "reason": "RolloutsBlocked", "message": "batch/incident"}]);
    status
}

/// At rest.
fn settled(app: &str, version: &str) -> Value {
    let name = format!("{}-0a1b2c3d-0", app.split('/').nth(1).unwrap());
    let clusters = ["eu-1", "eu-2", "us-1"]
        .map(|cluster_name| cluster(cluster_name, "none", "", &json!([within(&name, 3, 3, 3, &json!([]))])));
    status(app, &[release(&name, 1, version, "7777", 12_000, 3, Some(3))], ("none", ""), &clusters)
}

/// Why it is as it is: a step that clusters have not achieved, by what they report.
fn why(app: &AppKey) -> Why {
    let report = |cluster: &str, reported: u64, liveness: &str, says: &str| json!({"cluster": cluster, "targetGeneration": 7, "reportedGeneration": reported, "liveness": liveness, "says": [says]});
    let why = json!({
        "application": app, "at": Timestamp::now(), "source": "1f0c7d52a9b4e6",
        "waiting": {"state": "waitingForCapacity", "clusters": ["eu-1"], "message": "eu-1: 3 of 6 pods are available"},
        "decisions": [
            {"rule": "R5", "decision": "shop-5f1c9e22-0 is the contender, shop-91d0aa7b-0 the incumbent"},
            {"rule": "M3", "decision": "step half is in force", "because": [
                {"rule": "A1", "decision": "step half is not achieved: eu-1 lacks pods", "evidence": [
                    report("eu-1", 7, "online", "shop-5f1c9e22-0: 3 of 6 pods available, 3 fail: ImagePullBackOff"),
                    report("eu-2", 7, "online", "shop-5f1c9e22-0: 6 of 6 pods available, 50 of 100 traffic"),
                    report("us-1", 6, "offline", "shop-91d0aa7b-0: 12 of 12 pods available"),
                ]},
                {"rule": "A4", "decision": "a step is left when its gate lets it and somebody says so"},
            ]},
            {"rule": "A5", "decision": "it waits for capacity in eu-1"},
        ],
    });
    serde_json::from_value(why).unwrap()
}

fn details(app: &AppKey) -> Details {
    let steps = json!([
        {"name": "canary", "clusters": {"matchLabels": {"tier": "canary"}}, "capacity": {"contender": 10, "incumbent": 100}, "traffic": {"contender": 0, "incumbent": 100}},
        {"name": "half", "capacity": {"contender": 50, "incumbent": 50}, "traffic": {"contender": 50, "incumbent": 50}, "gate": {"approval": "auto", "soak": "15m", "analysis": [
            {"name": "errors", "prometheus": {"address": "http://prometheus:9090", "query": "rate"}, "failIf": "> 0.01", "count": 6},
            {"name": "latency", "prometheus": {"address": "http://prometheus:9090", "query": "p99"}, "failIf": "> 0.5", "count": 3}]}},
        {"name": "most", "capacity": {"contender": 90, "incumbent": 20}, "traffic": {"contender": 90, "incumbent": 10}},
        {"name": "full on", "capacity": {"contender": 100, "incumbent": 0}, "traffic": {"contender": 100, "incumbent": 0}},
    ]);
    let record = |name: &str, version: &str, replicas: u32, tag: &str| {
        let mut record = json!({
            "application": app, "name": name, "generation": 1, "source": "", "created": ago(60), "strategy": {"steps": steps},
            "environment": {"chart": {"name": app.name, "version": version, "repoUrl": "https://charts.example.com"},
                "values": {"replicaCount": replicas, "image": {"tag": tag}, "sessionToken": tag, "ingress": {"host": "shop.example.com"}},
                "overrides": [{"clusters": {"names": [CANARY]}, "values": {"replicaCount": CANARY_REPLICAS, "sessionToken": "canary"}}]},
            "position": {"step": 1, "name": "half", "from": 0, "since": ago(9), "cause": {"ordered": {"commit": "1b7e55aa90c0ffee1234"}}},
        });
        if app.name == "ledger" {
            record["gate"] = json!({"step": 1, "since": ago(8)});
        }
        (name.into(), serde_json::from_value(record).unwrap())
    };
    let releases = match app.name.as_str() {
        "shop" => vec![
            record("shop-83e4eedd-0", "2.4.0", 10, "2.4.0-rc1"),
            record("shop-1f0e9d8c-0", "2.3.2", 8, "2.3.2"),
            record("shop-77aa1122-0", "2.3.1", 8, "2.3.1"),
        ],
        "ledger" => vec![
            record("ledger-c01dcafe-0", "4.1.0", 12, "4.1.0"),
            record("ledger-00ff00ff-0", "4.0.9", 12, "4.0.9"),
        ],
        "checkout" => vec![
            record("checkout-5be2f0aa-0", "1.9.0", 4, "1.9.0"),
            record("checkout-aa00bb11-2", "1.8.7", 4, "1.8.7"),
        ],
        _ => Vec::new(),
    };
    let placed: serde_json::Map<String, Value> =
        ["eu-1", "eu-2", CANARY, "us-1"].into_iter().map(|name| (name.to_owned(), json!({}))).collect();
    let placement = serde_json::from_value(json!({"clusters": placed})).unwrap();
    Details {
        releases: releases.into_iter().collect(),
        commits: commits(),
        placement: Some(Arc::new(placement)),
        ..Details::default()
    }
}

/// What people committed, by its id.
fn commits() -> BTreeMap<String, Commit> {
    let commit = |id: &str, author: &str, subject: &str| {
        let [author, subject] = [author, subject].map(|text| Some(text.to_owned()));
        (id.to_owned(), Commit { id: id.to_owned(), author, subject })
    };
    [
        commit("9f2c41d07be3a1c55d0e", "Ada Byron", "Release shop 2.4.0 with the new basket"),
        commit("1b7e55aa90c0ffee1234", "Grace Hopper", "Promote web/shop to half"),
        commit("51aa0d07be3a1c55d0e1", "Grace Hopper", "Fix rounding of discounts"),
        commit("0d15ea5e00112233aabb", "Ada Byron", "Show prices with taxes"),
        commit("4d1f0c9a7e00112233aa", "Grace Hopper", "Checkout in one page"),
        commit("8a77b2c3d4e5f60011aa", "Edsger Dijkstra", "Keep balances in their own table"),
    ]
    .into()
}
