//! What leads to a state commit, told as one trace once there is one: from the commit on `main`, where it began there, over reading,
//! planning and rendering to the push. What leads to no commit is told to nobody. Where there are no traces, nothing is kept.

use jiff::Timestamp;
use shipper_git::Oid;
use shipper_telemetry::fields::{APPLICATION, COMMIT, REVISION};
use shipper_telemetry::trace::{Begun, Traces};

/// Parts that are kept; a wave over a fleet has more, which nobody would read.
const MOST: usize = 256;
/// Applications that are named.
const NAMED: usize = 20;

/// From when to when.
pub(super) type Times = (Timestamp, Timestamp);

struct Part {
    name: &'static str,
    times: Times,
    application: Option<String>,
}

/// The parts since the last commit.
pub(super) struct Trail {
    traces: Traces,
    parts: Vec<Part>,
    /// The commit of `main` that was found, and when it was made.
    origin: Option<(Oid, Timestamp)>,
    /// Renderings under way.
    rendering: usize,
    root: Option<Begun>,
}

impl Trail {
    pub(super) fn new(traces: Traces) -> Self {
        Self { traces, parts: Vec::new(), origin: None, rendering: 0, root: None }
    }

    pub(super) fn is_on(&self) -> bool {
        self.traces.is_on()
    }

    /// Something was done.
    pub(super) fn part(&mut self, name: &'static str, times: Times, application: Option<&dyn ToString>) {
        if self.is_on() && self.parts.len() < MOST {
            let application = application.map(ToString::to_string);
            self.parts.push(Part { name, times, application });
        }
    }

    /// A commit of `main` was found. Of several the first begins the trace.
    pub(super) fn found(&mut self, commit: Oid, made: Timestamp) {
        if self.is_on() {
            self.origin.get_or_insert((commit, made));
        }
    }

    /// A rendering begins.
    pub(super) fn renders(&mut self) {
        self.rendering += 1;
    }

    /// One has ended.
    pub(super) fn rendered(&mut self, application: &dyn ToString, times: Times) {
        self.rendering = self.rendering.saturating_sub(1);
        self.part("render", times, Some(application));
    }

    /// There will be a commit: what led to it is told, and what the commit is to say of it is returned.
    pub(super) fn begin(&mut self, now: Timestamp) -> Option<String> {
        let parts = std::mem::take(&mut self.parts);
        let origin = self.origin.take();
        let first = parts.iter().map(|part| part.times.0).min().unwrap_or(now);
        // The clock of a person's machine may be ahead.
        let since = origin.map_or(first, |(_, made)| made.min(first));
        let mut root = self.traces.begin("change", None, since.into())?;
        let parent = root.parent();
        if let Some((commit, made)) = origin {
            root.say(REVISION, commit.to_string());
            self.traces.tell("notice", Some(&parent), (made.min(first).into(), first.into()), []);
        }
        for Part { name, times: (from, to), application } in parts {
            let attributes = application.map(|application| (APPLICATION, application));
            self.traces.tell(name, Some(&parent), (from.into(), to.into()), attributes);
        }
        self.root = Some(root);
        Some(parent.to_trailer())
    }

    /// The commit is there, or could not be pushed.
    pub(super) fn end<'a>(
        &mut self,
        (from, to): Times,
        pushed: Result<Oid, String>,
        applications: impl ExactSizeIterator<Item = &'a shipper_core::AppKey>,
    ) {
        let Some(mut root) = self.root.take() else { return };
        self.traces.tell("push", Some(&root.parent()), (from.into(), to.into()), []);
        root.say("count", applications.len().cast_signed() as i64);
        let named: Vec<String> = applications.take(NAMED).map(ToString::to_string).collect();
        root.say(APPLICATION, named.join(" "));
        match pushed {
            Ok(commit) => root.say(COMMIT, commit.to_string()),
            Err(error) => root.failed(error),
        }
        root.end(to.into());
    }

    /// Nothing came of it, unless a rendering is still to come.
    pub(super) fn forget(&mut self) {
        if self.rendering == 0 {
            self.parts.clear();
            self.origin = None;
        }
    }
}
