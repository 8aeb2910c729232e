//! Where the time of a promotion goes: the moments that hub and agent wrote into their logs on the way.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

/// Whose log, the message, and what lies between the moment before and this one.
pub const STAGES: [(Daemon, &str, &str); 10] = [
    (Daemon::Hub, "a webhook hints at a push", "the Git server calls the webhook"),
    (Daemon::Hub, "looked at the repository", "hub: fetch, read what changed"),
    (Daemon::Hub, "planned", "hub: plan"),
    (Daemon::Hub, "composed", "hub: commit"),
    (Daemon::Hub, "pushed", "hub: push"),
    (Daemon::Agent, "the hub knows of a state commit", "event stream to the agent"),
    (Daemon::Agent, "fetched", "agent: fetch"),
    (Daemon::Agent, "new state accepted", "agent: verify, read what changed"),
    (Daemon::Agent, "decided", "agent: decide"),
    (Daemon::Agent, "applied", "agent: apply, answered"),
];

/// Whose log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// The hub's.
    Hub,
    /// The agent's.
    Agent,
}

/// A log that grows.
pub struct Log<'a> {
    path: &'a Path,
    read: u64,
}

/// What a log says happened when.
pub type Moment = (SystemTime, String);

impl<'a> Log<'a> {
    /// From now on.
    ///
    /// # Errors
    /// There is none.
    pub fn follow(path: &'a Path) -> Result<Self> {
        Ok(Self { path, read: fs::metadata(path)?.len() })
    }

    /// What was written since the last call.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn news(&mut self) -> Result<Vec<Moment>> {
        let mut file = fs::File::open(self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        text[..whole].lines().map(moment).collect()
    }
}

fn moment(line: &str) -> Result<Moment> {
    let line: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
    let text = |pointer: &str| line.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let at: Timestamp = text("/timestamp").parse()?;
    Ok((at.into(), text("/message").to_owned()))
}

/// The length of each stage that both ends of are known, from `began` on.
pub fn lengths(began: SystemTime, hub: &[Moment], agent: &[Moment]) -> Vec<Option<Duration>> {
    let mut last = began;
    // A webhook may come before the program that pushed has ended.
    let mut earliest = began - Duration::from_millis(200);
    STAGES
        .iter()
        .map(|(daemon, message, _)| {
            let log = if *daemon == Daemon::Hub { hub } else { agent };
            let (at, _) = log.iter().find(|(at, said)| *at >= earliest && said == message)?;
            let length = at.duration_since(last).unwrap_or_default();
            (last, earliest) = (last.max(*at), *at);
            Some(length)
        })
        .collect()
}
