//! Pushing one ref in one request over HTTP: what is to move from where to where, and a pack of what is new.
//!
//! libgit2 would look at every tree of the repository before it sends anything ([`changes`]).

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::sync::Arc;

use git2::{Oid, Repository};

use super::call::Call;
use super::error::RemoteError;
use super::outcome::{PushOutcome, classify};
use super::{http, packet};
use crate::changes;

/// What the server is asked to do besides: to say what became of the ref, beside what hooks say.
const CAPABILITIES: &str = "report-status side-band-64k";

/// Moves `branch` from `old` to `new`; the server refuses if it is not at `old` any more. `heads`: what the server has.
pub(super) fn send(
    call: &Arc<Call>,
    store: &Repository,
    heads: &BTreeMap<String, Oid>,
    branch: &str,
    (old, new): (Option<Oid>, Oid),
) -> Result<PushOutcome, git2::Error> {
    let mut lines = String::new();
    let from = old.unwrap_or(Oid::ZERO_SHA1);
    packet::push(&mut lines, &format!("{from} {new} {branch}\0{CAPABILITIES}"));
    lines.push_str(packet::FLUSH);
    let mut request = lines.into_bytes();
    let mut walk = store.revwalk()?;
    walk.push(new)?;
    for head in heads.values().filter(|head| store.find_commit(**head).is_ok()) {
        walk.hide(*head)?;
    }
    changes::pack(store, walk)?.foreach(|chunk| {
        request.extend_from_slice(chunk);
        true
    })?;
    let said = answer(BufReader::new(http::receive_pack(call, request)?));
    let said = said.map_err(|error| match call.has_failed() {
        true => git2::Error::from_str(&error.to_string()),
        false => call.fail(RemoteError::Protocol { url: call.url(), reason: error.to_string() }),
    })?;
    said.verdict(branch).ok_or_else(|| {
        let reason = "the server did not say what became of the push".to_owned();
        call.fail(RemoteError::Protocol { url: call.url(), reason })
    })
}

/// What a server says of a push.
#[derive(Default)]
struct Said {
    /// `unpack ok`, `ok REF`, `ng REF REASON`.
    report: Vec<u8>,
    /// What hooks print.
    words: String,
}

/// Reads the answer, in bands or, from a server that does not know them, plain.
fn answer(mut from: impl Read) -> std::io::Result<Said> {
    let mut said = Said::default();
    while let Some(found) = packet::next(&mut from)? {
        match found.split_first() {
            Some((&packet::DATA, data)) => said.report.extend_from_slice(data),
            Some((&packet::PROGRESS, words)) => said.words.push_str(&String::from_utf8_lossy(words)),
            Some((3, words)) => {
                return Err(std::io::Error::other(String::from_utf8_lossy(words).into_owned()));
            }
            Some(_) => {
                said.report.extend_from_slice(format!("{:04x}", found.len() + 4).as_bytes());
                said.report.extend_from_slice(&found);
            }
            None => {}
        }
    }
    Ok(said)
}

impl Said {
    fn verdict(&self, branch: &str) -> Option<PushOutcome> {
        let mut report = self.report.as_slice();
        let mut broken = None;
        // The report may end without a flush.
        while let Ok(Some(line)) = packet::next(&mut report) {
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            if let Some(reason) = line.strip_prefix("unpack ").filter(|reason| *reason != "ok") {
                broken = Some(reason.to_owned());
            } else if line.strip_prefix("ok ") == Some(branch) {
                return Some(PushOutcome::Pushed);
            } else if let Some(refused) = line.strip_prefix("ng ").and_then(|rest| rest.strip_prefix(branch))
            {
                let reason = match &broken {
                    Some(broken) => format!("{} ({broken})", refused.trim_start()),
                    None => refused.trim_start().to_owned(),
                };
                return Some(classify(&reason, &self.words));
            }
        }
        broken.map(|reason| classify(&reason, &self.words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRANCH: &str = "refs/heads/main";

    fn lines(lines: &[&str]) -> String {
        let mut text = String::new();
        lines.iter().for_each(|line| packet::push(&mut text, line));
        text
    }

    fn band(band: u8, content: &str) -> String {
        lines(&[&format!("{}{content}", char::from(band))])
    }

    fn verdict(answered: &str) -> Option<PushOutcome> {
        answer(answered.as_bytes()).unwrap().verdict(BRANCH)
    }

    #[test]
    fn the_report_is_read_in_bands_and_without() {
        let report = format!("{}{}", lines(&["unpack ok\n", "ok refs/heads/main\n"]), packet::FLUSH);
        let banded =
            format!("{}{}{}", band(2, "remote: hello\n"), band(packet::DATA, &report), packet::FLUSH);
        for answered in [&report, &banded] {
            assert_eq!(verdict(answered), Some(PushOutcome::Pushed), "{answered:?}");
        }
        // A report may be cut into several bands anywhere.
        let (one, two) = report.split_at(7);
        let cut = format!("{}{}{}", band(packet::DATA, one), band(packet::DATA, two), packet::FLUSH);
        assert_eq!(verdict(&cut), Some(PushOutcome::Pushed));
    }

    #[test]
    fn a_refusal_carries_the_words_of_the_server_and_of_its_hooks() {
        let report =
            lines(&["unpack ok\n", "ng refs/heads/main pre-receive hook declined\n"]) + packet::FLUSH;
        let answered = format!("{}{}{}", band(2, "no pushes today"), band(1, &report), packet::FLUSH);
        let Some(PushOutcome::Refused { detail }) = verdict(&answered) else { panic!("{answered:?}") };
        assert!(detail.contains("hook declined") && detail.contains("no pushes today"), "{detail}");
        let moved = lines(&["unpack ok\n", "ng refs/heads/main fetch first\n"]) + packet::FLUSH;
        assert!(matches!(verdict(&moved), Some(PushOutcome::LostRace { .. })));
    }

    #[test]
    fn a_server_that_says_nothing_of_the_ref_has_not_moved_it() {
        assert_eq!(verdict(&(lines(&["unpack ok\n"]) + packet::FLUSH)), None);
        let other = lines(&["unpack ok\n", "ok refs/heads/other\n"]) + packet::FLUSH;
        assert_eq!(verdict(&other), None);
        let full = lines(&["unpack index-pack abnormal exit\n"]) + packet::FLUSH;
        assert!(matches!(verdict(&full), Some(PushOutcome::Refused { .. })));
    }
}
