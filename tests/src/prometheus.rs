//! A real Prometheus behind a password, and an application's metrics that a test sets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use axum::Router;
use axum::extract::State;
use axum::routing::get;

use crate::eventually::within;
use crate::http_service::HttpService;
use crate::ports;
use crate::process::{Process, Spec};
use crate::scratch::Scratch;

const START: Duration = Duration::from_secs(60);
/// Who may ask.
pub const USER: &str = "admin";
/// With which password.
pub const PASSWORD: &str = "test";
/// Its bcrypt hash.
const HASH: &str = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay";

/// A Prometheus that looks every second at what a test says. Dropping it ends it.
#[derive(Debug)]
pub struct Prometheus {
    url: String,
    process: Process,
    metrics: Arc<Mutex<String>>,
    _exporter: HttpService,
    _scratch: Scratch,
}

impl Prometheus {
    /// Starts it, with nothing to measure.
    ///
    /// # Errors
    /// When it cannot be had or does not start.
    pub async fn start() -> Result<Self> {
        let program =
            tokio::task::spawn_blocking(|| shipper_toolchain::prometheus(&mut std::io::stderr())).await??;
        let scratch = Scratch::new("prometheus")?;
        let metrics = Arc::<Mutex<String>>::default();
        let exporter = HttpService::start(
            Router::new().route("/metrics", get(exported)).with_state(Arc::clone(&metrics)),
        )?;
        let address = exporter.address();
        scratch.write(
            "prometheus.yml",
            format!(
                "global: {{scrape_interval: 1s}}\nscrape_configs:\n- {{job_name: shop, static_configs: [{{targets: ['{address}']}}]}}\n"
            ),
        )?;
        scratch.write("web.yml", format!("basic_auth_users: {{{USER}: {HASH}}}\n"))?;
        let listen = format!("127.0.0.1:{}", ports::free()?);
        let process = Spec::new("prometheus", program, scratch.path())
            .args(["--config.file=prometheus.yml", "--web.config.file=web.yml"])
            .arg(format!("--web.listen-address={listen}"))
            .args(["--storage.tsdb.path=data", "--log.level=warn"])
            .start()?;
        let prometheus = Self {
            url: format!("http://{listen}"),
            process,
            metrics,
            _exporter: exporter,
            _scratch: scratch,
        };
        let ready = within(START, || prometheus.check()).await;
        ready.map_err(|error| anyhow!("Prometheus does not start: {error}"))?;
        Ok(prometheus)
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process, to stop and start again.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// What the application says from now on, in Prometheus' text format without its last line end.
    pub fn measures(&self, metrics: &str) {
        *self.metrics.lock().unwrap_or_else(PoisonError::into_inner) = format!("{metrics}\n");
    }

    /// Waits until a query gives anything.
    ///
    /// # Errors
    /// When it gives nothing in time.
    pub async fn wait_for(&self, query: &str) -> Result<()> {
        within(START, || self.has_data(query)).await.map_err(|error| anyhow!("{query}: {error}"))
    }

    async fn has_data(&self, query: &str) -> Result<()> {
        let url = reqwest::Url::parse_with_params(&format!("{}/api/v1/query", self.url), [("query", query)])?;
        let request = reqwest::Client::new().get(url).basic_auth(USER, Some(PASSWORD));
        let answer: serde_json::Value = request.send().await?.error_for_status()?.json().await?;
        let result = answer.pointer("/data/result").and_then(serde_json::Value::as_array);
        ensure!(result.is_some_and(|result| !result.is_empty()), "no data: {answer}");
        Ok(())
    }

    async fn check(&self) -> Result<()> {
        self.process.ensure_running()?;
        let request = reqwest::Client::new().get(format!("{}/-/ready", self.url));
        request.basic_auth(USER, Some(PASSWORD)).send().await?.error_for_status()?;
        Ok(())
    }
}

async fn exported(State(metrics): State<Arc<Mutex<String>>>) -> String {
    metrics.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
