//! A real Prometheus behind a password, with an application's metrics that a test sets, or with whatever is given to scrape.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::Value;

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

/// A Prometheus that looks every second. Dropping it ends it.
#[derive(Debug)]
pub struct Prometheus {
    url: String,
    process: Process,
    metrics: Arc<Mutex<String>>,
    _exporter: Option<HttpService>,
    _scratch: Scratch,
}

/// What a query gives: labels, and the value.
pub type Series = (BTreeMap<String, String>, f64);

impl Prometheus {
    /// Starts it over an application with nothing to measure.
    ///
    /// # Errors
    /// When it cannot be had or does not start.
    pub async fn start() -> Result<Self> {
        let metrics = Arc::<Mutex<String>>::default();
        let exporter = HttpService::start(
            Router::new().route("/metrics", get(exported)).with_state(Arc::clone(&metrics)),
        )?;
        let mut prometheus = Self::watch(&[("shop", vec![exporter.address()])], &[]).await?;
        (prometheus.metrics, prometheus._exporter) = (metrics, Some(exporter));
        Ok(prometheus)
    }

    /// Starts it over targets by job, with these rule files.
    ///
    /// # Errors
    /// When it cannot be had, does not start, or does not take the rules; its log says why.
    pub async fn watch(jobs: &[(&str, Vec<SocketAddr>)], rules: &[String]) -> Result<Self> {
        let program =
            tokio::task::spawn_blocking(|| shipper_toolchain::prometheus(&mut std::io::stderr())).await??;
        let scratch = Scratch::new("prometheus")?;
        for (number, rules) in rules.iter().enumerate() {
            scratch.write(&format!("rules-{number}.yaml"), rules)?;
        }
        let job = |(name, addresses): &(&str, Vec<SocketAddr>)| {
            let targets: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            serde_json::json!({"job_name": name, "static_configs": [{"targets": targets}]})
        };
        let config = serde_json::json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules-*.yaml"],
            "scrape_configs": jobs.iter().map(job).collect::<Vec<_>>(),
        });
        // JSON is YAML.
        scratch.write("prometheus.yml", config.to_string())?;
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
            metrics: Arc::default(),
            _exporter: None,
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

    /// What a query gives now.
    ///
    /// # Errors
    /// When it cannot be evaluated; the message has Prometheus' words.
    pub async fn query(&self, query: &str) -> Result<Vec<Series>> {
        let answer = self.get("query", &[("query", query)]).await?;
        let series = |series: &Value| {
            let labels = serde_json::from_value(series.get("metric")?.clone()).ok()?;
            Some((labels, series.pointer("/value/1")?.as_str()?.parse().ok()?))
        };
        let result = answer.pointer("/data/result").and_then(Value::as_array).context("no vector")?;
        Ok(result.iter().filter_map(series).collect())
    }

    /// Every series that it has of some, by their labels; `__name__` is the metric.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn series(&self, of: &str) -> Result<Vec<BTreeMap<String, String>>> {
        let answer = self.get("series", &[("match[]", of)]).await?;
        Ok(serde_json::from_value(answer["data"].clone())?)
    }

    /// Its rules as it has loaded them, of all groups, with their health and the alerts that they raise.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn rules(&self) -> Result<Vec<Value>> {
        let answer = self.get("rules", &[]).await?;
        let groups = answer.pointer("/data/groups").and_then(Value::as_array).context("no groups")?;
        Ok(groups.iter().filter_map(|group| group.get("rules")?.as_array()).flatten().cloned().collect())
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let url = reqwest::Url::parse_with_params(&format!("{}/api/v1/{path}", self.url), parameters)?;
        let request = reqwest::Client::new().get(url).basic_auth(USER, Some(PASSWORD));
        let answer: Value = request.send().await?.json().await?;
        ensure!(answer["status"] == "success", "{}", answer["error"]);
        Ok(answer)
    }

    async fn has_data(&self, query: &str) -> Result<()> {
        ensure!(!self.query(query).await?.is_empty(), "no data");
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
