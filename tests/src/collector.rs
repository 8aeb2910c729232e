//! A real OpenTelemetry Collector: what it takes in over OTLP, it writes to a file, one line of OTLP's JSON for each request.

use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::eventually::within;
use crate::ports;
use crate::process::{Process, Spec};
use crate::scratch::Scratch;

const START: Duration = Duration::from_secs(60);
const WRITTEN: &str = "traces.jsonl";

/// A collector. Dropping it ends it.
#[derive(Debug)]
pub struct Collector {
    url: String,
    process: Process,
    scratch: Scratch,
}

impl Collector {
    /// Starts one that nobody has sent anything.
    ///
    /// # Errors
    /// When it cannot be had or does not start; its log says why.
    pub async fn start() -> Result<Self> {
        let program =
            tokio::task::spawn_blocking(|| shipper_toolchain::collector(&mut std::io::stderr())).await??;
        let scratch = Scratch::new("collector")?;
        let listen = format!("127.0.0.1:{}", ports::free()?);
        let config = json!({
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": listen}}}},
            "exporters": {"file": {"path": scratch.join(WRITTEN), "append": true, "flush_interval": "100ms"}},
            "service": {
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file"]}},
                "telemetry": {"metrics": {"level": "none"}},
            },
        });
        // JSON is YAML.
        let config = scratch.write("config.yaml", config.to_string())?;
        let process = Spec::new("otelcol", program, scratch.path())
            .arg(format!("--config=file:{}", config.display()))
            .start()?;
        let collector = Self { url: format!("http://{listen}"), process, scratch };
        collector.ready().await?;
        Ok(collector)
    }

    /// Where it takes in OTLP over HTTP, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process, to stop and start again.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Waits until it takes in what it is sent.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn ready(&self) -> Result<()> {
        let ready = within(START, || self.check()).await;
        ready.map_err(|error| anyhow!("the collector does not start: {error}\n{}", self.process.log_tail()))
    }

    /// What it has written, over all its starts.
    ///
    /// # Errors
    /// When that cannot be read, or is no JSON.
    pub fn written(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(self.scratch.join(WRITTEN))?;
        // The last line may not be whole yet.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    async fn check(&self) -> Result<()> {
        self.process.ensure_running()?;
        let answer = reqwest::get(format!("{}/v1/traces", self.url)).await?;
        ensure!(answer.status() == StatusCode::METHOD_NOT_ALLOWED, "{}", answer.status());
        Ok(())
    }
}
