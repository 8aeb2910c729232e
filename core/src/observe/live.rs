//! A small view of a live object.

use super::judgement::{Judgement, judge};
use super::{PROPAGATION, at};
use crate::{ReleaseName, labels};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is kept of a live object.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// It is being deleted.
    pub terminating: bool,
    /// The ApplySet it says it belongs to; `None` = nobody's, or another tool's.
    pub set: Option<String>,
    /// The release it belongs to.
    pub release: Option<ReleaseName>,
    /// Digest of the manifest that was applied last.
    pub applied: Option<String>,
    /// No removal may delete it [X1].
    pub keep: bool,
    /// It was taken over and still has the selector that it had [C8].
    pub adopted: bool,
    /// Ready pods that its status tells of: what stateful sets and others have whose pods carry no release.
    pub ready: u32,
    /// `fieldsV1` of our field manager as JSON; empty = we own nothing of it.
    pub fields: Box<str>,
    /// Who else wrote it, for messages: the managers of its fields, those of its status aside.
    pub managers: Vec<String>,
    /// What its kind adds.
    pub view: View,
}

/// What a kind adds.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    /// `apps/v1` Deployment.
    Deployment(DeploymentView),
    /// `v1` Service.
    Service(ServiceView),
    /// `autoscaling` HorizontalPodAutoscaler.
    Autoscaler(AutoscalerView),
    /// A workload that is judged by its own status.
    Judged(Judgement),
    /// CustomResourceDefinition: whether it is established.
    Crd {
        /// Its condition `Established`.
        established: bool,
    },
    /// Anything else.
    Other,
}

/// A Deployment's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentView {
    /// `spec.replicas`.
    pub replicas: u32,
    /// Whether our field manager owns `spec.replicas`; if not, another set it.
    pub owns_replicas: bool,
    /// `status.observedGeneration` has reached `metadata.generation`.
    pub observed: bool,
    /// When a raise of `spec.replicas` was first seen to be observed; where none was seen, when the Deployment was first seen.
    pub raised: Option<Timestamp>,
    /// A larger `spec.replicas` that was asked for before, while the ReplicaSet controller may still be about to obey what came since.
    pub lowered: Option<Lowered>,
    /// `status.replicas`.
    pub total: u32,
    /// `status.updatedReplicas`.
    pub updated: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
    /// `status.availableReplicas`.
    pub available: u32,
    /// Message of the condition `ReplicaFailure`: pods that cannot be created, for example by quota.
    pub replica_failure: Option<String>,
}

/// A count of replicas that is asked for no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// `spec.replicas` as it was.
    pub from: u32,
    /// When the count of now was first seen to be observed; until then, when anything of it was seen last.
    pub since: Timestamp,
    /// Not all of its pods were there, or it was raised since: when `status.replicas` fits, that proves nothing.
    pub unclear: bool,
}

/// An autoscaler's bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AutoscalerView {
    /// `spec.minReplicas`.
    pub minimum: u32,
    /// `spec.maxReplicas`.
    pub maximum: u32,
    /// Whether our field manager owns both.
    pub owned: bool,
}

/// What traffic needs to know of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceView {
    /// `spec.selector`.
    pub selector: BTreeMap<String, String>,
    /// When this observer first saw it to be so.
    pub selects_since: Option<Timestamp>,
    /// Whether our field manager owns `spec.selector`; if not, another set it.
    pub owns_selector: bool,
    /// `spec.clusterIP`.
    pub cluster_ip: String,
    /// Node ports by port number and protocol, to ask for them again when the Service has to be made anew [C7].
    pub node_ports: BTreeMap<(u32, String), u32>,
}

