//! Requests over one connection that stays open, with as little in between as there can be: the generator shares the cores with what it
//! measures.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection to the hub.
pub struct Wire {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its end shows with the next request.
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_string() })
    }

    /// The whole body of an answer.
    ///
    /// # Errors
    /// The connection is gone, or the answer is a refusal.
    pub async fn get(&mut self, path: &str) -> Result<Bytes> {
        self.send(Request::get(path).header(HOST, &self.host).body(Full::default())?).await
    }

    /// Sends JSON in somebody's name.
    ///
    /// # Errors
    /// The connection is gone, or the answer is a refusal.
    pub async fn post(&mut self, path: &str, authorization: &str, body: Vec<u8>) -> Result<Bytes> {
        let request = Request::post(path).header(HOST, &self.host).header(AUTHORIZATION, authorization);
        self.send(request.header(CONTENT_TYPE, "application/json").body(Full::from(body))?).await
    }

    /// Sends, and returns as soon as the answer begins: the body may have no end.
    ///
    /// # Errors
    /// The connection is gone, or the answer is a refusal.
    pub async fn open(&mut self, path: &str) -> Result<hyper::body::Incoming> {
        let answer = self
            .sender
            .send_request(Request::get(path).header(HOST, &self.host).body(Full::default())?)
            .await?;
        ensure!(answer.status().is_success(), "{path}: {}", answer.status());
        Ok(answer.into_body())
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Bytes> {
        let path = request.uri().path().to_owned();
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&body));
        Ok(body)
    }
}
