//! One watch of one kind: a list in pages, then events from there on, for as long as the agent lives.
//!
//! A lost connection is taken up where it ended; 410 lists anew. Objects are handed on one by one and not kept.

use crate::api::{Api, ApiError, Kind, Kinds};
use crate::engine::state::{GroupKind, State};
use crate::metrics::{KindLabels, Metrics};
use crate::random::{Backoff, Random};
use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value;
use shipper_core::labels;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Objects per page of a list.
const PAGE: u32 = 500;
/// The server ends a watch after this many seconds; it is taken up at once.
const WATCH_SECONDS: u64 = 290;
/// A connection that says nothing for this much longer is dead.
const MARGIN: Duration = Duration::from_secs(5);
/// How often a kind is looked for that the server does not have.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Largest event, in bytes.
const LARGEST_EVENT: usize = 16 << 20;

const JSON: &str = "application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Which objects of a kind are asked for, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// A selector as part of a query; `None` = all objects.
    pub query: Option<String>,
    /// Their metadata are enough.
    pub metadata: bool,
    /// A list has to come whole: its earlier pages are remembered, cut down to their names.
    pub remember: bool,
}

/// Who is told of what watches see.
pub trait Sink: Send + Sync {
    /// Which objects are wanted.
    fn selection(&self, kind: &GroupKind) -> Selection;
    /// A list begins, perhaps after one that broke off.
    fn begin(&self, kind: &GroupKind);
    /// A page of a list that is not complete yet.
    fn page(&self, kind: &GroupKind, objects: &[Value]);
    /// A list is complete: its last page, behind those remembered.
    fn listed(&self, kind: &GroupKind, objects: &[Value]);
    /// An object was added or changed (`gone`: deleted).
    fn event(&self, kind: &GroupKind, object: &Value, gone: bool);
    /// The server does not have the kind.
    fn unknown(&self, kind: &GroupKind);
    /// The kind may be listed.
    fn listable(&self, kind: &GroupKind);
    /// The kind may not be listed.
    fn unlistable(&self, kind: &GroupKind, why: String);
    /// What is wrong with a watch now; `None` = nothing any more.
    fn problem(&self, part: &str, text: Option<String>);
}

impl Sink for State {
    fn selection(&self, kind: &GroupKind) -> Selection {
        let label = match (kind.0.as_str(), kind.1.as_str()) {
            ("", "Namespace") => return Selection { query: None, metadata: true, remember: true },
            ("", "Pod") => labels::RELEASE,
            _ => labels::APPLYSET_PART_OF,
        };
        Selection {
            query: Some(format!("labelSelector={}", encoded(label))),
            metadata: false,
            remember: true,
        }
    }

    fn begin(&self, _kind: &GroupKind) {}

    fn page(&self, kind: &GroupKind, objects: &[Value]) {
        if !(kind.0.is_empty() && kind.1 == "Namespace") {
            Self::page(self, objects);
        }
    }

    fn listed(&self, kind: &GroupKind, objects: &[Value]) {
        Self::listed(self, kind, objects);
    }

    fn event(&self, kind: &GroupKind, object: &Value, gone: bool) {
        Self::event(self, kind, object, gone);
    }

    fn unknown(&self, kind: &GroupKind) {
        Self::unknown(self, kind);
    }

    fn listable(&self, kind: &GroupKind) {
        Self::listable(self, kind);
    }

    fn unlistable(&self, kind: &GroupKind, why: String) {
        Self::unlistable(self, kind, why);
    }

    fn problem(&self, part: &str, text: Option<String>) {
        Self::problem(self, part, text);
    }
}

/// Which objects are watched, and where they go.
pub struct Watch {
    /// The API server.
    pub api: Api,
    /// Its kinds.
    pub kinds: Kinds,
    /// Told of everything seen.
    pub sink: Arc<dyn Sink>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// For pauses.
    pub random: Random,
    /// Group and kind.
    pub id: GroupKind,
    /// API version to watch in; `None` = the one the server prefers.
    pub api_version: Option<String>,
}

enum Ended {
    /// Take it up again from this version.
    From(String),
    /// That version is too old.
    Expired,
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    object: Value,
}

impl Watch {
    /// Watches until dropped.
    pub async fn run(self) {
        let part = format!("watch {}", self.id.1);
        let mut backoff =
            Backoff::new(self.random.clone(), Duration::from_millis(500), Duration::from_secs(30));
        let mut version: Option<String> = None;
        let mut place: Option<Kind> = None;
        loop {
            let kind = match &place {
                Some(kind) => kind.clone(),
                None => match self.kinds.find(&self.id, self.api_version.as_deref()).await {
                    Ok(Some(kind)) => place.insert(kind).clone(),
                    Ok(None) => {
                        self.sink.unknown(&self.id);
                        sleep(self.random.spread(LOOK_AGAIN)).await;
                        continue;
                    }
                    Err(error) => {
                        self.failed(&part, &error);
                        sleep(backoff.pause()).await;
                        continue;
                    }
                },
            };
            let result = match version.take() {
                None => self.list(&kind).await.map(Ended::From),
                Some(from) => match self.follow(&kind, &from, &mut backoff).await {
                    Err(error) if error.code() == Some(410) => Ok(Ended::Expired),
                    Err(error) => {
                        version = Some(from);
                        Err(error)
                    }
                    ended => ended,
                },
            };
            match result {
                Ok(Ended::From(next)) => {
                    self.sink.problem(&part, None);
                    self.sink.listable(&self.id);
                    version = Some(next);
                }
                Ok(Ended::Expired) => tracing::debug!(kind = self.id.1, "listing anew"),
                // The definition is gone; it may come back.
                Err(error) if error.code() == Some(404) => {
                    (place, version) = (None, None);
                    self.sink.listed(&self.id, &[]);
                    sleep(backoff.pause()).await;
                }
                Err(error) => {
                    self.failed(&part, &error);
                    sleep(error.retry_after().unwrap_or_default().max(backoff.pause())).await;
                }
            }
        }
    }

