//! Repositories over HTTP, by Git's own `http-backend`, with the faults that Git hosts have.

mod fault;
mod webhook;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::oneshot;

use crate::git_repo::BareRepo;
use crate::http_service::HttpService;
use crate::scratch::Scratch;

pub use fault::Fault;
pub use webhook::Webhook;

/// Who may use the server.
#[derive(Debug, Clone, Default)]
pub enum Access {
    /// Anybody.
    #[default]
    Open,
    /// Those who send this name and password (or token) by basic authentication.
    Basic {
        /// The name.
        user: String,
        /// The password or token.
        password: String,
    },
    /// Those who send this token as `Authorization: Bearer`.
    Bearer(String),
}

impl Access {
    fn header(&self) -> Option<String> {
        match self {
            Self::Open => None,
            Self::Basic { user, password } => {
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            Self::Bearer(token) => Some(format!("Bearer {token}")),
        }
    }
}

/// A Git host on loopback. Its repositories are removed when it is dropped.
#[derive(Debug)]
pub struct GitServer {
    shared: Arc<Shared>,
    service: HttpService,
    scratch: Scratch,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    access: RwLock<Access>,
    fault: RwLock<Option<Fault>>,
    webhook: RwLock<Option<Webhook>>,
    gates: Mutex<Vec<Gate>>,
    requests: AtomicU64,
}

impl GitServer {
    /// Starts a server without repositories.
    ///
    /// # Errors
    /// When it cannot listen, or its directory cannot be made.
    pub fn start() -> Result<Self> {
        let scratch = Scratch::new("git")?;
        let shared = Arc::new(Shared {
            root: scratch.path().to_owned(),
            access: RwLock::default(),
            fault: RwLock::default(),
            webhook: RwLock::default(),
            gates: Mutex::default(),
            requests: AtomicU64::default(),
        });
        let routes = Router::new().fallback(answer).with_state(shared.clone());
        Ok(Self { shared, service: HttpService::start(routes)?, scratch })
    }

    /// Makes a repository (`fleet.git`, `team/fleet.git`); see [`BareRepo::create`].
    ///
    /// # Errors
    /// When it exists, or git fails.
    pub fn create_repo(&self, name: &str, files: &[(&str, &str)]) -> Result<BareRepo> {
        BareRepo::create(&self.scratch.join(name), files)
    }

    /// The directory of the repositories, which an [`crate::ssh_server::SshServer`] may serve too.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.scratch.path()
    }

    /// The URL of a repository, without credentials.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.service.url())
    }

    /// The URL of a repository with the credentials of [`Access::Basic`] in it, as the `git` program takes them.
    #[must_use]
    pub fn url_with_credentials(&self, name: &str) -> String {
        match &*self.shared.access.read().unwrap_or_else(PoisonError::into_inner) {
            Access::Basic { user, password } => {
                format!("http://{user}:{password}@{}/{name}", self.service.address())
            }
            Access::Open | Access::Bearer(_) => self.url(name),
        }
    }

    /// Says who may use the server from now on.
    pub fn set_access(&self, access: Access) {
        *self.shared.access.write().unwrap_or_else(PoisonError::into_inner) = access;
    }

    /// Makes the server faulty, or (`None`) well again.
    pub fn set_fault(&self, fault: Option<Fault>) {
        *self.shared.fault.write().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Calls this URL after every push that changed something, or (`None`) nobody.
    pub fn set_webhook(&self, webhook: Option<Webhook>) {
        *self.shared.webhook.write().unwrap_or_else(PoisonError::into_inner) = webhook;
    }

    /// Holds the next request whose path and query contain `part`, once, until the answer is dropped.
    pub fn hold(&self, part: &str) -> Held {
        let (arrive, arrived) = oneshot::channel();
        let (release, released) = oneshot::channel();
        let gate = Gate { part: part.to_owned(), arrive, released };
        self.shared.gates.lock().unwrap_or_else(PoisonError::into_inner).push(gate);
        Held { arrived, _release: release }
    }

    /// How many requests have come so far, refused ones included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The server below, to switch off and on.
    #[must_use]
    pub fn service(&self) -> &HttpService {
        &self.service
    }
}

/// A request that waits, or is yet to come. It goes on when this is dropped.
#[derive(Debug)]
pub struct Held {
    arrived: oneshot::Receiver<()>,
    _release: oneshot::Sender<()>,
}

impl Held {
    /// Returns when the request has come.
    ///
    /// # Errors
    /// When the server ended first.
    pub async fn arrived(&mut self) -> Result<()> {
        (&mut self.arrived).await.context("the Git server has ended")
    }
}

#[derive(Debug)]
struct Gate {
    part: String,
    arrive: oneshot::Sender<()>,
    released: oneshot::Receiver<()>,
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    shared.requests.fetch_add(1, Ordering::Relaxed);
    let fault = shared.fault.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(fault) = fault
        && let Some(response) = fault.strike().await
    {
        return response;
    }
    if let Some(gate) = shared.gate(&request) {
        let _ = gate.arrive.send(());
        // The sender carries nothing: it is dropped.
        let _ = gate.released.await;
    }
    if !shared.admits(&request) {
        return refuse();
    }
    serve(shared, request).await.unwrap_or_else(|error| {
        tracing::warn!("git server: {error:#}");
        plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"))
    })
}

async fn serve(shared: Arc<Shared>, request: Request) -> Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let webhook = shared.webhook.read().unwrap_or_else(PoisonError::into_inner).clone();
    let push = webhook.filter(|_| parts.uri.path().ends_with("/git-receive-pack"));
    let call = push.map(|webhook| webhook.prepare(&shared.root, parts.uri.path())).transpose()?;
    let (response, mut child) = shipper_git_http::http_backend(&shared.root, &parts, body).await?;
    tokio::spawn(async move {
        let ended = child.wait().await;
        if let (Some(call), Ok(_)) = (call, ended) {
            call.make().await;
        }
    });
    Ok(response)
}

impl Shared {
    fn gate(&self, request: &Request) -> Option<Gate> {
        let asked = request.uri().to_string();
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let index = gates.iter().position(|gate| asked.contains(&gate.part))?;
        Some(gates.remove(index))
    }

    fn admits(&self, request: &Request) -> bool {
        let wanted = self.access.read().unwrap_or_else(PoisonError::into_inner).header();
        let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        wanted.is_none_or(|wanted| sent == Some(wanted.as_str()))
    }
}

fn refuse() -> Response<Body> {
    let mut response = plain(StatusCode::UNAUTHORIZED, "authentication required\n".into());
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Basic realm=\"git\""));
    response
}

fn plain(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
