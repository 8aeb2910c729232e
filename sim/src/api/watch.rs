//! watch: a cursor over the log of one resource, read as far as its lag allows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::object;
use crate::options::Delay;
use crate::resource::ResourceId;
use crate::selector::{FieldSelector, LabelSelector};
use crate::store::{Change, ChangeKind, Object};

/// What to watch.
#[derive(Debug, Clone, Default)]
pub struct WatchQuery {
    /// Label selector.
    pub labels: LabelSelector,
    /// Field selector.
    pub fields: FieldSelector,
    /// Begin after this version; 0 or none: with the present objects.
    pub version: Option<u64>,
    /// Send bookmarks.
    pub bookmarks: bool,
    /// Send the present objects first, and a bookmark annotated `k8s.io/initial-events-end`.
    pub send_initial_events: bool,
    /// End after this long.
    pub timeout: Option<Duration>,
    /// Overrides the cluster's watch lag.
    pub lag: Option<Delay>,
}

/// One event on a watch.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchEvent {
    /// An object appeared.
    Added(Object),
    /// An object changed.
    Modified(Object),
    /// An object went, or stopped matching.
    Deleted(Object),
    /// Progress: an object with nothing but kind, version and annotations.
    Bookmark(Object),
    /// The watch ends with this `Status`.
    Error(Value),
}

/// What a watch has for its reader.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchStep {
    /// An event.
    Event(WatchEvent),
    /// Nothing before this moment (or before the next change, if none).
    Wait(Option<Duration>),
    /// The watch has ended.
    End,
}

/// An open watch; poll it with [`Cluster::poll_watch`].
#[derive(Debug)]
pub struct Watch {
    id: ResourceId,
    namespace: Option<String>,
    query: WatchQuery,
    /// Everything up to this version has been taken from the log.
    position: u64,
    ready: VecDeque<WatchEvent>,
    /// The next change and when it may be seen.
    pending: Option<(Duration, Change)>,
    last_due: Duration,
    next_bookmark: Duration,
    deadline: Option<Duration>,
    epoch: u64,
    ended: bool,
}

