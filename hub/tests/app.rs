//! The hub as a whole, over a socket: it serves, it stops in order, and what it acknowledged is there after a restart.

use futures::StreamExt;
use serde_json::{Value, json};
use shipper_git::RemoteConfig;
use shipper_hub::app::{App, AppError};
use shipper_hub::config::{Author, Config, Poll};
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

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
        poll: Poll { min: Duration::from_secs(1), max: Duration::from_secs(30) },
        heartbeat: Duration::from_secs(10),
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: directory.join("data"),
        agent_tokens: Some(tokens),
        webhook_secret: None,
        helm: "helm".into(),
        author: Author { name: "Shipper".into(), email: "shipper@localhost".into() },
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
