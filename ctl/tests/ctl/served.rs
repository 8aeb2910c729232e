//! A hub, as far as anybody can tell from what it answers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::Value;

/// What is answered to one request.
pub(crate) struct Answer {
    pub(crate) code: String,
    pub(crate) kind: &'static str,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn of(body: impl Into<String>) -> Self {
        Self { code: "200 OK".to_owned(), kind: "application/json", body: body.into() }
    }

    pub(crate) fn problem(code: &str, problem: &Value) -> Self {
        Self { code: code.to_owned(), kind: "application/problem+json", body: problem.to_string() }
    }
}

/// Answers every request by its path and query, one after the other, for as long as the test runs; the address.
pub(crate) fn served(mut answer: impl FnMut(&str, &str) -> Answer + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 8192];
            let Ok(read) = stream.read(&mut request) else { continue };
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let asked = request.split(' ').nth(1).unwrap_or_default();
            let (path, query) = asked.split_once('?').unwrap_or((asked, ""));
            let Answer { code, kind, body } = answer(path, query);
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {code}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            // Whoever has enough goes.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}