    /// What is refused for good keeps nobody waiting; anything else may pass in a moment.
    fn failed(&self, part: &str, error: &ApiError) {
        self.metrics.watch_errors.get_or_create(&self.labels()).inc();
        if matches!(error.code(), Some(403 | 405)) {
            let why =
                format!("the agent may not list and watch {}: {error}; extend its ClusterRole", self.id.1);
            self.sink.unlistable(&self.id, why);
        }
        self.sink.problem(part, Some(error.to_string()));
    }

    fn labels(&self) -> KindLabels {
        KindLabels { kind: self.id.1.clone() }
    }

    async fn list(&self, kind: &Kind) -> Result<String, ApiError> {
        let Selection { query: selector, metadata, remember } = self.sink.selection(&self.id);
        let selector = selector.map(|selector| format!("&{selector}")).unwrap_or_default();
        let accept = if metadata { METADATA_LIST } else { JSON };
        self.sink.begin(&self.id);
        self.metrics.lists.get_or_create(&self.labels()).inc();
        // What has to be remembered until the last page; pages before it are handed on and cut down to their names.
        let mut seen = Vec::new();
        let mut query = format!("limit={PAGE}");
        loop {
            let path = format!("{}?{query}{selector}", kind.collection(None));
            let mut list = self.api.get("list", &path, accept).await?;
            let items = list.get_mut("items").map(Value::take).unwrap_or_default();
            let mut items = match items {
                Value::Array(items) => items,
                _ => Vec::new(),
            };
            // Objects in a list do not say what they are.
            for object in items.iter_mut().filter_map(Value::as_object_mut) {
                object.insert("apiVersion".to_owned(), Value::String(kind.api_version.clone()));
                object.insert("kind".to_owned(), Value::String(kind.kind.clone()));
            }
            let text =
                |pointer: &str| list.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            let next = text("/metadata/continue");
            if next.is_empty() {
                seen.append(&mut items);
                self.sink.listed(&self.id, &seen);
                return Ok(text("/metadata/resourceVersion"));
            }
            self.sink.page(&self.id, &items);
            if remember {
                if !metadata {
                    items.iter_mut().for_each(cut_down);
                }
                seen.append(&mut items);
            }
            query = format!("limit={PAGE}&continue={}", encoded(&next));
        }
    }

    async fn follow(&self, kind: &Kind, from: &str, backoff: &mut Backoff) -> Result<Ended, ApiError> {
        let Selection { query: selector, metadata, .. } = self.sink.selection(&self.id);
        let selector = selector.map(|selector| format!("&{selector}")).unwrap_or_default();
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={from}{selector}",
            kind.collection(None)
        );
        let accept = if metadata { METADATA } else { JSON };
        self.metrics.watches.get_or_create(&self.labels()).inc();
        let mut body = self.api.watch(&path, accept).await?;
        let mut version = from.to_owned();
        let mut buffer = Vec::new();
        while let Some(line) = next_line(&mut body, &mut buffer).await {
            let Ok(event) = serde_json::from_slice::<Event>(&line) else { break };
            backoff.reset();
            if let Some(seen) = event.object.pointer("/metadata/resourceVersion").and_then(Value::as_str) {
                seen.clone_into(&mut version);
            }
            match event.r#type.as_str() {
                "ADDED" | "MODIFIED" => self.sink.event(&self.id, &event.object, false),
                "DELETED" => self.sink.event(&self.id, &event.object, true),
                "ERROR" => {
                    let expired = event.object.get("code").and_then(Value::as_u64) == Some(410);
                    return Ok(if expired { Ended::Expired } else { Ended::From(version) });
                }
                _ => {}
            }
        }
        // A server that ends every watch at once is not to be asked without a pause.
        if version == from {
            sleep(backoff.pause()).await;
        }
        Ok(Ended::From(version))
    }
}

/// The next line of a stream; `None` when it has ended or is dead.
async fn next_line(body: &mut Body, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut searched = 0;
    loop {
        if let Some(at) = buffer[searched..].iter().position(|byte| *byte == b'\n') {
            let rest = buffer.split_off(searched + at + 1);
            return Some(std::mem::replace(buffer, rest));
        }
        searched = buffer.len();
        if searched > LARGEST_EVENT {
            return None;
        }
        let frame = timeout(Duration::from_secs(WATCH_SECONDS) + MARGIN, body.frame()).await.ok()??.ok()?;
        if let Ok(data) = frame.into_data() {
            buffer.extend_from_slice(&data);
        }
    }
}

/// Leaves what tells an object from others; EndpointSlices have nothing but what is needed.
fn cut_down(object: &mut Value) {
    if object.get("kind").and_then(Value::as_str) == Some("EndpointSlice") {
        return;
    }
    if let Some(object) = object.as_object_mut() {
        object.retain(|field, _| matches!(field.as_str(), "apiVersion" | "kind" | "metadata"));
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|field, _| {
                matches!(field.as_str(), "name" | "namespace" | "uid" | "resourceVersion" | "labels")
            });
        }
    }
}

/// Percent-encoded for a query.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}
