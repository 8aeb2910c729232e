//! Repositories over HTTP, by Git's own `git http-backend`: CGI as RFC 3875 says, streaming both ways.
//!
//! For the demo and the tests. There is no access control: listen on loopback, or put it behind something that has.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header, request};
use futures::StreamExt;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::io::ReaderStream;

/// The name under which everybody pushes; without one, `git http-backend` takes no push.
const USER: &str = "anybody";

/// Why a request is not answered by git.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// There is no `git`, or it does not run.
    #[error("git http-backend cannot be run: {0}; is git installed?")]
    Start(#[source] std::io::Error),
    /// It ended, or broke its pipes, before its headers were there.
    #[error("git http-backend said nothing: {0}")]
    Silent(#[source] std::io::Error),
    /// Its headers are none.
    #[error("git http-backend said {line:?}, which is no header")]
    Header {
        /// The line.
        line: String,
    },
}

/// Serves every repository below `root` to everybody, for reading and, where its `http.receivepack` is set, writing.
pub fn router(root: impl Into<PathBuf>) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(root.into()))
}

async fn answer(State(root): State<Arc<PathBuf>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    match http_backend(&root, &parts, body).await {
        Ok((response, mut child)) => {
            // Somebody has to wait for the process; the answer does not depend on how it ends.
            tokio::spawn(async move { child.wait().await });
            response
        }
        Err(error) => {
            let mut response = Response::new(Body::from(format!("{error}\n")));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

/// Runs git for one request to a repository below `root`. Returns as soon as the headers of the answer are there; the body
/// follows from the process, which the caller has to wait for.
///
/// # Errors
/// When git cannot be run, or gives no answer.
pub async fn http_backend(
    root: &Path,
    parts: &request::Parts,
    body: Body,
) -> Result<(Response<Body>, Child), BackendError> {
    let mut child = Command::new("git")
        .arg("http-backend")
        .envs(environment(root, parts))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(BackendError::Start)?;
    let no_pipe = || BackendError::Silent(std::io::ErrorKind::BrokenPipe.into());
    let input = child.stdin.take().ok_or_else(no_pipe)?;
    let mut output = BufReader::new(child.stdout.take().ok_or_else(no_pipe)?);
    tokio::spawn(feed(body.into_data_stream(), input));

    let mut response = Response::new(Body::empty());
    loop {
        let mut line = String::new();
        let read = output.read_line(&mut line).await.map_err(BackendError::Silent)?;
        if read == 0 {
            return Err(BackendError::Silent(std::io::ErrorKind::UnexpectedEof.into()));
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        apply_header(line, &mut response).ok_or_else(|| BackendError::Header { line: line.to_owned() })?;
    }
    *response.body_mut() = Body::from_stream(ReaderStream::new(output));
    Ok((response, child))
}

fn apply_header(line: &str, response: &mut Response<Body>) -> Option<()> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim();
    if name.eq_ignore_ascii_case("status") {
        *response.status_mut() = StatusCode::from_bytes(value.get(..3)?.as_bytes()).ok()?;
    } else {
        response.headers_mut().append(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?);
    }
    Some(())
}

async fn feed(mut body: BodyDataStream, mut input: ChildStdin) {
    while let Some(Ok(chunk)) = body.next().await {
        if input.write_all(&chunk).await.is_err() {
            // The program has what it needs, or has ended; its output says which.
            return;
        }
    }
}

fn environment(root: &Path, parts: &request::Parts) -> Vec<(String, String)> {
    let header = |name: HeaderName| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
    };
    let protocol = header(HeaderName::from_static("git-protocol"));
    [
        ("GIT_PROJECT_ROOT", Some(root.display().to_string())),
        ("GIT_HTTP_EXPORT_ALL", Some("1".into())),
        ("GIT_CONFIG_GLOBAL", Some("/dev/null".into())),
        ("GIT_CONFIG_NOSYSTEM", Some("1".into())),
        ("GIT_PROTOCOL", protocol),
        ("REMOTE_USER", Some(USER.into())),
        ("REQUEST_METHOD", Some(parts.method.to_string())),
        ("PATH_INFO", Some(parts.uri.path().into())),
        ("QUERY_STRING", Some(parts.uri.query().unwrap_or_default().into())),
        ("CONTENT_TYPE", header(header::CONTENT_TYPE)),
        ("CONTENT_LENGTH", header(header::CONTENT_LENGTH)),
        ("HTTP_CONTENT_ENCODING", header(header::CONTENT_ENCODING)),
        ("SERVER_PROTOCOL", Some("HTTP/1.1".into())),
        ("REMOTE_ADDR", Some("127.0.0.1".into())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}
