//! A small view of a pod.

use super::live::condition;
use super::{Repairs, at};
use crate::{ReleaseName, labels};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is kept of a pod. The moments are those at which this observer saw the change.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// The release it belongs to.
    pub release: ReleaseName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// It carries the traffic label.
    pub serving: bool,
    /// It carries a deletion cost below zero.
    pub marked: bool,
    /// When it lost the traffic label, if that was seen.
    pub unlabelled: Option<Timestamp>,
    /// Since when `marked` is as it is.
    pub mark_changed: Timestamp,
    /// It is being deleted, or has ended; such pods count for nothing.
    pub terminating: bool,
    /// Its condition `Ready`.
    pub ready: bool,
    /// Since when `ready` is as it is.
    pub ready_changed: Timestamp,
    /// Since when it is known.
    pub seen_since: Timestamp,
    /// When it was last taken out of the ready addresses of a Service, by the Service's name.
    pub left: BTreeMap<String, Timestamp>,
    /// Why it is not ready: a reason for programs and a message for people.
    pub trouble: Option<(String, String)>,
    /// The field manager that set the traffic label, if it was another than ours.
    pub labelled_by: Option<Box<str>>,
    /// What we made of its traffic label last: whether it is to serve.
    pub asked: Option<bool>,
    /// How often we had to do the same again.
    pub repairs: Option<Box<Repairs>>,
}

impl Pod {
    /// Since when it was seen with the mark at the least, where it came with it: what it lost then, it may have lost a moment before.
    pub fn came_marked(&self) -> Option<Timestamp> {
        (self.marked && self.mark_changed == self.seen_since).then_some(self.seen_since)
    }

    /// The view of a pod as seen now for the first time; `None` where it carries no release.
    pub fn of(object: &Value, now: Timestamp) -> Option<Self> {
        let metadata = object.get("metadata")?;
        let text = |name: &str| Some(metadata.get(name)?.as_str()?.to_owned());
        let labels: BTreeMap<String, String> = metadata
            .get("labels")?
            .as_object()?
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        let cost =
            metadata.get("annotations").and_then(|a| a.get(labels::DELETION_COST)).and_then(Value::as_str);
        let phase = at(object, "/status/phase").and_then(Value::as_str).unwrap_or("Pending");
        let ready = condition(object, "Ready").is_some_and(|(status, _)| status == "True");
        Some(Self {
            name: text("name")?,
            uid: text("uid")?,
            resource_version: text("resourceVersion").unwrap_or_default(),
            release: ReleaseName::from(labels.get(labels::RELEASE)?.as_str()),
            serving: labels.get(labels::TRAFFIC).is_some_and(|value| value == "true"),
            marked: cost.and_then(|cost| cost.parse::<i32>().ok()).is_some_and(|cost| cost < 0),
            unlabelled: None,
            mark_changed: now,
            terminating: metadata.get("deletionTimestamp").is_some_and(|at| !at.is_null())
                || matches!(phase, "Failed" | "Succeeded"),
            ready,
            ready_changed: now,
            seen_since: now,
            left: BTreeMap::new(),
            trouble: if ready { None } else { Some(trouble(object, phase)) },
            labelled_by: labelled_by(metadata),
            asked: None,
            repairs: None,
            labels,
        })
    }

    /// The traffic label was given or taken. Once more the same is a repair [C7].
    pub(super) fn labelled(&mut self, serve: bool, now: Timestamp) {
        if self.asked == Some(serve) {
            let by = self.labelled_by.as_deref().unwrap_or_default();
            self.repairs = Some(Box::new(Repairs::again(self.repairs.as_deref(), by, now)));
        }
        self.asked = Some(serve);
    }

    /// When it may be made to serve, or to serve no more; `None` = at once. A fight over the label has its pauses [C7].
    pub fn label_due(&self, serve: bool) -> Option<Timestamp> {
        self.repairs.as_ref().filter(|_| self.asked == Some(serve))?.due()
    }

    /// Takes over the moments of an earlier view of the same pod, where nothing changed.
    pub(super) fn continue_from(&mut self, earlier: &Self, now: Timestamp) {
        if earlier.uid == self.uid {
            self.unlabelled = if earlier.serving && !self.serving { Some(now) } else { earlier.unlabelled };
            self.seen_since = earlier.seen_since;
            self.left.clone_from(&earlier.left);
            self.asked = earlier.asked;
            self.repairs.clone_from(&earlier.repairs);
            if earlier.marked == self.marked {
                self.mark_changed = earlier.mark_changed;
            }
            if earlier.ready == self.ready {
                self.ready_changed = earlier.ready_changed;
            }
        }
    }
}

fn labelled_by(metadata: &Value) -> Option<Box<str>> {
    let field = format!("f:{}", labels::TRAFFIC);
    let owns =
        |entry: &Value| at(entry, "/fieldsV1/f:metadata/f:labels").and_then(|l| l.get(&field)).is_some();
    let entries = metadata.get("managedFields")?.as_array()?;
    let manager = entries.iter().find(|entry| owns(entry))?.get("manager")?.as_str()?;
    (manager != labels::FIELD_MANAGER).then(|| manager.into())
}

/// Why a pod is not ready, in the order in which a person would look: a container that waits or ended, then scheduling, then its conditions.
fn trouble(object: &Value, phase: &str) -> (String, String) {
    let message = |value: &Value| value.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    for list in ["initContainerStatuses", "containerStatuses"] {
        let statuses = at(object, "/status").and_then(|status| status.get(list)).and_then(Value::as_array);
        for status in statuses.map(Vec::as_slice).unwrap_or_default() {
            let name = status.get("name").and_then(Value::as_str).unwrap_or_default();
            if let Some(waiting) = at(status, "/state/waiting") {
                let reason = waiting.get("reason").and_then(Value::as_str).unwrap_or("Waiting");
                if !matches!(reason, "ContainerCreating" | "PodInitializing") {
                    return (reason.to_owned(), format!("container {name}: {}", message(waiting)));
                }
            }
            if let Some(ended) = at(status, "/state/terminated")
                && ended.get("exitCode").and_then(Value::as_i64) != Some(0)
            {
                let reason = ended.get("reason").and_then(Value::as_str).unwrap_or("Error");
                let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or(-1);
                return (
                    reason.to_owned(),
                    format!("container {name} ended with code {code}: {}", message(ended)),
                );
            }
        }
    }
    if let Some((status, scheduled)) = condition(object, "PodScheduled")
        && status == "False"
    {
        let reason = scheduled.get("reason").and_then(Value::as_str).unwrap_or("Unschedulable");
        return (reason.to_owned(), message(scheduled));
    }
    match condition(object, "Ready") {
        Some((_, ready)) => {
            let reason = ready.get("reason").and_then(Value::as_str).unwrap_or("NotReady");
            (reason.to_owned(), message(ready))
        }
        None => (phase.to_owned(), String::new()),
    }
}
