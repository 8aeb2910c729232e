//! Smart HTTP over reqwest: one request per step of the conversation, on connections that are kept for the next one.

use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::{Certificate, Url, header, redirect};

use super::call::Call;
use super::error::RemoteError;
use super::http_answer::{accept, refusal};
use crate::config::{Credentials, RemoteConfig};
use crate::url::RepositoryUrl;

const MAX_REDIRECTS: usize = 5;
/// What may be left unread of a finished answer for its connection still to be worth keeping, in bytes.
const WORTH_DRAINING: u64 = 64 * 1024;

/// The client of one remote. Proxies come from the environment; redirects never leave scheme, host and port.
pub(super) fn client(config: &RemoteConfig) -> Result<Client, RemoteError> {
    let connect = |reason: String| RemoteError::Connect { url: config.url.to_string(), reason };
    let limits = &config.limits;
    let mut builder = Client::builder()
        .user_agent(concat!("git/2.0 (shipper ", env!("CARGO_PKG_VERSION"), ")"))
        .connect_timeout(limits.connect.min(limits.total))
        // Without a timeout on the request itself this one bounds each wait for bytes, not the whole.
        .timeout(limits.idle.min(limits.total))
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(redirect::Policy::custom(|attempt| {
            let first = attempt.previous().first().map(Url::origin);
            if attempt.previous().len() > MAX_REDIRECTS || first != Some(attempt.url().origin()) {
                attempt.stop()
            } else {
                attempt.follow()
            }
        }));
    if let Some(path) = &config.ca_file {
        let pem = std::fs::read(path).map_err(|e| connect(format!("reading {}: {e}", path.display())))?;
        let certs = Certificate::from_pem_bundle(&pem)
            .map_err(|e| connect(format!("{} holds no certificates: {e}", path.display())))?;
        builder = builder.tls_certs_merge(certs);
    }
    builder.build().map_err(|e| connect(reason(&e)))
}

/// The whole chain of causes; reqwest's own text names only the first, and the URL, which we leave out.
pub(super) fn reason(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string()
}

/// The connection of one call.
pub(super) struct HttpTransport {
    call: Arc<Call>,
}

/// A request to `git-upload-pack`, sent when its answer is first read.
pub(super) fn upload_pack(call: &Arc<Call>, request: Vec<u8>) -> Result<impl Read, git2::Error> {
    let mut exchange = HttpTransport::new(Arc::clone(call)).exchange("git-upload-pack")?;
    exchange.request = request;
    Ok(exchange)
}

/// A request to `git-receive-pack`, sent when its answer is first read.
pub(super) fn receive_pack(call: &Arc<Call>, request: Vec<u8>) -> Result<impl Read, git2::Error> {
    let mut exchange = HttpTransport::new(Arc::clone(call)).exchange("git-receive-pack")?;
    exchange.request = request;
    Ok(exchange)
}

impl HttpTransport {
    pub(super) fn new(call: Arc<Call>) -> Self {
        Self { call }
    }

    fn base(&self) -> MutexGuard<'_, Option<Url>> {
        self.call.base.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn endpoint(&self, suffix: &str) -> Result<Url, git2::Error> {
        let moved = self.base().clone();
        let mut url = match (&self.call.config.url, moved) {
            (_, Some(url)) => url,
            (RepositoryUrl::Http { url, .. }, None) => url.clone(),
            _ => return Err(git2::Error::from_str("not an HTTP remote")),
        };
        let path = format!("{}{suffix}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(url)
    }

    fn advertisement(&self, service: &'static str) -> Result<Advertisement, git2::Error> {
        let call = &self.call;
        let mut url = self.endpoint("/info/refs")?;
        url.query_pairs_mut().append_pair("service", service);
        let client = call.http.as_ref().ok_or_else(|| git2::Error::from_str("no HTTP client"))?;
        let wanted = format!("application/x-{service}-advertisement");
        let response = send(call, client.get(url), &wanted).map_err(|e| call.fail(e))?;
        if let Some(path) = response.url().path().strip_suffix("/info/refs") {
            let mut base = response.url().clone();
            base.set_path(path);
            base.set_query(None);
            *self.base() = Some(base);
        }
        // Read to its end, so that the connection can serve the next request.
        let mut body = Vec::new();
        Body { call: Arc::clone(call), response }.read_to_end(&mut body).map_err(|e| call_error(call, &e))?;
        Ok(Advertisement(Cursor::new(body)))
    }

    fn exchange(&self, service: &'static str) -> Result<Exchange, git2::Error> {
        Ok(Exchange {
            call: Arc::clone(&self.call),
            url: self.endpoint(&format!("/{service}"))?,
            service,
            request: Vec::new(),
            body: None,
        })
    }
}

fn call_error(call: &Call, error: &io::Error) -> git2::Error {
    call.fail(RemoteError::Protocol { url: call.url(), reason: error.to_string() })
}

impl SmartSubtransport for HttpTransport {
    fn action(&self, _: &str, action: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        Ok(match action {
            Service::UploadPackLs => Box::new(self.advertisement("git-upload-pack")?),
            Service::ReceivePackLs => Box::new(self.advertisement("git-receive-pack")?),
            Service::UploadPack => Box::new(self.exchange("git-upload-pack")?),
            Service::ReceivePack => Box::new(self.exchange("git-receive-pack")?),
        })
    }

