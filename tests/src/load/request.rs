//! One caller and its requests: HTTP/1.1 as plain as it can be, so that nothing is hidden by a client that tries again.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Several times what a system takes to send a lost packet again.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST: usize = 16 * 1024;

/// Makes one request after the other.
#[derive(Debug)]
pub(super) struct Caller {
    address: SocketAddr,
    keeps: bool,
    open: Option<(TcpStream, String)>,
}

impl Caller {
    /// One that keeps its connections if `keeps`.
    pub(super) fn new(address: SocketAddr, keeps: bool) -> Self {
        Self { address, keeps, open: None }
    }

    /// The pod at the other end of the connection that the next request will go over, if there is one.
    pub(super) fn connected_to(&self) -> Option<String> {
        self.open.as_ref().map(|(_, pod)| pod.clone())
    }

    /// Makes a request; returns the version and the pod that answered.
    pub(super) async fn call(&mut self) -> Result<(String, String)> {
        let open = self.open.take();
        let (stream, answer) = timeout(PATIENCE, exchange(self.address, open, self.keeps))
            .await
            .with_context(|| format!("no answer within {PATIENCE:?}"))??;
        let (version, pod) = answer.body.trim().split_once(' ').context("an answer of somebody else")?;
        if self.keeps && !answer.closes {
            self.open = Some((stream, pod.to_owned()));
        }
        Ok((version.to_owned(), pod.to_owned()))
    }
}

#[derive(Debug)]
struct Answer {
    closes: bool,
    body: String,
}

async fn exchange(
    address: SocketAddr,
    open: Option<(TcpStream, String)>,
    keeps: bool,
) -> Result<(TcpStream, Answer)> {
    let mut stream = match open {
        Some((stream, _)) => stream,
        None => TcpStream::connect(address).await.context("cannot connect")?,
    };
    stream.set_nodelay(true)?;
    let connection = if keeps { "keep-alive" } else { "close" };
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: {connection}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.context("cannot send")?;
    let mut received = Vec::new();
    loop {
        if let Some(answer) = parse(&received)? {
            return Ok((stream, answer));
        }
        let count = stream.read_buf(&mut received).await.context("cannot receive")?;
        ensure!(count > 0, "closed after {} bytes of an answer", received.len());
        ensure!(received.len() <= LONGEST, "an answer without an end");
    }
}

/// The answer, once all of it is there.
fn parse(received: &[u8]) -> Result<Option<Answer>> {
    let text = std::str::from_utf8(received).context("an answer that is no text")?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Ok(None) };
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    let (mut length, mut closes) = (None, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.trim().parse::<usize>()?),
            "connection" => closes = value.trim().eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let Some(length) = length else { bail!("an answer without a length: {head}") };
    if body.len() < length {
        return Ok(None);
    }
    ensure!(status.starts_with("HTTP/1.1 200 "), "{status}");
    Ok(Some(Answer { closes, body: body.to_owned() }))
}
