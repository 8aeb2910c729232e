//! The timeline: what happened, newest first.

use crate::{AppKey, ClusterName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// An entry of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEvent {
    /// When it happened, by the hub's clock.
    pub at: Timestamp,
    /// The application it concerns.
    #[schema(required)]
    pub application: Option<AppKey>,
    /// The cluster it concerns.
    #[schema(required)]
    pub cluster: Option<ClusterName>,
    /// A word for programs, such as `StepAchieved`.
    pub reason: String,
    /// In words.
    pub message: String,
    /// The commit on `main` by which people asked for it; absent = the hub did it by itself, or it happened in a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
}

/// A commit that somebody made on `main`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Its id, in hex.
    pub id: String,
    /// The name of its author; absent = the hub has no such commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The first line of its message; absent = the hub has no such commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// Which entries are asked for: those that fit everything that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of one application.
    pub application: Option<AppKey>,
    /// Of the applications of one namespace.
    pub namespace: Option<String>,
    /// Of the applications of these namespaces, and none that concern no application; `None` = whatever they concern.
    pub within: Option<BTreeSet<String>>,
    /// Of one cluster.
    pub cluster: Option<ClusterName>,
    /// Of one reason.
    pub reason: Option<String>,
    /// From then on.
    pub since: Option<Timestamp>,
}

impl EventFilter {
    /// Whether the entry is asked for.
    pub fn fits(&self, event: &TimelineEvent) -> bool {
        let namespace = event.application.as_ref().map(|application| application.namespace.as_str());
        self.application.as_ref().is_none_or(|wanted| event.application.as_ref() == Some(wanted))
            && self.namespace.as_deref().is_none_or(|wanted| namespace == Some(wanted))
            && self
                .within
                .as_ref()
                .is_none_or(|within| namespace.is_some_and(|namespace| within.contains(namespace)))
            && self.cluster.as_ref().is_none_or(|wanted| event.cluster.as_ref() == Some(wanted))
            && self.reason.as_ref().is_none_or(|wanted| event.reason == *wanted)
            && self.since.is_none_or(|since| event.at >= since)
    }
}
