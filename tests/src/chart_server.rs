//! A Helm repository: a directory with an index and packed charts, over HTTP.

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use tokio::process::Command;

use crate::http_service::HttpService;
use crate::scratch::Scratch;

/// A chart repository on loopback, empty at first.
#[derive(Debug)]
pub struct ChartServer {
    shared: Arc<Shared>,
    service: HttpService,
    scratch: Scratch,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    requests: Mutex<Vec<String>>,
}

impl ChartServer {
    /// Starts an empty repository.
    ///
    /// # Errors
    /// When it cannot listen, or its directory cannot be made.
    pub fn start() -> Result<Self> {
        let scratch = Scratch::new("charts")?;
        let shared = Arc::new(Shared { root: scratch.path().to_owned(), requests: Mutex::default() });
        let routes = Router::new().fallback(answer).with_state(shared.clone());
        Ok(Self { shared, service: HttpService::start(routes)?, scratch })
    }

    /// Packs the chart in `directory`, as `version` if one is given, and writes the index anew.
    ///
    /// # Errors
    /// When Helm cannot be found or built, or refuses the chart.
    pub async fn add_chart(&self, directory: &Path, version: Option<&str>) -> Result<()> {
        let mut package = vec!["package".into(), directory.display().to_string()];
        package.extend(version.map(|version| format!("--version={version}")));
        self.helm(&package).await?;
        self.helm(&["repo".into(), "index".into(), ".".into(), format!("--url={}", self.url())]).await
    }

    /// The URL of the repository.
    #[must_use]
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// The directory that is served, for files that Helm would not make.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.scratch.path()
    }

    /// The paths asked for so far.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The server below, to switch off and on.
    #[must_use]
    pub fn service(&self) -> &HttpService {
        &self.service
    }

    async fn helm(&self, arguments: &[String]) -> Result<()> {
        let program =
            tokio::task::spawn_blocking(|| shipper_toolchain::helm(&mut std::io::stderr())).await??;
        let home = Scratch::new("helm")?;
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.root())
            .env("HOME", home.path())
            .output()
            .await
            .context("cannot run helm")?;
        ensure!(output.status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri) -> Response<Body> {
    shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(uri.path().to_owned());
    let path = Path::new(uri.path().trim_start_matches('/'));
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    let content = if inside { tokio::fs::read(shared.root.join(path)).await.ok() } else { None };
    let status = if content.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let mut response = Response::new(content.map_or_else(Body::empty, Body::from));
    *response.status_mut() = status;
    response
}
