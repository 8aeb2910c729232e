//! Running `git http-backend` for one request: CGI as RFC 3875 says, streaming both ways.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header, request};
use futures::StreamExt;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::io::ReaderStream;

/// Starts the program and returns its answer as soon as its headers are there; the body follows from its output.
pub(crate) async fn http_backend(
    root: &Path,
    parts: &request::Parts,
    body: Body,
) -> Result<(Response<Body>, Child)> {
    let mut child = Command::new("git")
        .arg("http-backend")
        .envs(environment(root, parts))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run git http-backend")?;
    let input = child.stdin.take().context("no input")?;
    let mut output = BufReader::new(child.stdout.take().context("no output")?);
    tokio::spawn(feed(body.into_data_stream(), input));

    let mut response = Response::builder();
    loop {
        let mut line = String::new();
        output.read_line(&mut line).await.context("git http-backend ended before its headers")?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').with_context(|| format!("not a header: {line}"))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            response = response.status(StatusCode::from_bytes(value.get(..3).unwrap_or(value).as_bytes())?);
        } else {
            response = response.header(HeaderName::try_from(name)?, HeaderValue::from_str(value)?);
        }
    }
    Ok((response.body(Body::from_stream(ReaderStream::new(output)))?, child))
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
        // Without a user, http-backend takes no push.
        ("REMOTE_USER", Some("shipper-tests".into())),
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
