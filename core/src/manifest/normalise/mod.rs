//! Rendered objects made into the objects of one release.
//!
//! The rules, in the order they are followed:
//!
//! 1. *Read.* Lists are taken apart. Objects with `helm.sh/hook` (hooks and tests) are left out: Shipper runs no hooks. `status`, nulls and what
//!    only a server sets are dropped.
//! 2. *Place.* Namespaced objects without a namespace are in the application's. Objects elsewhere, or of the whole cluster, need
//!    `allowClusterScope`; Secrets with contents need `allowSecrets`.
//! 3. *Scope.* By the annotation `shipper.dev/scope`, else by kind ([`Scope::of_kind`]), with two exceptions that would otherwise
//!    act on nothing: an autoscaler of an application-scoped workload, and a PodDisruptionBudget that selects pods of
//!    application-scoped workloads only, are application-scoped. ConfigMaps and Secrets are release-scoped whoever uses them;
//!    an application-scoped StatefulSet uses those of the release whose version of it is applied, and so restarts with each
//!    release. The annotation is written where the scope is not that of the kind.
//! 4. *Traffic.* One Service takes the application's traffic (see `traffic`).
//! 5. *Names.* Release-scoped objects get the release's suffix, and references follow (see `names`, `refs`).
//! 6. *Labels.* Application on every object and pod; release on release-scoped objects and their pods, and in what selects them.
//!
//! The result depends on the set of rendered objects and the context alone: it is sorted in install order, then by name.

mod input;
mod marks;
mod names;
mod problem;
mod scopes;
mod traffic;

#[cfg(test)]
mod tests;

pub use problem::{Keys, RenderProblem};

use super::refs::Renames;
use super::{ObjectKey, Scope, install_rank};
use crate::{AppKey, ReleaseName, yaml};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What the objects belong to, and what the application allows.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The application; its namespace is where the objects go.
    pub application: &'a AppKey,
    /// The release, whose name gives the suffix.
    pub release: &'a ReleaseName,
    /// The strategy names traffic and the application's traffic mode is `podLabels`: there must be one Service that takes the
    /// traffic of the release's Deployments.
    pub manages_traffic: bool,
    /// Objects outside the application's namespace are allowed.
    pub allow_cluster_scope: bool,
    /// Secrets with contents are allowed.
    pub allow_secrets: bool,
}

/// An object on its way.
struct Object {
    /// As rendered, with the namespace filled in.
    key: ObjectKey,
    scope: Scope,
    value: Value,
}

/// Turns what was rendered (a YAML stream) into the manifests of a release; the same objects and context give the same bytes.
///
/// # Errors
/// When the stream cannot be read, or holds what the application may not have or cannot work with [I3].
pub fn normalise(rendered: &[u8], context: &Context<'_>) -> Result<Vec<u8>, RenderProblem> {
    let mut objects = input::read(rendered, context)?;
    scopes::decide(&mut objects)?;
    let traffic = traffic::choose(&objects, context)?;
    let renames = names::renames(&objects, context);
    for object in &mut objects {
        renames.rewrite(&mut object.value, &object.key);
        marks::set(object, context, traffic.as_ref() == Some(&object.key));
        if let Some(name) = renames.of(&object.key) {
            object.value["metadata"]["name"] = Value::from(name);
        }
    }
    let objects = sorted(objects, &renames)?;
    Ok(yaml::write_documents(&objects)?)
}

/// In install order, each with its fields in alphabetical order.
fn sorted(objects: Vec<Object>, renames: &Renames) -> Result<Vec<Value>, RenderProblem> {
    let mut documents = BTreeMap::new();
    let mut twice = BTreeSet::new();
    for Object { mut key, value, .. } in objects {
        if let Some(name) = renames.of(&key) {
            key.name = name.to_owned();
        }
        if documents.insert((install_rank(&key.kind), key.clone()), with_sorted_fields(value)).is_some() {
            twice.insert(key);
        }
    }
    if twice.is_empty() {
        Ok(documents.into_values().collect())
    } else {
        Err(RenderProblem::Duplicate(twice.into()))
    }
}

/// Whatever order the JSON library keeps, the bytes are the same.
fn with_sorted_fields(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let fields: BTreeMap<String, Value> = map.into_iter().collect();
            Value::Object(
                fields.into_iter().map(|(field, value)| (field, with_sorted_fields(value))).collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(with_sorted_fields).collect()),
        scalar => scalar,
    }
}

/// The annotation `name` of an object.
fn annotation<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

/// The label `name` of an object.
fn label<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get("metadata")?.get("labels")?.get(name)?.as_str()
}

/// The labels of a workload's pods as rendered; `None` for what makes no pods.
fn pod_labels(object: &Object) -> Option<Map<String, Value>> {
    let template = object.value.pointer(super::pods::template(&object.key)?)?;
    Some(template.pointer("/metadata/labels").and_then(Value::as_object).cloned().unwrap_or_default())
}
