//! What the hub tells of as it happens: waits and streams.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use reqwest::blocking::Response;
use reqwest::header::ACCEPT;
use serde::de::DeserializeOwned;
use shipper_core::AppKey;
use shipper_core::api::{
    EVENTS_OF, EVIDENCE, EvidenceOfMany, RELEASES_OF, ReleaseView, TIMELINE, TimelineEvent, WAIT, Waited,
};
use shipper_core::protocol::APPLICATIONS;

use super::{Hub, HubError, token};
use crate::http;

/// What a wait takes longer than it was asked to.
const SLACK: Duration = Duration::from_secs(15);
/// A connection that is gone is noticed by then, although nobody said so.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Server-sent events with their data read as JSON; it ends with the connection.
pub struct Stream<T> {
    lines: BufReader<Response>,
    url: String,
    of: std::marker::PhantomData<T>,
}

impl Hub {
    /// Waits until one of the goals is so of an application, for as long as the hub is asked to at once. `release`: the contender has
    /// to be that one; `commit`: the hub has to have decided on it. `None` = the hub does not know the application.
    ///
    /// # Errors
    /// When the hub does not answer, or cannot wait for that.
    pub fn wait(
        &self,
        key: &AppKey,
        goals: &str,
        release: Option<&str>,
        commit: Option<&str>,
        seconds: u64,
    ) -> Result<Option<Waited>, HubError> {
        let patient = self.patient(Duration::from_secs(seconds) + SLACK)?;
        let timeout = seconds.to_string();
        let mut query = vec![("for", goals), ("timeout", timeout.as_str())];
        query.extend(release.map(|release| ("release", release)));
        query.extend(commit.map(|commit| ("commit", commit)));
        patient.find(&format!("{}/{WAIT}", below(key)), &query)
    }

    /// The releases of an application with what runs of them, newest first.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub fn releases(&self, key: &AppKey) -> Result<Vec<ReleaseView>, HubError> {
        self.all(&format!("{}/{RELEASES_OF}", below(key)), &[])
    }

    /// What decisions on these applications rest on beside the repository; see [`batches`](super::batches).
    ///
    /// # Errors
    /// When the hub does not answer, or may not tell us of one of them.
    pub fn evidence(&self, keys: &[AppKey]) -> Result<EvidenceOfMany, HubError> {
        let names: Vec<String> = keys.iter().map(AppKey::to_string).collect();
        let query: Vec<(&str, &str)> = names.iter().map(|name| ("application", name.as_str())).collect();
        let unseen = || {
            HubError::Denied {
            url: self.url.clone(),
            reason: "your token does not see every application that this concerns; a plan needs one that sees everything"
                .to_owned(),
        }
        };
        self.find(EVIDENCE, &query)?.ok_or_else(unseen)
    }

    /// New entries of the timeline that fit, as they come.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub fn watch_events(
        &self,
        key: Option<&AppKey>,
        filter: &[(&str, &str)],
    ) -> Result<Stream<TimelineEvent>, HubError> {
        self.stream(&timeline(key), filter)
    }

    /// An application as it is, and then each change.
    ///
    /// # Errors
    /// When the hub does not answer.
    pub fn watch_application(
        &self,
        key: &AppKey,
    ) -> Result<Stream<shipper_core::status::ApplicationStatus>, HubError> {
        self.stream(&below(key), &[])
    }

    fn stream<T>(&self, path: &str, filter: &[(&str, &str)]) -> Result<Stream<T>, HubError> {
        let client = http::builder().timeout(None).tcp_keepalive(KEEPALIVE).build();
        let client = client.map_err(|error| self.unreachable(&error))?;
        let query = [filter, &[("watch", "true")]].concat();
        let url = format!("{}{path}", self.url);
        let asked = reqwest::Url::parse_with_params(&url, query)
            .map_err(|error| HubError::Unusable { url: url.clone(), reason: error.to_string() })?;
        let asked = client.get(asked).header(ACCEPT, "text/event-stream");
        let response = token::with(asked, self.token.as_ref()).send();
        let response = response.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refused(url, response));
        }
        Ok(Stream { lines: BufReader::new(response), url: self.url.clone(), of: std::marker::PhantomData })
    }
}

pub(super) fn below(key: &AppKey) -> String {
    format!("{APPLICATIONS}/{}/{}", key.namespace, key.name)
}

pub(super) fn timeline(key: Option<&AppKey>) -> String {
    key.map_or_else(|| TIMELINE.to_owned(), |key| format!("{}/{EVENTS_OF}", below(key)))
}

impl<T: DeserializeOwned> Iterator for Stream<T> {
    type Item = Result<T, HubError>;

    /// Waits for the next; an error is the last.
    fn next(&mut self) -> Option<Self::Item> {
        let mut data = String::new();
        loop {
            let mut line = String::new();
            match self.lines.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => {
                    let reason = error.to_string();
                    return Some(Err(HubError::Unreachable { url: self.url.clone(), reason }));
                }
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if let Some(part) = line.strip_prefix("data:") {
                data.push_str(part.strip_prefix(' ').unwrap_or(part));
            } else if line.is_empty() && !data.is_empty() {
                let read = serde_json::from_str(&data);
                let unusable = |error: serde_json::Error| HubError::Unusable {
                    url: self.url.clone(),
                    reason: error.to_string(),
                };
                return Some(read.map_err(unusable));
            }
        }
    }
}