impl Cluster {
    /// Opens a watch on a namespace, or all.
    pub fn watch(
        &mut self,
        id: ResourceId,
        namespace: Option<&str>,
        query: WatchQuery,
    ) -> Result<Watch, ApiError> {
        let resource = self.describe(id);
        self.count("watch", &resource, "");
        self.faults.strike("watch", &mut self.rng)?;
        let mut watch = Watch {
            id,
            namespace: namespace.map(str::to_owned),
            position: query.version.unwrap_or_default(),
            ready: VecDeque::new(),
            pending: None,
            last_due: Duration::ZERO,
            next_bookmark: self.now + self.options.bookmark,
            deadline: query.timeout.map(|t| self.now + t),
            epoch: self.watch_epoch,
            ended: false,
            query,
        };
        if watch.position == 0 || watch.query.send_initial_events {
            watch.position = self.store.version;
            let first: Vec<Object> =
                self.peek_all(id, namespace).filter(|o| watch.matches(o)).cloned().collect();
            watch.ready.extend(first.into_iter().map(WatchEvent::Added));
            if watch.query.send_initial_events && watch.query.bookmarks {
                let mut bookmark = self.bookmark(id, watch.position);
                bookmark["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
                watch.ready.push_back(WatchEvent::Bookmark(Arc::new(bookmark)));
            }
        }
        Ok(watch)
    }

    fn bookmark(&self, id: ResourceId, version: u64) -> Value {
        let resource = self.describe(id);
        json!({
            "kind": resource.kind, "apiVersion": resource.api_version(),
            "metadata": {"resourceVersion": version.to_string(), "creationTimestamp": null},
        })
    }

    /// The next thing a watch has, at the present time of the cluster.
    pub fn poll_watch(&mut self, watch: &mut Watch) -> WatchStep {
        loop {
            if let Some(event) = watch.ready.pop_front() {
                return WatchStep::Event(event);
            }
            if watch.ended || watch.epoch != self.watch_epoch {
                return WatchStep::End;
            }
            let table = &self.store.tables[watch.id.0];
            if watch.pending.is_none() && watch.position < table.compacted {
                watch.ended = true;
                let error = ApiError::expired(watch.position, table.compacted);
                return WatchStep::Event(WatchEvent::Error(error.to_status()));
            }
            if watch.pending.is_none() {
                let from = table.log.partition_point(|c| c.version <= watch.position);
                let next = table.log.iter().skip(from).find(|c| watch.concerns(c)).cloned();
                match next {
                    Some(change) => {
                        let lag = watch.query.lag.unwrap_or(self.options.watch_lag).draw(&mut self.rng);
                        watch.last_due = watch.last_due.max(change.at + lag);
                        watch.position = change.version;
                        watch.pending = Some((watch.last_due, change));
                    }
                    None => watch.position = watch.position.max(self.store.version),
                }
            }
            match watch.pending.take() {
                Some((due, change)) if due <= self.now => {
                    watch.ready.extend(watch.translate(change));
                    continue;
                }
                other => watch.pending = other,
            }
            if watch.deadline.is_some_and(|d| d <= self.now) {
                watch.ended = true;
                return WatchStep::End;
            }
            if watch.query.bookmarks && watch.pending.is_none() && watch.next_bookmark <= self.now {
                watch.next_bookmark = self.now + self.options.bookmark;
                let bookmark = self.bookmark(watch.id, watch.position);
                return WatchStep::Event(WatchEvent::Bookmark(Arc::new(bookmark)));
            }
            let mut until = watch.deadline;
            let mut at = |time: Duration| until = Some(until.map_or(time, |u| u.min(time)));
            if let Some((due, _)) = &watch.pending {
                at(*due);
            }
            if watch.query.bookmarks {
                at(watch.next_bookmark);
            }
            return WatchStep::Wait(until);
        }
    }
}

impl Watch {
    fn matches(&self, object: &Value) -> bool {
        self.query.labels.matches(object::labels(object)) && self.query.fields.matches(object)
    }

    fn concerns(&self, change: &Change) -> bool {
        self.namespace.as_ref().is_none_or(|n| **n == *change.key.namespace)
            && (self.matches(&change.object) || change.previous.as_ref().is_some_and(|p| self.matches(p)))
    }

    /// A change as this watch's selectors see it: leaving the selection is a deletion, entering it an addition.
    fn translate(&self, change: Change) -> Option<WatchEvent> {
        let before = change.previous.as_ref().is_some_and(|p| self.matches(p));
        let after = change.kind != ChangeKind::Deleted && self.matches(&change.object);
        match (before, after) {
            (false, true) => Some(WatchEvent::Added(change.object)),
            (true, true) => Some(WatchEvent::Modified(change.object)),
            (true, false) if change.kind == ChangeKind::Deleted => Some(WatchEvent::Deleted(change.object)),
            // The object as it last matched, at the version at which it stopped.
            (true, false) => change.previous.map(|previous| {
                let mut last = (*previous).clone();
                last["metadata"]["resourceVersion"] = json!(change.version.to_string());
                WatchEvent::Deleted(Arc::new(last))
            }),
            (false, false) => None,
        }
    }
}

impl WatchEvent {
    /// The `type` on the wire.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Added(_) => "ADDED",
            Self::Modified(_) => "MODIFIED",
            Self::Deleted(_) => "DELETED",
            Self::Bookmark(_) => "BOOKMARK",
            Self::Error(_) => "ERROR",
        }
    }

    /// The object it carries.
    pub fn object(&self) -> &Value {
        match self {
            Self::Added(o) | Self::Modified(o) | Self::Deleted(o) | Self::Bookmark(o) => o,
            Self::Error(status) => status,
        }
    }
}
