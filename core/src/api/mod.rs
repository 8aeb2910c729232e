//! What people and programs read of the hub over HTTP, beside [`crate::status`] and [`crate::protocol`]: pages of lists, summaries, and
//! what streams and waits answer. The hub serves it, `shipperctl` and the web UI show it; `docs/http-api.md` tells how to use it.
//!
//! Everything here is made from what the loop said, without a clock: two hubs that said the same answer the same.

mod event;
mod evidence;
mod failing;
mod fleet;
mod measurement;
mod page;
mod pods;
mod release;
mod summary;
mod version;
mod wait;

pub use event::{Commit, EventFilter, TimelineEvent};
pub use evidence::{Evidence, EvidenceOfMany, MAX_ASKED, ReportsOf};
pub use failing::{Failing, FailingPods};
pub use fleet::{ApplicationCounts, BlockCounts, ClusterCounts, FleetPods, FleetSummary};
pub use measurement::{GateEnd, Measurement, WantedMeasure};
pub use page::{ALWAYS_GIVEN, DEFAULT_LIMIT, MAX_LIMIT, Page};
pub use pods::{PodCounts, PodExample, PodState, PodsByState, ReleasePods, troubles};
pub use release::{ReleaseView, Role};
pub use summary::{ApplicationSummary, PlacedCounts, RolloutState, WaitingSummary};
pub use version::{RunningRelease, running};
pub use wait::{Followed, Goal, MAX_WAIT_SECONDS, Waited};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET` here is a page of the timeline, newest first; with `?watch` a stream of new entries, events [`EVENT`] with a [`TimelineEvent`].
pub const TIMELINE: &str = "/api/v1/events";
/// `GET` here is the [`FleetSummary`].
pub const SUMMARY: &str = "/api/v1/summary";
/// `GET` here is a page of [`RunningRelease`]: which release is where.
pub const VERSIONS: &str = "/api/v1/versions";
/// `GET` here with `?application=namespace/name`, once for each application up to [`MAX_ASKED`], is [`EvidenceOfMany`]: what decisions on
/// them rest on, also before there is such an application.
pub const EVIDENCE: &str = "/api/v1/evidence";
/// `GET` here is a stream of events [`CHANGED`] with [`Changed`], at most four a second.
pub const WATCH: &str = "/api/v1/watch";
/// `GET` here is the description of the API, in OpenAPI 3.1.
pub const OPENAPI: &str = "/openapi.json";

/// Below an application: its part of the timeline.
pub const EVENTS_OF: &str = "events";
/// Below an application: a page of [`ReleaseView`], newest first.
pub const RELEASES_OF: &str = "releases";
/// Below an application: a page of [`ReleasePods`], newest release first.
pub const PODS_OF: &str = "pods";
/// Below an application: a page of [`Measurement`], newest first.
pub const MEASUREMENTS_OF: &str = "measurements";
/// Below an application: waits until something is so, and answers [`Waited`].
pub const WAIT: &str = "wait";

/// Name of the server-sent event whose data is a [`crate::status::ApplicationStatus`].
pub const APPLICATION: &str = "application";
/// Name of the server-sent event whose data is a [`TimelineEvent`]; its id goes on from there, as `Last-Event-ID`.
pub const EVENT: &str = "event";
/// Name of the server-sent event whose data is a [`Page`]; its id is the mark of that page, to be said as `Last-Event-ID`.
pub const PAGE: &str = "page";
/// Name of the server-sent event whose data is [`Changed`].
pub const CHANGED: &str = "changed";

/// Something that people are told of changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Grows with every change, and begins anew with the hub.
    pub revision: u64,
}
