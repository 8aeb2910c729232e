//! *Clusters* and *Cluster*: who reports, what is free, which applications are there and how they fare.

use super::answer::{self, Notice};
use super::fleet::trouble;
use super::frame::Frame;
use super::mood::Mood;
use super::words::{Moment, application, cluster, count, cut, short};
use crate::access::View;
use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;
use shipper_core::protocol::FleetCluster;
use shipper_core::resources::Resources;
use shipper_core::status::{ApplicationStatus, ClusterStatus, Liveness};
use std::collections::BTreeMap;

/// Lines on a page.
const ROWS: usize = 100;
/// Characters of a message that a line shows.
const MESSAGE: usize = 160;

/// Which page of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Asked {
    page: Option<usize>,
}

#[derive(Template)]
#[template(path = "clusters.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    total: usize,
    newer: Option<usize>,
    older: Option<usize>,
}

#[derive(Template)]
#[template(path = "cluster.html")]
struct One {
    frame: Frame,
    row: Row,
    capabilities: Vec<String>,
    problems: Vec<String>,
    free: Vec<(String, String)>,
    applications: Vec<Line>,
    newer: Option<usize>,
    older: Option<usize>,
}

/// A cluster on a line.
struct Row {
    name: String,
    address: String,
    region: String,
    mood: Mood,
    /// In words, whether it reports.
    says: &'static str,
    /// `cordoned`, `draining`.
    marks: Vec<&'static str>,
    last_report: Option<Moment>,
    agent: Option<String>,
    commit: Option<String>,
    free: String,
    total: usize,
    failing: usize,
    moving: usize,
    leaving: usize,
}

/// An application in a cluster.
struct Line {
    name: String,
    address: String,
    mood: Mood,
    message: String,
    releases: Vec<String>,
    departure: Option<String>,
}

/// All clusters.
pub async fn all(view: View, headers: HeaderMap, uri: Uri, Query(asked): Query<Asked>) -> Response {
    let frame = Frame::new(&view, &headers, &uri, "clusters", "");
    let statuses = view.list();
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for one in statuses.iter().flat_map(|status| &status.clusters) {
        tallies.entry(one.cluster.as_str()).or_default().add(one);
    }
    let clusters = view.status().clusters;
    let mut rows: Vec<Row> = clusters
        .iter()
        .map(|cluster| Row::of(cluster, tallies.get(cluster.name.as_str()).copied().unwrap_or_default()))
        .collect();
    let total = rows.len();
    rows.sort_by_key(|row| row.mood);
    let (rows, newer, older) = paged(rows, asked.page);
    answer::page(&List { frame, rows, total, newer, older }, Some(&headers))
}

/// One cluster.
pub async fn one(
    view: View,
    headers: HeaderMap,
    uri: Uri,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let frame = Frame::new(&view, &headers, &uri, "clusters", "");
    let clusters = view.status().clusters;
    let Some(cluster) = clusters.iter().find(|cluster| cluster.name.as_str() == name) else {
        let near = clusters.iter().filter(|cluster| cluster.name.as_str().contains(&name)).take(5);
        let nearest =
            near.map(|near| (near.name.to_string(), super::words::cluster(near.name.as_str()))).collect();
        let message = format!("There is no clusters/{name}.yaml on main, as far as the hub has read it.");
        let title = format!("Cluster {name} is not known");
        return Notice { frame, title, message, nearest }.page(StatusCode::NOT_FOUND);
    };
    let statuses = view.list();
    let mut tally = Tally::default();
    let mut lines = Vec::new();
    for status in &statuses {
        for within in status.clusters.iter().filter(|one| one.cluster == cluster.name) {
            tally.add(within);
            lines.push(Line::of(status, within));
        }
    }
    lines.sort_by_key(|line| line.mood);
    let (applications, newer, older) = paged(lines, asked.page);
    let free = cluster.free.iter().flat_map(Resources::iter);
    let page = One {
        frame,
        row: Row::of(cluster, tally),
        capabilities: cluster.capabilities.clone(),
        problems: cluster.problems.clone(),
        free: free.map(|(name, amount)| (name.to_owned(), amount.readable(name))).collect(),
        applications,
        newer,
        older,
    };
    answer::page(&page, Some(&headers))
}

