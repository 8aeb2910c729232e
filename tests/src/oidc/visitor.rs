//! Somebody who goes from page to page and signs in, as a browser would.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, Url, redirect};

/// Redirects and forms from a page of the hub to the page behind the login.
const STEPS: usize = 20;

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
