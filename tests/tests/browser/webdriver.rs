//! The few words of WebDriver that the tests speak. A crate for it would switch on `preserve_order` of serde_json in every build that
//! the tests are part of, and with it another JSON than the programs have.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// How long anything in the browser may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A session with a browser.
pub struct Session {
    client: reqwest::Client,
    address: String,
}

impl Session {
    /// Starts a browser with these capabilities.
    pub async fn start(server: &str, capabilities: &Value) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let mut session = Self { client, address: format!("{server}/session") };
        let answer = session.say("", &json!({"capabilities": {"alwaysMatch": capabilities}})).await?;
        let id = answer["sessionId"].as_str().context("no session")?;
        session.address = format!("{server}/session/{id}");
        let limits = json!({"script": PATIENCE.as_millis(), "pageLoad": PATIENCE.as_millis()});
        session.say("/timeouts", &limits).await?;
        Ok(session)
    }

    /// Opens an address, and returns when the page is there.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.say("/url", &json!({"url": url})).await.map(drop)
    }

    /// Runs the body of a function in the page; what it returns.
    pub async fn run(&self, script: &str) -> Result<Value> {
        self.say("/execute/sync", &json!({"script": script, "args": []})).await
    }

    /// As [`Session::run`], for a function that calls its last argument with what it returns.
    pub async fn run_until_called(&self, script: &str) -> Result<Value> {
        self.say("/execute/async", &json!({"script": script, "args": []})).await
    }

    /// Presses these keys, one after the other, as WebDriver names them.
    pub async fn press(&self, keys: &[char]) -> Result<()> {
        let strokes = keys
            .iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()})));
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes.collect::<Vec<_>>()});
        self.say("/actions", &json!({"actions": [keyboard]})).await.map(drop)
    }

    /// A command of Chromium's own protocol.
    pub async fn devtools(&self, command: &str, parameters: &Value) -> Result<Value> {
        self.say("/goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await
    }

    /// The entries of a log since it was last read.
    pub async fn log(&self, kind: &str) -> Result<Vec<Value>> {
        let answer = self.say("/se/log", &json!({"type": kind})).await?;
        Ok(answer.as_array().cloned().unwrap_or_default())
    }

    /// Closes the browser.
    pub async fn end(&self) -> Result<()> {
        self.client.delete(&self.address).send().await?.error_for_status()?;
        Ok(())
    }

    async fn say(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.client.post(format!("{}{path}", self.address)).json(body).send().await?;
        let status = answer.status();
        let mut answer: Value = answer.json().await.with_context(|| format!("{path}: {status}"))?;
        ensure!(status.is_success(), "{path}: {}", answer["value"]["message"]);
        Ok(answer["value"].take())
    }
}
