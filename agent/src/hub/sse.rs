//! Server-sent events: the part of the standard that the hub speaks (`event`, `data`, comments).

use super::HubError;
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::Response;
use shipper_core::protocol::{TARGET, TargetEvent};
use std::time::Duration;
use tokio::time::timeout;

/// Longest line, in bytes.
const LONGEST: usize = 64 << 10;

/// The events of a response; it fails when nothing at all has come for `idle`.
pub(super) fn events(
    response: Response,
    idle: Duration,
) -> BoxStream<'static, Result<TargetEvent, HubError>> {
    let state = (response, Parser::default(), Vec::new().into_iter());
    let lost = |reason: String| Some(Err(HubError::Unreachable(reason)));
    futures::stream::unfold(Some(state), move |state| async move {
        let (mut response, mut parser, mut ready) = state?;
        loop {
            if let Some(event) = ready.next() {
                return Some((Ok(event), Some((response, parser, ready))));
            }
            let ended = match timeout(idle, response.chunk()).await {
                Ok(Ok(Some(chunk))) => match parser.push(&chunk) {
                    Some(events) => {
                        ready = events.into_iter();
                        continue;
                    }
                    None => lost("the event stream is not one".to_owned()),
                },
                Ok(Ok(None)) => None,
                Ok(Err(error)) => lost(crate::targets::chain(&error)),
                Err(_) => lost("the event stream has gone silent".to_owned()),
            };
            return ended.map(|ended| (ended, None));
        }
    })
    .boxed()
}

#[derive(Default)]
struct Parser {
    buffer: Vec<u8>,
    name: String,
    data: String,
}

impl Parser {
    /// The events that are complete now; `None` = this is no event stream.
    fn push(&mut self, chunk: &[u8]) -> Option<Vec<TargetEvent>> {
        self.buffer.extend_from_slice(chunk);
        let mut events = Vec::new();
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            events.extend(self.line(line.trim_end_matches(['\n', '\r'])));
        }
        (self.buffer.len() <= LONGEST && self.data.len() <= LONGEST).then_some(events)
    }

    fn line(&mut self, line: &str) -> Option<TargetEvent> {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "" if line.is_empty() => {
                let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
                return (name == TARGET).then(|| serde_json::from_str(&data).ok()).flatten();
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commits(chunks: &[&str]) -> Vec<String> {
        let mut parser = Parser::default();
        chunks
            .iter()
            .flat_map(|chunk| parser.push(chunk.as_bytes()).unwrap())
            .map(|event| event.commit)
            .collect()
    }

    #[test]
    fn events_are_read_however_they_are_cut() {
        let stream = ": hello\n\nevent: target\ndata: {\"commit\":\"a\"}\n\nevent:target\r\ndata:{\"commit\":\r\ndata: \"b\"}\r\n\r\n";
        assert_eq!(commits(&[stream]), ["a", "b"]);
        let bytes: Vec<String> = stream.chars().map(String::from).collect();
        assert_eq!(commits(&bytes.iter().map(String::as_str).collect::<Vec<_>>()), ["a", "b"]);
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        assert_eq!(
            commits(&["event: other\ndata: {}\n\ndata: {\"commit\":\"x\"}\n\nevent: target\ndata: what\n\n"]),
            [""; 0]
        );
    }

    #[test]
    fn a_stream_without_lines_is_given_up() {
        assert!(Parser::default().push(&vec![b'x'; LONGEST + 1]).is_none());
    }
}
