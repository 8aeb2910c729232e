//! A real Gitea on loopback: a Git host with accounts, protected branches, webhooks, pull requests and pipelines.
//!
//! - [`possible`]: what happens where there can be none
//! - [`Gitea`]: one that runs, and requests to its API
//! - [`runner`]: runs its pipelines

pub mod runner;
mod skip;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::eventually::within;
use crate::ports;
use crate::postgres::Account as Runs;
use crate::process::{Process, Spec};
use crate::scratch::Scratch;
pub use skip::possible;

const START: Duration = Duration::from_secs(60);
const SETTINGS: &str = include_str!("gitea/app.ini");
const ADMIN: &str = "root1";

/// A Gitea. Dropping it ends it.
#[derive(Debug)]
pub struct Gitea {
    url: String,
    client: Client,
    process: Process,
    scratch: Scratch,
}

/// Somebody who may sign in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The name to sign in with.
    pub name: String,
    /// Opens repositories and the API, as far as the account may.
    pub token: String,
}

impl Gitea {
    /// Starts one with nobody but an administrator.
    ///
    /// # Errors
    /// When it cannot be had or does not start.
    pub async fn start() -> Result<Self> {
        let tool =
            tokio::task::spawn_blocking(|| shipper_toolchain::Gitea::find_or_build(&mut std::io::stderr()));
        let tool = tool.await??;
        let scratch = Scratch::new("gitea")?;
        let runs = Runs::choose()?;
        let (program, files) = reachable(runs, &scratch, tool.program(), tool.files())?;
        let port = ports::free()?;
        let settings = SETTINGS
            .replace("$HOME", &scratch.path().display().to_string())
            .replace("$FILES", &files.display().to_string())
            .replace("$PORT", &port.to_string());
        let settings = scratch.write("app.ini", settings)?;
        for path in [&settings, scratch.path()] {
            runs.own(path)?;
        }
        let home = format!("HOME={}", scratch.path().display());
        let arguments = ["--config".to_owned(), settings.display().to_string()];
        // `env` finds what changes the account in PATH.
        let process = Spec::new("gitea", "/usr/bin/env", scratch.path())
            .arg(&home)
            .args(runs.command(&program))
            .args(&arguments)
            .arg("web")
            .start()?;
        let url = format!("http://127.0.0.1:{port}");
        let gitea = Self { url, client: Client::new(), process, scratch };
        let ready = within(START, async || gitea.check().await).await;
        ready.map_err(|error| anyhow!("Gitea does not start: {error}\n{}", gitea.process.log_tail()))?;
        let create =
            ["admin", "user", "create", "--admin", "--must-change-password=false", "--username", ADMIN];
        let mut command = runs.run(&program, gitea.scratch.path());
        command.args(&arguments).args(create).args(["--password", &password(ADMIN), "--email", &mail(ADMIN)]);
        run(command.env("HOME", gitea.scratch.path()))?;
        Ok(gitea)
    }

    /// Its address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of a repository, `owner/name`.
    #[must_use]
    pub fn repository(&self, name: &str) -> String {
        format!("{}/{name}.git", self.url)
    }

    /// Makes an account with a token for repositories and their pull requests.
    ///
    /// # Errors
    /// When there is one of that name.
    pub async fn account(&self, name: &str) -> Result<Account> {
        let user = json!({"username": name, "password": password(name), "email": mail(name), "must_change_password": false});
        self.administer(Method::POST, "/admin/users", &user).await?;
        let scopes = json!({"name": "test", "scopes": ["write:repository", "write:issue", "read:user"]});
        let request = self.client.post(format!("{}/api/v1/users/{name}/tokens", self.url));
        let answer = self.answer(request.basic_auth(name, Some(password(name))).json(&scopes)).await?;
        let token = answer["sha1"].as_str().context("no token")?.to_owned();
        Ok(Account { name: name.to_owned(), token })
    }

    /// What the API answers to the administrator.
    ///
    /// # Errors
    /// When it refuses; the message holds status and words.
    pub async fn administer(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let request = self.client.request(method, format!("{}/api/v1{path}", self.url));
        self.answer(request.basic_auth(ADMIN, Some(password(ADMIN))).json(body)).await
    }

    /// What the API answers to somebody.
    ///
    /// # Errors
    /// When it refuses; the message holds status and words.
    pub async fn ask(&self, account: &Account, method: Method, path: &str, body: &Value) -> Result<Value> {
        let request = self.client.request(method, format!("{}/api/v1{path}", self.url));
        self.answer(request.header("Authorization", format!("token {}", account.token)).json(body)).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let response = request.send().await?;
        let (status, url) = (response.status(), response.url().clone());
        let text = response.text().await?;
        ensure!(status.is_success(), "{url}: {status}: {text}");
        // Some answers are empty.
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    async fn check(&self) -> Result<()> {
        self.process.ensure_running()?;
        let answer = self.client.get(format!("{}/api/v1/version", self.url)).send().await?;
        ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
        Ok(())
    }
}

/// Where the account that it runs as finds program and files: the cache may be below a home that others may not enter.
fn reachable(runs: Runs, scratch: &Scratch, program: PathBuf, files: PathBuf) -> Result<(PathBuf, PathBuf)> {
    if runs.is_own() {
        return Ok((program, files));
    }
    let own = (scratch.join("gitea"), scratch.join("static"));
    fs::hard_link(&program, &own.0).or_else(|_| fs::copy(&program, &own.0).map(drop))?;
    run(Command::new("cp").arg("-R").args([&files, &own.1]))?;
    Ok(own)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn password(name: &str) -> String {
    format!("The-password-of-{name}-1")
}

fn mail(name: &str) -> String {
    format!("{name}@example.com")
}