    fn close(&self) -> Result<(), git2::Error> {
        *self.base() = None;
        Ok(())
    }
}

/// Sends a request and returns its answer if it is one of Git's.
fn send(call: &Call, request: RequestBuilder, content_type: &str) -> Result<Response, RemoteError> {
    call.remaining()?;
    let request = request.header(header::ACCEPT, content_type).header(header::PRAGMA, "no-cache");
    let configured = match &call.config.credentials {
        Credentials::None => match &call.config.url {
            RepositoryUrl::Http { credentials, .. } => credentials,
            _ => &Credentials::None,
        },
        given => given,
    };
    let request = match configured {
        Credentials::None => request,
        Credentials::Basic { user, password } => request.basic_auth(user, Some(password.reveal())),
        Credentials::Bearer(token) => request.bearer_auth(token.reveal()),
    };
    let response = request.send().map_err(|e| {
        if e.is_timeout() && !e.is_connect() {
            call.timed_out()
        } else {
            RemoteError::Connect { url: call.url(), reason: reason(&e) }
        }
    })?;
    if response.status().is_success() {
        accept(call, response, content_type)
    } else {
        Err(refusal(call, response))
    }
}

/// An answer being read, within the limits of the call.
struct Body {
    call: Arc<Call>,
    response: Response,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let call = &self.call;
        call.remaining().map_err(|e| call.fail_io(e))?;
        let read = self.response.read(buffer).map_err(|e| {
            let late = e.kind() == io::ErrorKind::TimedOut
                || e.get_ref()
                    .and_then(|e| e.downcast_ref::<reqwest::Error>())
                    .is_some_and(reqwest::Error::is_timeout);
            call.fail_io(if late {
                call.timed_out()
            } else {
                RemoteError::Protocol { url: call.url(), reason: reason(&e) }
            })
        })?;
        call.count(read).map_err(|e| call.fail_io(e))?;
        Ok(read)
    }
}

/// The list of refs, whole.
struct Advertisement(Cursor<Vec<u8>>);

impl Read for Advertisement {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Advertisement {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("the list of refs cannot be written to"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One request, sent when its answer is first asked for, and that answer.
struct Exchange {
    call: Arc<Call>,
    url: Url,
    service: &'static str,
    request: Vec<u8>,
    body: Option<Body>,
}

impl Exchange {
    fn send(&mut self) -> Result<Body, RemoteError> {
        let call = &self.call;
        let Some(client) = call.http.as_ref() else {
            return Err(RemoteError::Protocol { url: call.url(), reason: "no HTTP client".to_owned() });
        };
        let mut request = client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, format!("application/x-{}-request", self.service))
            .body(std::mem::take(&mut self.request));
        if self.service == "git-receive-pack" {
            // Hooks run before the answer begins, and may take as long as the call may.
            request = request.timeout(call.remaining()?);
        }
        let response = send(call, request, &format!("application/x-{}-result", self.service))?;
        Ok(Body { call: Arc::clone(call), response })
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.body.is_none() {
            let body = self.send().map_err(|e| self.call.fail_io(e))?;
            self.body = Some(body);
        }
        self.body.as_mut().map_or(Ok(0), |body| body.read(buffer))
    }
}

impl Write for Exchange {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.request.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // libgit2 stops at the last packet it needs; the connection is reusable only after the end of the answer.
        if let Some(body) = self.body.take().filter(|_| !self.call.has_failed()) {
            let _ = io::copy(&mut body.response.take(WORTH_DRAINING), &mut io::sink());
        }
    }
}