impl Live {
    /// The view of an object; `None` where it has no UID.
    pub fn of(object: &Value) -> Option<Self> {
        let metadata = object.get("metadata")?;
        let text = |name: &str| metadata.get(name).and_then(Value::as_str);
        let label = |name: &str| metadata.get("labels")?.get(name)?.as_str();
        let annotation = |name: &str| metadata.get("annotations")?.get(name)?.as_str();
        let entries = metadata.get("managedFields").and_then(Value::as_array);
        let entries = entries.map(Vec::as_slice).unwrap_or_default();
        let manager = |entry: &Value| entry.get("manager").and_then(Value::as_str).map(str::to_owned);
        let ours = entries.iter().find(|entry| {
            entry.get("manager").and_then(Value::as_str) == Some(labels::FIELD_MANAGER)
                && entry.get("operation").and_then(Value::as_str) == Some("Apply")
                && entry.get("subresource").and_then(Value::as_str).unwrap_or_default().is_empty()
        });
        let fields = ours.and_then(|entry| entry.get("fieldsV1"));
        let status =
            |entry: &&Value| entry.get("subresource").and_then(Value::as_str).unwrap_or_default() == "status";
        let others = entries.iter().filter(|entry| !status(entry)).filter_map(manager);
        let mut managers: Vec<String> = others.filter(|name| name != labels::FIELD_MANAGER).collect();
        managers.sort();
        managers.dedup();
        Some(Self {
            uid: text("uid")?.to_owned(),
            resource_version: text("resourceVersion").unwrap_or_default().to_owned(),
            terminating: metadata.get("deletionTimestamp").is_some_and(|at| !at.is_null()),
            set: label(labels::APPLYSET_PART_OF).map(str::to_owned),
            release: label(labels::RELEASE).map(ReleaseName::from),
            applied: annotation(labels::APPLIED).map(str::to_owned),
            // Whoever wrote anything else than `false` meant to keep it.
            keep: annotation(labels::KEEP).is_some_and(|value| value != "false"),
            adopted: annotation(labels::ADOPTED) == Some("true"),
            ready: ["/status/readyReplicas", "/status/numberReady"]
                .iter()
                .find_map(|path| at(object, path)?.as_u64())
                .map_or(0, |ready| u32::try_from(ready).unwrap_or(u32::MAX)),
            view: View::of(object, fields),
            fields: fields.map(ToString::to_string).unwrap_or_default().into(),
            managers,
        })
    }

    /// Its Deployment numbers, if it is one.
    pub fn deployment(&self) -> Option<&DeploymentView> {
        match &self.view {
            View::Deployment(view) => Some(view),
            _ => None,
        }
    }

    /// Its bounds, if it is an autoscaler.
    pub fn autoscaler(&self) -> Option<&AutoscalerView> {
        match &self.view {
            View::Autoscaler(view) => Some(view),
            _ => None,
        }
    }

    /// Its Service view, if it is one.
    pub fn service(&self) -> Option<&ServiceView> {
        match &self.view {
            View::Service(view) => Some(view),
            _ => None,
        }
    }
}

impl ServiceView {
    /// Takes over since when it selects as it does.
    pub(super) fn continue_from(&mut self, earlier: Option<&Self>, now: Timestamp) {
        let same = earlier.filter(|earlier| earlier.selector == self.selector);
        self.selects_since = same.map_or(Some(now), |earlier| earlier.selects_since);
    }
}

impl DeploymentView {
    /// Takes over since when the replicas are as they are.
    pub(super) fn continue_from(&mut self, earlier: Option<&Self>, now: Timestamp) {
        let raised = |earlier: &Self| self.replicas > earlier.replicas || !self.observed || !earlier.observed;
        self.raised = earlier.filter(|earlier| !raised(earlier)).map_or(Some(now), |earlier| earlier.raised);
        self.lowered = match earlier {
            Some(earlier) => self.lowered_from(earlier, now),
            // Whoever saw it lowered is gone.
            None => (self.total > self.replicas).then_some(Lowered {
                from: self.total,
                since: now,
                unclear: !self.observed,
            }),
        };
    }

    fn lowered_from(&self, earlier: &Self, now: Timestamp) -> Option<Lowered> {
        let before = earlier.lowering(now);
        let lowered = (self.replicas < earlier.replicas).then_some(earlier.replicas);
        let all_there = earlier.observed && earlier.total >= earlier.replicas;
        let seen = self.observed && earlier.observed;
        let same = before.filter(|_| seen && self.replicas == earlier.replicas);
        Some(Lowered {
            from: before.map(|before| before.from).max(lowered)?,
            since: same.map_or(now, |before| before.since),
            unclear: before.is_some_and(|b| b.unclear || self.replicas > earlier.replicas)
                || (lowered.is_some() && !all_there),
        })
    }

