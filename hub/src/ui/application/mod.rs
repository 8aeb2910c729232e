//! *Application*: where a rollout is, what it waits for, how each cluster fares, which pods fail with which last words, what its gate
//! measured, what happened, and the commands that go on or back.
//!
//! - [`ladder`]: the steps; [`capacity`]: pods and traffic as bars; [`failing`]: pods and objects in trouble, by reason.
//! - [`gate`]: soak time and measurements, those of gates that are over too, each as a [`chart`]; [`history`]: releases with their commits, and the timeline.
//! - [`difference`]: what the contender has otherwise than the incumbent; [`orders`]: the commands to copy.
//! - [`compared`]: the page that compares any two releases, which [`choice`] lets one choose, and [`objects`] object by object, with what
//!   [`overrides`] make of them in a cluster; [`aside`]: where that is done.
//! - [`about`]: what every page on an application begins with; [`records`]: what the loop is asked beyond the status;
//!   [`told`]: the sentence that is read aloud when it changes.

mod about;
mod aside;
mod capacity;
mod chart;
mod choice;
pub mod compared;
mod difference;
mod failing;
mod gate;
mod history;
mod ladder;
mod objects;
mod orders;
mod overrides;
pub mod records;
#[cfg(test)]
mod tests;
mod told;

pub use about::About;
pub(super) use about::unknown;

use super::answer;
use super::frame::Frame;
use super::mood::{self, Mood};
use super::words::{application, encode};
use crate::http::measurements::AT_ONCE;
use crate::store::{Begin, EventQuery, Measured, MeasurementQuery, TimelineEvent};
use askama::Template;
use axum::http::HeaderMap;
use axum::response::Response;
use capacity::ClusterRow;
use choice::Choice;
use difference::Difference;
use failing::Group;
use gate::{GateView, Over};
use history::{Entry, ReleaseRow};
use ladder::Rung;
use orders::Order;
use records::Known;
use shipper_core::AppKey;
use shipper_core::api::{EventFilter, MEASUREMENTS_OF};
use shipper_core::condition::Status;
use shipper_core::protocol::APPLICATIONS;
use shipper_core::status::{ApplicationStatus, WaitingFor};

/// Entries of the timeline that the page shows.
const TIMELINE: u32 = 30;

#[derive(Template)]
#[template(path = "application.html")]
struct Page {
    frame: Frame,
    key: AppKey,
    mood: Mood,
    told: String,
    waits: &'static str,
    message: String,
    advice: Option<&'static str>,
    contender: Option<Name>,
    incumbent: Option<Name>,
    under_way: bool,
    orders: Vec<Order>,
    warnings: Vec<Warning>,
    rungs: Vec<Rung>,
    clusters: Vec<ClusterRow>,
    refused: Vec<(String, String)>,
    groups: Vec<Group>,
    gate: Option<GateView>,
    over: Over,
    /// Where all that was measured is told.
    measured: String,
    difference: Option<Difference>,
    /// Where that stands object by object.
    compared: String,
    choice: Option<Choice>,
    releases: Vec<ReleaseRow>,
    timeline: Vec<Entry>,
    timeline_address: String,
    why: String,
}

/// A release as the page names it.
struct Name {
    release: String,
    version: String,
}

/// A condition that is not as it should be.
struct Warning {
    reason: String,
    message: String,
}

/// The page.
pub async fn page(about: About, headers: HeaderMap) -> Response {
    let About { view, frame, key, status } = about;
    let known = records::ask(&view, &key).await;
    let filter = EventFilter { application: Some(key.clone()), ..EventFilter::default() };
    let query = EventQuery { filter, begin: Begin::Newest, limit: TIMELINE };
    let entries = view.events(&query).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the timeline cannot be read");
        Vec::new()
    });
    let events: Vec<TimelineEvent> = entries.into_iter().map(|entry| entry.event).collect();
    let kept =
        view.measurements(&MeasurementQuery::newest(key.clone(), AT_ONCE)).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was measured cannot be read");
            Measured::default()
        });
    answer::page(&Page::new(frame, &status, &known, &events, &kept), Some(&headers))
}

impl Page {
    fn new(
        frame: Frame,
        status: &ApplicationStatus,
        known: &Known,
        events: &[TimelineEvent],
        kept: &Measured,
    ) -> Self {
        let mood = Mood::of(status);
        let contender = mood::contender(status);
        let under_way = contender.is_some_and(|release| release.complete.is_none());
        let record = status.contender.as_ref().and_then(|name| known.releases.get(name));
        let name = |release: &shipper_core::status::ReleaseStatus| Name {
            release: release.name.to_string(),
            version: release.version.clone(),
        };
        let wrong = status.conditions.iter().filter(|condition| condition.status == Status::False);
        // What is only still under way is said by what it waits for.
        let wrong = wrong.filter(|condition| !matches!(condition.reason.name(), "InProgress" | "Rendering"));
        let timeline_address = format!("/events?application={}", encode(&status.application.to_string()));
        Self {
            frame,
            told: told::of(mood, status),
            mood,
            waits: waits(status.waiting.state),
            message: status.waiting.message.clone(),
            advice: advice(status.waiting.state),
            contender: contender.map(name),
            incumbent: mood::incumbent(status).map(name),
            under_way,
            orders: orders::of(status),
            warnings: wrong
                .map(|condition| Warning {
                    reason: condition.reason.to_string(),
                    message: condition.message.clone(),
                })
                .collect(),
            rungs: contender.map(|release| ladder::of(release, record)).unwrap_or_default(),
            clusters: capacity::rows(status),
            refused: status
                .refused
                .iter()
                .map(|one| (one.cluster.to_string(), one.message.clone()))
                .collect(),
            groups: failing::groups(status),
            gate: gate::of(status, record, &kept.items),
            over: gate::over(status, known, kept),
            measured: measured(&status.application),
            difference: difference::of(status, known),
            compared: choice::address(status),
            choice: choice::usual(status)
                .and_then(|(from, to)| Choice::of(status, from.as_str(), to.as_str())),
            releases: history::releases(status, known),
            timeline: history::timeline(events),
            timeline_address,
            why: format!("{}/why", application(&status.application)),
            key: status.application.clone(),
        }
    }
}

fn measured(app: &AppKey) -> String {
    format!("{APPLICATIONS}/{}/{}/{MEASUREMENTS_OF}", encode(&app.namespace), encode(&app.name))
}

/// What is waited for, as a heading.
pub(super) fn waits(state: WaitingFor) -> &'static str {
    match state {
        WaitingFor::Blocked => "Blocked",
        WaitingFor::Paused => "Paused",
        WaitingFor::WaitingForCluster => "Waits for a cluster",
        WaitingFor::WaitingForInstallation => "Waits for installation",
        WaitingFor::WaitingForCapacity => "Waits for capacity",
        WaitingFor::WaitingForTraffic => "Waits for traffic",
        WaitingFor::WaitingForGate => "Waits for its gate",
        WaitingFor::WaitingForCommand => "Waits for you",
        WaitingFor::None => "Waits for nothing",
    }
}

/// What a person can do, from the catalogue.
fn advice(state: WaitingFor) -> Option<&'static str> {
    // The messages of the others name everything themselves.
    if !matches!(state, WaitingFor::Blocked | WaitingFor::Paused | WaitingFor::WaitingForCluster) {
        return None;
    }
    let name = serde_json::to_value(state).ok()?;
    let entry = shipper_core::catalogue::entry(shipper_core::catalogue::Group::Waiting, name.as_str()?)?;
    Some(entry.person)
}
