//! The hub as a whole, over a socket: it serves, it stops in order, and what it acknowledged is there after a restart.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use futures::StreamExt;
use serde_json::{Value, json};
use shipper_git::{CommitMeta, Identity, Oid, PushOutcome, RemoteConfig, Store};
use shipper_hub::access::AccessSettings;
use shipper_hub::app::{App, AppError};
use shipper_hub::config::{Author, Config, Poll, Retention};
use shipper_hub::standing::Takeover;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

const CLUSTER: &str =
    "apiVersion: shipper.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu}\nspec: {region: eu}\n";
const APPLICATION: &str = "\
apiVersion: shipper.dev/v1alpha1
kind: Application
metadata: {name: shop, namespace: web}
spec: {template: {manifests: {path: apps/shop}}}
";
const MANIFESTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: 'example.com/shop:1'}]}
";
const TOKEN: &str = "0123456789abcdef-eu";

fn config(directory: &Path) -> Config {
    let tokens = directory.join("tokens.yaml");
    std::fs::write(&tokens, format!("eu: {TOKEN}\n")).unwrap();
    let url = directory.join("fleet.git").display().to_string();
    Config {
        repository: RemoteConfig::new(url.parse().unwrap()),
        state_repository: None,
        intent_branch: "main".into(),
        state_branch: "shipper/state".into(),
        accept_history: None,
        poll: Poll { min: Duration::from_secs(60), max: Duration::from_secs(60) },
        heartbeat: Duration::from_secs(10),
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: directory.join("data"),
        database: None,
        retention: Retention::default(),
        agent_tokens: Some(tokens),
        access: AccessSettings::open(),
        webhook_secret: None,
        helm: None,
        author: Author { name: "Shipper".into(), email: "shipper@localhost".into() },
        takeover: Takeover::default(),
        otlp_endpoint: None,
    }
}

struct Running {
    url: String,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<Result<(), AppError>>,
}

impl Running {
    async fn start(config: &Config) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let app = App::build(config).await.unwrap();
        let url = format!("http://{}", app.address());
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(app.run(async {
            let _ = stopped.await;
        }));
        Self { url, stop, ended }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(8), self.ended)
            .await
            .expect("it stops within seconds")
            .unwrap()
            .unwrap();
    }

    async fn post(&self, path: &str, body: Value) -> reqwest::Response {
        let request =
            reqwest::Client::new().post(format!("{}{path}", self.url)).bearer_auth(TOKEN).json(&body);
        request.send().await.unwrap()
    }
}

fn report(session: &str, sequence: u64) -> Value {
    json!({"session": session, "sequence": sequence, "cluster": "eu", "clusterUid": "uid-1", "agentVersion": "1"})
}

#[tokio::test]
async fn a_session_goes_on_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path());
    let hub = Running::start(&config).await;
    let introduction = json!({"cluster": "eu", "clusterUid": "uid-1", "agentVersion": "1"});
    let opened: Value = hub.post("/api/v1/agent/sessions", introduction).await.json().await.unwrap();
    let session = opened["session"].as_str().unwrap().to_owned();
    assert!(hub.post("/api/v1/agent/reports", report(&session, 5)).await.status().is_success());
    hub.stop().await;

    let hub = Running::start(&config).await;
    let late: Value = hub.post("/api/v1/agent/reports", report(&session, 4)).await.json().await.unwrap();
    assert_eq!(late["sequence"], 5);
    hub.stop().await;
}

#[tokio::test]
async fn open_streams_end_with_the_hub() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Running::start(&config(directory.path())).await;
    let events = reqwest::Client::new().get(format!("{}/api/v1/agent/events", hub.url)).bearer_auth(TOKEN);
    let mut stream = events.send().await.unwrap().bytes_stream();
    let began = std::time::Instant::now();
    hub.stop().await;
    assert!(stream.next().await.is_none(), "the stream ends as a stream ends");
    assert!(began.elapsed() < Duration::from_secs(3), "it was not waited for: {:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_that_stops_in_the_middle_does_not_hold_up_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Running::start(&config(directory.path())).await;
    let mut silent = tokio::net::TcpStream::connect(hub.url.trim_start_matches("http://")).await.unwrap();
    silent.write_all(b"GET /healthz HT").await.unwrap();
    hub.stop().await;
}