    /// What it was lowered from, while the ReplicaSet controller may not have obeyed yet, for all that is known. A Deployment that rolls
    /// its pods by itself has more of them for as long as that takes.
    pub(crate) fn lowering(&self, now: Timestamp) -> Option<Lowered> {
        let long = |since| Duration::try_from(now.duration_since(since)).unwrap_or_default() >= PROPAGATION;
        let obeyed = |lowered: &Lowered| {
            let fits = self.total <= self.replicas;
            let rolls = self.updated < self.total;
            self.observed
                && (fits || (rolls && long(lowered.since)))
                && (!lowered.unclear || long(lowered.since))
        };
        self.lowered.filter(|lowered| !obeyed(lowered))
    }
}

impl View {
    fn of(object: &Value, fields: Option<&Value>) -> Self {
        let group = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
        match (group, kind) {
            ("apps/v1", "Deployment") => Self::Deployment(deployment(object, fields)),
            (group, "HorizontalPodAutoscaler") if group.starts_with("autoscaling/") => {
                Self::Autoscaler(autoscaler(object, fields))
            }
            ("v1", "Service") => Self::Service(service(object, fields)),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition") => Self::Crd {
                established: condition(object, "Established").is_some_and(|(status, _)| status == "True"),
            },
            _ => judge(object).map_or(Self::Other, Self::Judged),
        }
    }
}

fn number(object: &Value, path: &str) -> u32 {
    at(object, path).and_then(Value::as_u64).map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX))
}

/// Status and message of a condition.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<(&'a str, &'a Value)> {
    let conditions = at(object, "/status/conditions")?.as_array()?;
    let condition = conditions.iter().find(|c| c.get("type").and_then(Value::as_str) == Some(kind))?;
    Some((condition.get("status")?.as_str()?, condition))
}

fn deployment(object: &Value, fields: Option<&Value>) -> DeploymentView {
    let generation = at(object, "/metadata/generation").and_then(Value::as_u64).unwrap_or(0);
    let observed = at(object, "/status/observedGeneration").and_then(Value::as_u64).unwrap_or(0);
    let failure = condition(object, "ReplicaFailure").filter(|(status, _)| *status == "True");
    DeploymentView {
        replicas: at(object, "/spec/replicas")
            .and_then(Value::as_u64)
            .map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        owns_replicas: fields.is_some_and(|fields| at(fields, "/f:spec/f:replicas").is_some()),
        observed: observed >= generation,
        raised: None,
        lowered: None,
        total: number(object, "/status/replicas"),
        updated: number(object, "/status/updatedReplicas"),
        ready: number(object, "/status/readyReplicas"),
        available: number(object, "/status/availableReplicas"),
        replica_failure: failure.map(|(_, c)| {
            c.get("message").and_then(Value::as_str).unwrap_or("pods cannot be created").to_owned()
        }),
    }
}

fn autoscaler(object: &Value, fields: Option<&Value>) -> AutoscalerView {
    let owns = |field: &str| fields.is_some_and(|fields| at(fields, field).is_some());
    AutoscalerView {
        minimum: at(object, "/spec/minReplicas").map_or(1, |_| number(object, "/spec/minReplicas")),
        maximum: number(object, "/spec/maxReplicas"),
        owned: owns("/f:spec/f:minReplicas") && owns("/f:spec/f:maxReplicas"),
    }
}

fn service(object: &Value, fields: Option<&Value>) -> ServiceView {
    let selector = at(object, "/spec/selector")
        .and_then(Value::as_object)
        .map(|map| map.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect())
        .unwrap_or_default();
    let ports = at(object, "/spec/ports").and_then(Value::as_array);
    let node_ports = ports
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(|port| {
            let node = u32::try_from(port.get("nodePort")?.as_u64()?).ok()?;
            let number = u32::try_from(port.get("port")?.as_u64()?).ok()?;
            let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
            Some(((number, protocol.to_owned()), node))
        })
        .collect();
    ServiceView {
        selector,
        selects_since: None,
        owns_selector: fields.is_some_and(|fields| at(fields, "/f:spec/f:selector").is_some()),
        cluster_ip: at(object, "/spec/clusterIP").and_then(Value::as_str).unwrap_or_default().to_owned(),
        node_ports,
    }
}
