//! What one release has otherwise than another: images, chart or manifests, and values one by one. What may be secret is not shown,
//! only that it differs. A release of plain manifests says by nothing but its images what is new in it. In a cluster its overrides are merged
//! into the values, by the function that merges them for rendering.

use super::records::Known;
use crate::images::Images;
use crate::ui::words::{cut, short};
use serde_json::{Map, Value};
use shipper_core::manifest::compare::{says_secret, without_named_secrets};
use shipper_core::manifest::{ContainerKey, values};
use shipper_core::state::Environment;
use shipper_core::status::ApplicationStatus;
use shipper_core::{ClusterName, ReleaseName};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Differences that the page shows.
const SHOWN: usize = 40;
/// Characters of a value.
const VALUE: usize = 120;

/// What names a folder of the repository as it is at one moment: only that it is another says something.
const TREES: [&str; 2] = ["chart.tree", "manifests.tree"];

/// What differs.
pub(super) struct Difference {
    /// From which release.
    pub(super) from: String,
    /// To which.
    pub(super) to: String,
    /// One by one.
    pub(super) changes: Changes,
}

/// Differences one by one, as many as a page shows.
#[derive(PartialEq)]
pub(super) struct Changes {
    /// The first of them.
    pub(super) list: Vec<Change>,
    /// How many more there are.
    pub(super) more: usize,
}

/// One difference.
#[derive(PartialEq)]
pub(super) struct Change {
    /// `values.image.tag`, or `Deployment web: image of app`.
    pub(super) path: String,
    /// What it was; `None` = it was not there.
    pub(super) before: Option<String>,
    /// What it is; `None` = it is not there any more.
    pub(super) after: Option<String>,
}

/// The differences between incumbent and contender; nothing where one of them is not known.
pub(super) fn of(status: &ApplicationStatus, known: &Known) -> Option<Difference> {
    between(known, &known.images, (status.incumbent.as_ref()?, status.contender.as_ref()?), None)
}

/// The differences from one release to another, as a cluster gets them or without overrides; nothing where one of them is not known, or
/// where the application is not in the cluster.
pub(super) fn between(
    known: &Known,
    run: &BTreeMap<ReleaseName, Images>,
    (from, to): (&ReleaseName, &ReleaseName),
    cluster: Option<&ClusterName>,
) -> Option<Difference> {
    let (old, new) = (environment(known, from, cluster)?, environment(known, to, cluster)?);
    let changes = images(run, from, to).into_iter().chain(asked(&old, &new));
    Some(Difference { from: from.to_string(), to: to.to_string(), changes: Changes::of(changes) })
}

/// What a release is a version of, in a cluster or as it was written.
fn environment<'k>(
    known: &'k Known,
    release: &ReleaseName,
    cluster: Option<&ClusterName>,
) -> Option<Cow<'k, Environment>> {
    let environment = &known.releases.get(release)?.environment;
    let Some(cluster) = cluster else { return Some(Cow::Borrowed(environment)) };
    let placed = known.placement.as_ref()?.of(cluster)?;
    Some(Cow::Owned(values::in_cluster(environment, cluster, placed)))
}

impl Changes {
    fn of(changes: impl Iterator<Item = Change>) -> Self {
        let mut list: Vec<Change> = changes.collect();
        let more = list.len().saturating_sub(SHOWN);
        list.truncate(SHOWN);
        Self { list, more }
    }

    /// What differs in what was asked for.
    pub(super) fn between(old: &Environment, new: &Environment) -> Self {
        Self::of(asked(old, new).into_iter())
    }
}

fn asked(old: &Environment, new: &Environment) -> Vec<Change> {
    let (old, new) = (leaves(old), leaves(new));
    let paths: BTreeSet<&String> = new.keys().chain(old.keys()).collect();
    let differs = paths.into_iter().filter(|path| new.get(*path) != old.get(*path));
    let change = |path: &String| Change {
        before: old.get(path).map(|value| shown(path, value)),
        after: new.get(path).map(|value| shown(path, value)),
        path: path.clone(),
    };
    differs.map(change).collect()
}

fn shown(path: &str, value: &Value) -> String {
    if says_secret(path) {
        return "hidden".to_owned();
    }
    if TREES.contains(&path) {
        return value.as_str().map_or_else(|| value.to_string(), short);
    }
    let value = without_named_secrets(value.clone());
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    cut(&text, VALUE)
}

/// The images that differ; none where those of one of them are not known, which says nothing of the other.
fn images(run: &BTreeMap<ReleaseName, Images>, from: &ReleaseName, to: &ReleaseName) -> Vec<Change> {
    let (Some(old), Some(new)) = (run.get(from), run.get(to)) else { return Vec::new() };
    let containers: BTreeSet<&ContainerKey> = new.keys().chain(old.keys()).collect();
    let differ = containers.into_iter().filter(|key| new.get(key) != old.get(key));
    let shown = |image: Option<&String>| image.map(|image| cut(image, VALUE));
    differ
        .map(|key| Change {
            path: cut(&format!("{} {}: image of {}", key.kind, key.object, key.container), VALUE),
            before: shown(old.get(key)),
            after: shown(new.get(key)),
        })
        .collect()
}

fn leaves(environment: &Environment) -> BTreeMap<String, Value> {
    let mut leaves = BTreeMap::new();
    if let Ok(Value::Object(whole)) = serde_json::to_value(environment) {
        gather("", &whole, &mut leaves);
    }
    leaves
}

fn gather(path: &str, map: &Map<String, Value>, leaves: &mut BTreeMap<String, Value>) {
    for (key, value) in map {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            Value::Object(inner) if !inner.is_empty() => gather(&path, inner, leaves),
            _ => drop(leaves.insert(path, value.clone())),
        }
    }
}