#[tokio::test]
async fn a_taken_port_says_which_flag_to_change() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config { listen: taken.local_addr().unwrap(), ..config(directory.path()) };
    let refused = App::build(&config).await.err().unwrap().to_string();
    assert!(refused.starts_with("--listen "), "{refused}");
}

/// Commits files to `main` of the bare repository beside the hub's directory.
fn push(people: &Store, base: Option<Oid>, files: &[(&str, &str)]) -> Oid {
    let mut builder = people.commit_on(base).unwrap();
    for (path, content) in files {
        builder.put(path, content.as_bytes()).unwrap();
    }
    let who = Identity {
        name: "Ann".into(),
        email: "ann@example.com".into(),
        seconds: 1_700_000_000,
        offset_minutes: 0,
    };
    let meta = CommitMeta { author: who.clone(), committer: who, message: "Change the fleet\n".into() };
    let commit = builder.commit(&meta, None).unwrap().unwrap();
    assert_eq!(people.push("refs/heads/main", commit, base).unwrap(), PushOutcome::Pushed);
    commit
}

/// What the stream of events names next.
async fn next_commit(
    stream: &mut (impl StreamExt<Item = reqwest::Result<impl AsRef<[u8]>>> + Unpin),
) -> String {
    loop {
        let chunk = stream.next().await.expect("the stream goes on").unwrap();
        let text = String::from_utf8(chunk.as_ref().to_vec()).unwrap();
        if let Some((_, data)) = text.split_once("data: ") {
            let event: Value = serde_json::from_str(data.trim()).unwrap();
            return event["commit"].as_str().unwrap().to_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_and_its_webhook_become_a_state_commit_that_agents_are_told_of() {
    let directory = tempfile::tempdir().unwrap();
    let bare = directory.path().join("fleet.git");
    let made =
        std::process::Command::new("git").args(["init", "-q", "--bare", "-b", "main"]).arg(&bare).status();
    assert!(made.unwrap().success());
    let config = config(directory.path());
    let people = Store::open(&directory.path().join("people"), config.repository.clone()).unwrap();
    let first = push(&people, None, &[("clusters/eu.yaml", CLUSTER)]);

    let hub = Running::start(&config).await;
    let http = reqwest::Client::new();
    let events =
        http.get(format!("{}/api/v1/agent/events", hub.url)).bearer_auth(TOKEN).send().await.unwrap();
    let mut stream = events.bytes_stream();
    let files = [("applications/web/shop.yaml", APPLICATION), ("apps/shop/deployment.yaml", MANIFESTS)];
    let second = push(&people, Some(first), &files);
    assert_eq!(hub.post("/api/v1/webhook", json!({})).await.status(), 202);

    let get = async |path: &str| http.get(format!("{}{path}", hub.url)).send().await.unwrap();
    // The hub may have written a commit for the first push alone, and writes another when manifests are rendered.
    let status: Value = loop {
        let told = tokio::time::timeout(Duration::from_secs(30), next_commit(&mut stream)).await.unwrap();
        let status: Value = get("/api/v1/status").await.json().await.unwrap();
        if status["state"] == json!(told) && get("/api/v1/applications/web/shop").await.status() == 200 {
            break status;
        }
    };
    assert_eq!(status["source"], json!(second.to_string()));
    assert_eq!(status["clusters"][0]["name"], "eu");
    let shop: Value = get("/api/v1/applications/web/shop").await.json().await.unwrap();
    assert_eq!(shop["clusters"][0]["cluster"], "eu");
    assert_eq!(get("/readyz").await.status(), 200);
    hub.stop().await;
}
