//! Normalised manifests as the agent reads them.

use super::{ObjectKey, Scope, secret};
use crate::{hash, labels, yaml};
use serde_json::Value;
use std::collections::BTreeMap;

/// The objects of one release for one cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifests {
    /// In install order [C10].
    pub objects: Vec<ManifestObject>,
}

/// One object as it is to be applied, but for `replicas` and the traffic selector, which converge decides.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestObject {
    /// Its identity.
    pub key: ObjectKey,
    /// Whose it is.
    pub scope: Scope,
    /// Hash of the whole object; kept on the applied object as [`labels::APPLIED`].
    pub digest: String,
    /// The object.
    pub value: Value,
}

/// Why a manifest file of the state branch cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not YAML.
    #[error("manifests cannot be read")]
    Yaml(#[from] yaml::Error),
    /// A document is not an object.
    #[error("document {index} of the manifests has no apiVersion, kind or name")]
    NotAnObject {
        /// Its place, from 1.
        index: usize,
    },
}

impl Manifests {
    /// Reads normalised manifests.
    ///
    /// # Errors
    /// When a document is not YAML or not an object.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut objects = Vec::new();
        for (index, mut value) in yaml::read_documents(bytes)?.into_iter().enumerate() {
            secret::stored(&mut value);
            let key = ObjectKey::of(&value).ok_or(ParseError::NotAnObject { index: index + 1 })?;
            let scope = match annotation(&value, labels::SCOPE) {
                Some("release") => Scope::Release,
                Some("application") => Scope::Application,
                _ => Scope::of_kind(&key.group, &key.kind),
            };
            objects.push(ManifestObject { digest: hash::short(&value, 16), key, scope, value });
        }
        objects.sort_by_key(|object| super::install_rank(&object.key.kind));
        Ok(Self { objects })
    }

    /// The Deployments of the release.
    pub fn deployments(&self) -> impl Iterator<Item = &ManifestObject> {
        self.objects.iter().filter(|o| o.scope == Scope::Release && o.key.is("apps", "Deployment"))
    }

    /// The Service that takes the application's traffic: the one marked so by the normalisation.
    pub fn traffic_service(&self) -> Option<&ManifestObject> {
        self.objects
            .iter()
            .find(|o| o.key.is("", "Service") && annotation(&o.value, labels::TRAFFIC) == Some("true"))
    }
}

impl ManifestObject {
    /// An annotation of the object itself.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        annotation(&self.value, name)
    }

    /// `spec.replicas`; 1 where absent, as Kubernetes defaults it.
    pub fn replicas(&self) -> u32 {
        self.value
            .pointer("/spec/replicas")
            .and_then(Value::as_u64)
            .map_or(1, |replicas| u32::try_from(replicas).unwrap_or(u32::MAX))
    }

    /// `spec.minReadySeconds`; 0 where absent.
    pub fn min_ready_seconds(&self) -> u32 {
        self.value
            .pointer("/spec/minReadySeconds")
            .and_then(Value::as_u64)
            .map_or(0, |s| u32::try_from(s).unwrap_or(u32::MAX))
    }

    /// The labels of the pod template.
    pub fn pod_labels(&self) -> BTreeMap<String, String> {
        string_map(self.value.pointer("/spec/template/metadata/labels"))
    }

    /// `spec.selector` of a Service.
    pub fn service_selector(&self) -> BTreeMap<String, String> {
        string_map(self.value.pointer("/spec/selector"))
    }
}

fn string_map(value: Option<&Value>) -> BTreeMap<String, String> {
    value
        .and_then(Value::as_object)
        .map(|map| map.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect())
        .unwrap_or_default()
}

fn annotation<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get("metadata")?.get("annotations")?.get(name)?.as_str()
}
