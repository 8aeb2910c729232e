//! Requests that are put together once and sent many times, over a connection that stays open. Nothing is between them and the socket: the
//! generator shares the cores with what it measures.

use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::Range;

use anyhow::{Context, Result, ensure};
use httparse::{EMPTY_HEADER, Response, Status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What stands for the number until it is said: JSON may have spaces before it.
const NUMBER: &str = "                    ";

/// A request with a JSON body in which one number may change.
pub struct Post {
    bytes: Vec<u8>,
    number: Range<usize>,
}

impl Post {
    /// A request in somebody's name: an object of `fields`, each as it stands in JSON, and of the number under its name.
    pub fn new(path: &str, host: SocketAddr, authorization: &str, number: &str, fields: &str) -> Self {
        let body = format!("{{\"{number}\":{NUMBER},{fields}}}");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {authorization}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let start = head.len() + number.len() + 4;
        Self { number: start..start + NUMBER.len(), bytes: [head, body].concat().into_bytes() }
    }

    fn numbered(&mut self, number: u64) -> &[u8] {
        if let Some(mut place) = self.bytes.get_mut(self.number.clone()) {
            // There is room for every number.
            let _ = write!(place, "{number:>20}");
        }
        &self.bytes
    }
}

/// A connection to the hub.
pub struct Line {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Line {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(1024) })
    }

    /// Sends a request with this number; the body of the answer.
    ///
    /// # Errors
    /// The connection is gone, or the answer is a refusal.
    pub async fn send(&mut self, post: &mut Post, number: u64) -> Result<&[u8]> {
        self.stream.write_all(post.numbered(number)).await?;
        self.answer.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the connection is gone");
            if let Some((status, body)) = parse(&self.answer)? {
                let said = self.answer.get(body).unwrap_or_default();
                ensure!((200..300).contains(&status), "{status} {}", String::from_utf8_lossy(said));
                return Ok(said);
            }
        }
    }
}

/// The status and where the body is, of an answer that is whole.
fn parse(answer: &[u8]) -> Result<Option<(u16, Range<usize>)>> {
    let mut headers = [EMPTY_HEADER; 16];
    let mut head = Response::new(&mut headers);
    let Status::Complete(start) = head.parse(answer)? else { return Ok(None) };
    let length = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = std::str::from_utf8(length.context("an answer without a length")?.value)?;
    let end = start + length.parse::<usize>()?;
    let whole = answer.len() >= end;
    Ok(head.code.filter(|_| whole).map(|status| (status, start..end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_the_only_thing_that_changes() {
        let host = SocketAddr::from(([127, 0, 0, 1], 80));
        let mut post = Post::new("/reports", host, "Bearer x", "sequence", "\"session\":\"s\"");
        let mut said = |number| {
            let text = String::from_utf8(post.numbered(number).to_vec()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["session"], "s");
            body["sequence"].as_u64().unwrap()
        };
        assert_eq!([1, u64::MAX, 20].map(&mut said), [1, u64::MAX, 20]);
    }

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        for part in 0..answer.len() {
            assert_eq!(parse(&answer[..part]).unwrap(), None, "{part}");
        }
        assert_eq!(parse(answer).unwrap(), Some((200, 38..40)));
    }
}
