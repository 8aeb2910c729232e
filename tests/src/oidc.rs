//! An OpenID Connect provider that runs as a process of its own, and a browser without a window, a screen or a script that signs in at it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, Url, redirect};

use crate::eventually::eventually;
use crate::ports;
use crate::process::{Process, Spec};
use crate::scratch::Scratch;

/// Set to `required` where a missing Node.js is a failure.
const VARIABLE: &str = "SHIPPER_TESTS_OIDC";
const STARTING: Duration = Duration::from_secs(60);
/// Redirects and forms from a page of the hub to the page behind the login.
const STEPS: usize = 20;

/// A provider. It ends with the test.
pub struct Provider {
    /// Its issuer.
    pub issuer: String,
    process: Process,
    _scratch: Scratch,
}

/// Whether there can be one on this machine; where not, that is said loudly.
#[must_use]
pub fn possible(test: &str) -> bool {
    let version = node().and_then(|node| Command::new(node).arg("--version").output().ok());
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let major =
        version.and_then(|text| text.trim().trim_start_matches('v').split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major >= 18) {
        return true;
    }
    let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
    assert!(
        !required,
        "{VARIABLE}=required, and there is no Node.js from 18 on (Debian: apt-get install npm)"
    );
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test} needs Node.js and npm, and they are not installed");
    false
}

fn node() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join("node")).find(|program| program.is_file())
}

impl Provider {
    /// Starts one that knows the hub at this address.
    ///
    /// # Errors
    /// When it cannot be fetched or does not start.
    pub async fn start(hub: &str) -> Result<Self> {
        let fetched =
            tokio::task::spawn_blocking(|| shipper_toolchain::oidc_provider(&mut std::io::stderr()));
        let program = fetched.await??;
        let scratch = Scratch::new("oidc")?;
        let port = ports::free()?;
        let process = Spec::new("oidc-provider", node().context("there is no Node.js")?, scratch.path())
            .arg(&program)
            .args([port.to_string().as_str(), hub])
            .start()?;
        let provider = Self { issuer: format!("http://127.0.0.1:{port}"), process, _scratch: scratch };
        provider.ready(1).await;
        Ok(provider)
    }

    /// Starts it again, with other keys than before.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn change_keys(&self) -> Result<()> {
        let starts = self.starts();
        self.process.restart()?;
        self.ready(starts + 1).await;
        Ok(())
    }

    /// How often it has been ready.
    fn starts(&self) -> usize {
        self.process.log().lines().filter(|line| *line == "ready").count()
    }

    async fn ready(&self, starts: usize) {
        eventually(STARTING, || async {
            self.process.ensure_running()?;
            ensure!(self.starts() >= starts, "it is not ready yet");
            anyhow::Ok(())
        })
        .await;
    }
}

/// Somebody who goes from page to page, with cookies for every host.
#[derive(Clone)]
pub struct Visitor {
    client: Client,
    /// By host with port, then by name.
    pub cookies: BTreeMap<String, BTreeMap<String, String>>,
}

/// A page that was reached.
#[derive(Debug)]
pub struct Page {
    /// Where it is.
    pub url: Url,
    /// Its status.
    pub status: u16,
    /// Its text.
    pub text: String,
    /// Where it leads, if it does.
    pub leads: Option<Url>,
}

impl Visitor {
    /// Somebody without cookies.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new() -> Result<Self> {
        let client = Client::builder().redirect(redirect::Policy::none()).build()?;
        Ok(Self { client, cookies: BTreeMap::new() })
    }

    /// Goes to a page and no further.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn get(&mut self, url: &Url) -> Result<Page> {
        let request = self.client.get(url.clone());
        self.send(url, request).await
    }

    /// Sends a form and goes no further.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn post(&mut self, url: &Url, fields: &[(&str, &str)]) -> Result<Page> {
        let body = Url::parse_with_params("http://form/", fields)?.query().unwrap_or_default().to_owned();
        let request = self.client.post(url.clone()).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(url, request).await
    }

    async fn send(&mut self, url: &Url, request: reqwest::RequestBuilder) -> Result<Page> {
        let host =
            format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        let known = self.cookies.entry(host).or_default();
        let sent: Vec<String> = known.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(ACCEPT, "text/html").header(COOKIE, sent.join("; "));
        let response: Response = request.send().await?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let text = cookie.to_str()?;
            let (name, value) =
                text.split(';').next().unwrap_or_default().split_once('=').context("a cookie")?;
            let gone = value.is_empty() || text.to_lowercase().contains("max-age=0") || text.contains("1970");
            if gone {
                known.remove(name);
            } else {
                known.insert(name.to_owned(), value.to_owned());
            }
        }
        let leads = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let leads = leads.map(|to| url.join(to)).transpose()?;
        Ok(Page { url: url.clone(), status: response.status().as_u16(), leads, text: response.text().await? })
    }

    /// Signs in as `person` from where a page leads: through the provider's forms, until it leads back to `until`, which is not visited.
    ///
    /// # Errors
    /// When that is not reached.
    pub async fn sign_in(&mut self, from: &Url, person: &str, until: &str) -> Result<Url> {
        let mut page = self.get(from).await?;
        for _ in 0..STEPS {
            match &page.leads {
                Some(next) if next.as_str().starts_with(until) => return Ok(next.clone()),
                Some(next) => page = self.get(&next.clone()).await?,
                None => {
                    let prompt = if page.text.contains("name=\"login\"") { "login" } else { "consent" };
                    ensure!(
                        page.text.contains("name=\"prompt\""),
                        "{}: {}: no form: {}",
                        page.status,
                        page.url,
                        page.text
                    );
                    let fields: &[(&str, &str)] = match prompt {
                        "login" => &[("prompt", "login"), ("login", person), ("password", "any")],
                        _ => &[("prompt", "consent")],
                    };
                    let url = page.url.clone();
                    page = self.post(&url, fields).await?;
                }
            }
        }
        bail!("it goes on and on: {page:?}")
    }
}
