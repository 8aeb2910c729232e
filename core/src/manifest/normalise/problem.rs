//! Why rendered manifests cannot become a release [I3]; the text is what people read in the release's record.

use super::super::ObjectKey;
use crate::{labels, yaml};
use std::collections::BTreeSet;
use std::fmt;

/// Why rendered manifests cannot become a release.
#[derive(Debug, thiserror::Error)]
pub enum RenderProblem {
    /// Not YAML, or what came of it cannot be written.
    #[error("the rendered manifests are not usable YAML: {0}")]
    Yaml(#[from] yaml::Error),
    /// No object at all.
    #[error("nothing was rendered: check the values that switch the chart's objects on")]
    Empty,
    /// Hooks and nothing else.
    #[error(
        "nothing but Helm hooks was rendered ({0}), and Shipper runs no hooks: render at least one object without `helm.sh/hook`"
    )]
    OnlyHooks(usize),
    /// A document that is no Kubernetes object.
    #[error(
        "rendered document {index} has no {field}: every document must be a Kubernetes object with apiVersion, kind and metadata.name"
    )]
    NotAnObject {
        /// Its place in the stream, from 1; lists count by their items.
        index: usize,
        /// What is missing.
        field: &'static str,
    },
    /// The same object more than once.
    #[error("rendered more than once: {0}; each object may be rendered once")]
    Duplicate(Keys),
    /// Objects elsewhere than in the application's namespace.
    #[error(
        "outside of namespace {namespace}: {objects}; set `allowClusterScope: true` in the Application to allow that"
    )]
    OutsideNamespace {
        /// The application's namespace.
        namespace: String,
        /// Which.
        objects: Keys,
    },
    /// Secrets with contents.
    #[error(
        "plaintext in {0}; it would be committed to Git: let the chart refer to a Secret that is made in the cluster, or set \
         `allowSecrets: true` in the Application"
    )]
    PlaintextSecrets(Keys),
    /// The scope annotation says what cannot be.
    #[error("{object} cannot have the annotation {annotation}: {value:?}: {reason}", annotation = labels::SCOPE)]
    Scope {
        /// The object.
        object: Box<ObjectKey>,
        /// What the annotation says.
        value: String,
        /// Why not.
        reason: &'static str,
    },
    /// Nothing to shift traffic with.
    #[error(
        "no Service selects the pods of {deployments}, and the strategy shifts traffic: render one (with a cluster IP and a \
         selector), or set `traffic: none` in the Application"
    )]
    NoTrafficService {
        /// The Deployments of the release.
        deployments: Keys,
    },
    /// More than one could take the traffic.
    #[error(
        "several Services could take the application's traffic: {0}; give one of them the label or annotation \
         `{traffic}: \"true\"`",
        traffic = labels::TRAFFIC
    )]
    SeveralTrafficServices(Keys),
    /// The Service that is marked cannot take it.
    #[error("{service} is marked `{traffic}: \"true\"` and cannot take the traffic: {reason}", traffic = labels::TRAFFIC)]
    UnfitTrafficService {
        /// The marked Service.
        service: Box<ObjectKey>,
        /// Why not.
        reason: &'static str,
    },
}

/// Objects in a message: the first few, and how many more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<ObjectKey>);

impl Keys {
    /// The objects, sorted.
    pub fn as_slice(&self) -> &[ObjectKey] {
        &self.0
    }
}

impl From<BTreeSet<ObjectKey>> for Keys {
    fn from(keys: BTreeSet<ObjectKey>) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl FromIterator<ObjectKey> for Keys {
    fn from_iter<T: IntoIterator<Item = ObjectKey>>(keys: T) -> Self {
        keys.into_iter().collect::<BTreeSet<_>>().into()
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A person reads a handful; the rest is in the chart.
        const SHOWN: usize = 5;
        for (i, key) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{key}", if i > 0 { ", " } else { "" })?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
