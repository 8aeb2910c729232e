//! From URL to resource, and query parameters.

use std::time::Duration;

use crate::api::{ListQuery, Match, Subresource, WatchQuery};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::resource::ResourceId;
use crate::selector::{FieldSelector, LabelSelector};

/// What a path names.
#[derive(Debug, PartialEq)]
pub(super) enum Route {
    Version,
    Health,
    Core,
    Groups,
    Group(String),
    Resources(String, String),
    Object(Target),
}

/// A resource, and what of it.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    pub(super) id: ResourceId,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Subresource,
}

pub(super) fn route(cluster: &Cluster, path: &str) -> Result<Route, ApiError> {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["version"] => return Ok(Route::Version),
        ["healthz" | "livez" | "readyz", ..] => return Ok(Route::Health),
        ["api"] => return Ok(Route::Core),
        ["apis"] => return Ok(Route::Groups),
        ["apis", group] => return Ok(Route::Group((*group).to_owned())),
        ["api", version] => return Ok(Route::Resources(String::new(), (*version).to_owned())),
        ["apis", group, version] => return Ok(Route::Resources((*group).to_owned(), (*version).to_owned())),
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Err(ApiError::no_such_path()),
    };
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let find = |plural: &str, namespaced: bool| {
        cluster
            .resource_by_plural(&api_version, plural)
            .filter(|id| cluster.store.resources[id.0].namespaced || !namespaced)
            .ok_or_else(ApiError::no_such_path)
    };
    let (namespace, rest) = match rest {
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] if group.is_empty() => (None, rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
        _ => (None, rest),
    };
    let (plural, name, sub) = match rest {
        [plural] => (*plural, None, ""),
        [plural, name] => (*plural, Some((*name).to_owned()), ""),
        [plural, name, sub] => (*plural, Some((*name).to_owned()), *sub),
        _ => return Err(ApiError::no_such_path()),
    };
    let id = find(plural, namespace.is_some())?;
    let resource = &cluster.store.resources[id.0];
    let subresource = match sub {
        "" => Subresource::None,
        "status" if resource.status => Subresource::Status,
        "scale" if resource.scale => Subresource::Scale,
        _ => return Err(ApiError::no_such_path()),
    };
    Ok(Route::Object(Target { id, namespace, name, subresource }))
}

/// Query parameters, decoded.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|p| !p.is_empty());
        Self(
            pairs
                .map(|p| p.split_once('=').unwrap_or((p, "")))
                .map(|(k, v)| (decode(k), decode(v)))
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str()).unwrap_or_default()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), "true" | "1" | "True")
    }

    fn version(&self) -> Result<Option<u64>, ApiError> {
        match self.get("resourceVersion") {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| ApiError::bad_request(format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"))),
        }
    }

    pub(super) fn list(&self) -> Result<ListQuery, ApiError> {
        Ok(ListQuery {
            labels: LabelSelector::parse(self.get("labelSelector"))?,
            fields: FieldSelector::parse(self.get("fieldSelector"))?,
            limit: self.get("limit").parse().unwrap_or_default(),
            continue_token: self.get("continue").to_owned(),
            version: self.version()?,
            version_match: if self.get("resourceVersionMatch") == "Exact" {
                Match::Exact
            } else {
                Match::NotOlderThan
            },
        })
    }

    pub(super) fn watch(&self) -> Result<WatchQuery, ApiError> {
        Ok(WatchQuery {
            labels: LabelSelector::parse(self.get("labelSelector"))?,
            fields: FieldSelector::parse(self.get("fieldSelector"))?,
            version: self.version()?,
            bookmarks: self.flag("allowWatchBookmarks"),
            send_initial_events: self.flag("sendInitialEvents"),
            timeout: self.get("timeoutSeconds").parse().ok().map(Duration::from_secs),
            lag: None,
        })
    }
}

fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                let hex = std::str::from_utf8(&digits).ok().and_then(|d| u8::from_str_radix(d, 16).ok());
                out.extend(hex);
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