/// The lines of a page, and the numbers of those around it.
pub(super) fn paged<T>(mut rows: Vec<T>, page: Option<usize>) -> (Vec<T>, Option<usize>, Option<usize>) {
    let pages = rows.len().div_ceil(ROWS).max(1);
    let page = page.unwrap_or(1).clamp(1, pages);
    rows.drain(..(page - 1) * ROWS);
    rows.truncate(ROWS);
    (rows, (page > 1).then(|| page - 1), (page < pages).then_some(page + 1))
}

#[derive(Clone, Copy, Default)]
struct Tally {
    total: usize,
    failing: usize,
    moving: usize,
    leaving: usize,
}

impl Tally {
    fn add(&mut self, one: &ClusterStatus) {
        self.total += 1;
        match Mood::within(one) {
            Mood::Failing => self.failing += 1,
            Mood::Moving | Mood::Gate => self.moving += 1,
            Mood::Yours | Mood::Stopped | Mood::Silent | Mood::Settled => {}
        }
        self.leaving += usize::from(one.departure.is_some());
    }
}

impl Row {
    fn of(one: &FleetCluster, tally: Tally) -> Self {
        let (mood, says) = match one.liveness {
            Liveness::Offline => (Mood::Silent, "not heard"),
            Liveness::Unknown => (Mood::Silent, "not heard since the hub started"),
            Liveness::Online if tally.failing > 0 || !one.problems.is_empty() => {
                (Mood::Failing, "reports trouble")
            }
            Liveness::Online if tally.moving > 0 => (Mood::Moving, "reports"),
            Liveness::Online => (Mood::Settled, "reports"),
        };
        let free = one.free.as_ref().map(|free| {
            let amount = |name: &str| free.get(name).readable(name);
            format!("{} cpu, {} memory", amount("cpu"), amount("memory"))
        });
        let marks = [(one.unschedulable, "cordoned"), (one.drain, "draining")];
        Self {
            name: one.name.to_string(),
            address: cluster(one.name.as_str()),
            region: one.region.clone(),
            mood,
            says,
            marks: marks.into_iter().filter(|(set, _)| *set).map(|(_, word)| word).collect(),
            last_report: one.last_report.map(Moment::of),
            agent: one.agent_version.clone().filter(|version| !version.is_empty()),
            commit: one.commit.as_deref().map(short),
            free: free.unwrap_or_else(|| "not said".to_owned()),
            total: tally.total,
            failing: tally.failing,
            moving: tally.moving,
            leaving: tally.leaving,
        }
    }

    /// What its applications do, in words.
    fn doing(&self) -> String {
        let parts = [(self.failing, "failing"), (self.moving, "moving"), (self.leaving, "leaving")];
        let parts =
            parts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}"));
        let mut said = count(self.total, "application");
        for part in parts {
            said.push_str(", ");
            said.push_str(&part);
        }
        said
    }
}

impl Line {
    fn of(status: &ApplicationStatus, one: &ClusterStatus) -> Self {
        let mood = Mood::within(one);
        let message = if mood == Mood::Failing { trouble(one) } else { one.message.clone() };
        let releases =
            one.releases.iter().filter(|release| release.capacity.desired + release.capacity.pods > 0);
        Self {
            name: status.application.to_string(),
            address: application(&status.application),
            mood,
            message: cut(&message, MESSAGE),
            releases: releases
                .map(|one| format!("{} {}/{}", one.name, one.capacity.available, one.capacity.desired))
                .collect(),
            departure: one.departure.as_ref().map(|departure| cut(&departure.message, MESSAGE)),
        }
    }
}
