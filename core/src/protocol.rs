//! The messages between agent and hub, beside [`crate::report::Report`], and what the hub says of itself. HTTP with JSON; see `docs/architecture.md`.

use crate::condition::Condition;
use crate::intent::Problem;
use crate::resources::Resources;
use crate::standing::Standing;
use crate::status::{Departure, DepartureStage, Liveness};
use crate::{AppKey, ClusterName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST` here opens a session: [`SessionRequest`] in, [`Session`] out.
pub const SESSIONS: &str = "/api/v1/agent/sessions";
/// `POST` here takes a report: [`crate::report::Report`] in, [`Accepted`] out; 409 = the session is not known, open another.
pub const REPORTS: &str = "/api/v1/agent/reports";
/// `GET` here is a stream of server-sent events [`TARGET`] with [`TargetEvent`] as data, the present one at once.
pub const EVENTS: &str = "/api/v1/agent/events";
/// Name of the server-sent event whose data is a [`TargetEvent`].
pub const TARGET: &str = "target";
/// `GET` here is a page of [`crate::api::ApplicationSummary`]; `/{namespace}/{name}` below it is a [`crate::status::ApplicationStatus`].
pub const APPLICATIONS: &str = "/api/v1/applications";
/// `GET` at `/{namespace}/{name}/` and this, below [`APPLICATIONS`], is the [`crate::why::Why`] of an application.
pub const WHY: &str = "why";
/// `GET` here is a page of [`crate::status::BlockStatus`], every rollout block at this moment.
pub const BLOCKS: &str = "/api/v1/blocks";
/// `GET` here is a page of [`ClusterOverview`]; `/{name}` below it is a [`ClusterView`].
pub const CLUSTERS: &str = "/api/v1/clusters";
/// `GET` here is the [`HubStatus`].
pub const STATUS: &str = "/api/v1/status";
/// `POST` here says that something was pushed: a hint to look, its body is not read for content.
pub const WEBHOOK: &str = "/api/v1/webhook";

/// An agent introduces itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionRequest {
    /// The cluster it acts in; must be the one its credential is for.
    pub cluster: ClusterName,
    /// UID of the cluster's `kube-system` namespace.
    pub cluster_uid: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Whole seconds since a hub that acts last answered it, or since it began; absent = from an agent that does not say [A6].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unheard_seconds: Option<u64>,
}

/// A session: reports are numbered within it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Its name; unguessable, new for every request.
    pub session: String,
    /// Seconds after which the agent reports even if nothing changed.
    pub heartbeat_seconds: u32,
}

/// A report is stored: it will not be lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The number of the newest report stored for this session.
    pub sequence: u64,
    /// The state commit that the hub knows as the newest, in hex.
    #[schema(required)]
    pub commit: Option<String>,
}

/// There may be something new for the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetEvent {
    /// The state commit, in hex. A hint where to look; what counts is what the repository says.
    pub commit: String,
}

/// What the hub says of itself and of the fleet repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HubStatus {
    /// Version of the hub.
    pub version: String,
    /// The commit of `main` that is in force, in hex.
    #[schema(required)]
    pub source: Option<String>,
    /// The newest commit of the state branch, in hex.
    #[schema(required)]
    pub state: Option<String>,
    /// Whether this hub may plan and write; absent = it has not read the repository yet [A6].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Epoch of the state branch.
    pub epoch: u64,
    /// Generation of the state branch.
    pub generation: u64,
    /// When the repository was last looked at with success.
    #[schema(required)]
    pub looked_at: Option<Timestamp>,
    /// Conditions that concern everything.
    pub conditions: Vec<Condition>,
    /// The history that is not followed, while that stops everything [X3].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedHistory>,
    /// Files on `main` that are refused or warned about [I1].
    pub problems: Vec<Problem>,
    /// The clusters of the fleet.
    pub clusters: Vec<FleetCluster>,
}

/// A branch whose history is not followed, and what a person would accept [X3].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedHistory {
    /// Full name of the branch.
    pub branch: String,
    /// The commit it is at, in hex.
    pub commit: String,
    /// What was in force before, in hex: commits that the hub or agents had followed.
    pub supersedes: Vec<String>,
}

/// A cluster of the fleet as the hub sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetCluster {
    /// Its name.
    pub name: ClusterName,
    /// Its region.
    pub region: String,
    /// Whether its agent reports.
    pub liveness: Liveness,
    /// When it last reported.
    #[schema(required)]
    pub last_report: Option<Timestamp>,
    /// Version of its agent.
    #[schema(required)]
    pub agent_version: Option<String>,
    /// The state commit it works on, in hex.
    #[schema(required)]
    pub commit: Option<String>,
    /// What is wrong with its agent, in words.
    pub problems: Vec<String>,
    /// Cordoned: it gets no application that it does not have.
    #[serde(default)]
    #[schema(required)]
    pub unschedulable: bool,
    /// Drained: its applications move elsewhere [S4].
    #[serde(default)]
    #[schema(required)]
    pub drain: bool,
    /// What it offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// What its nodes have free; absent = it does not say [S1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<Resources>,
}

/// A cluster and how many applications it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterOverview {
    /// The cluster.
    #[serde(flatten)]
    pub cluster: FleetCluster,
    /// Applications that have something there.
    pub applications: usize,
    /// Those of them that are on their way out.
    pub leaving: usize,
    /// Those of them that are to leave and cannot.
    pub held: usize,
}

/// A cluster and its applications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    /// The cluster.
    #[serde(flatten)]
    pub cluster: FleetCluster,
    /// Its applications in the order of their names.
    pub applications: Vec<ClusterApplication>,
}

impl ClusterView {
    /// The same in numbers.
    pub fn overview(self) -> ClusterOverview {
        let held = |one: &ClusterApplication| {
            one.departure.as_ref().is_some_and(|departure| departure.stage == DepartureStage::Held)
        };
        ClusterOverview {
            applications: self.applications.len(),
            leaving: self.applications.iter().filter(|one| one.departure.is_some() && !held(one)).count(),
            held: self.applications.iter().filter(|one| held(one)).count(),
            cluster: self.cluster,
        }
    }
}

/// An application in a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterApplication {
    /// Which application.
    pub application: AppKey,
    /// That it is to leave the cluster, how far that is, and what it waits for; absent = it stays [S2, S4].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<Departure>,
}
