//! *Fleet*: applications by clusters at a glance. What fails comes first, then what waits for a person, then what moves. A page has few
//! enough lines to be small however large the fleet is.
//!
//! - [`row`]: an application on a line; [`said`]: what a line says; [`failing`]: which pods fail where, by reason.

mod failing;
mod row;
mod said;
#[cfg(test)]
mod tests;

pub(super) use said::trouble;

use super::answer::{self, Query};
use super::frame::Frame;
use super::mood::Mood;
use super::words::encode;
use crate::access::View;
use askama::Template;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use failing::Failing;
use row::Row;
use serde::Deserialize;
use shipper_core::ClusterName;
use shipper_core::status::{ApplicationStatus, ClusterStatus};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Applications on a page: with a hundred clusters and long messages it stays under 100 KB.
const ROWS: usize = 40;
/// With more clusters than that, the one to filter by is typed and not chosen.
const CHOICES: usize = 200;

/// What is to be shown.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    cluster: String,
    #[serde(default)]
    show: String,
    #[serde(default)]
    page: Option<usize>,
}

#[derive(Template)]
#[template(path = "fleet.html")]
struct Page {
    frame: Frame,
    q: String,
    cluster: String,
    show: String,
    tiles: Vec<Tile>,
    failing: Failing,
    clusters: Vec<String>,
    rows: Vec<Row>,
    total: usize,
    shown: Option<(usize, usize)>,
    newer: Option<String>,
    older: Option<String>,
    empty: &'static str,
}

struct Tile {
    label: &'static str,
    mood: Option<Mood>,
    count: usize,
    address: String,
    current: bool,
}

/// The page.
pub async fn page(view: View, headers: HeaderMap, uri: Uri, Query(asked): Query<Asked>) -> Response {
    let frame = Frame::new(&view, &headers, &uri, "fleet", "");
    let page = Page::new(frame, &view, asked);
    answer::page(&page, Some(&headers))
}

impl Page {
    fn new(frame: Frame, view: &View, asked: Asked) -> Self {
        let mut names: Vec<ClusterName> =
            view.status().clusters.into_iter().map(|cluster| cluster.name).collect();
        names.sort();
        let columns: BTreeMap<&ClusterName, usize> = names.iter().zip(0..).collect();
        let all = view.list();
        let wanted = asked.q.trim().to_lowercase();
        let cluster = asked.cluster.trim();
        let named = all.iter().filter(|status| {
            let within = |one: &ClusterStatus| one.cluster.as_str() == cluster;
            (wanted.is_empty() || status.application.to_string().to_lowercase().contains(&wanted))
                && (cluster.is_empty() || status.clusters.iter().any(within))
        });
        let mut named: Vec<(Mood, &Arc<ApplicationStatus>)> =
            named.map(|status| (Mood::of(status), status)).collect();
        let tiles = tiles(&asked, &named);
        let total = named.len();
        if let Some(mood) = Mood::OF_APPLICATIONS.into_iter().find(|mood| mood.word() == asked.show) {
            named.retain(|(one, _)| *one == mood);
        }
        named.sort_by_key(|(mood, _)| *mood);
        let pages = named.len().div_ceil(ROWS).max(1);
        let page = asked.page.unwrap_or(1).clamp(1, pages);
        let first = (page - 1) * ROWS;
        let rows: Vec<Row> = named
            .iter()
            .skip(first)
            .take(ROWS)
            .map(|(mood, status)| Row::of(*mood, status, &columns))
            .collect();
        // Who looks for something else is not led away from it.
        let whole = wanted.is_empty() && cluster.is_empty() && page == 1;
        let failing = whole && matches!(asked.show.as_str(), "" | "failing");
        let at = |page: usize| address(&asked, &asked.show, page);
        Self {
            frame,
            tiles,
            failing: if failing { failing::of(view) } else { Failing::default() },
            shown: (pages > 1).then_some((first + 1, first + rows.len())),
            newer: (page > 1).then(|| at(page - 1)),
            older: (page < pages).then(|| at(page + 1)),
            total: if asked.show.is_empty() { total } else { named.len() },
            empty: match (all.is_empty(), total == 0 || !asked.show.is_empty()) {
                (true, _) => {
                    "No application yet. Commit applications/<namespace>/<name>.yaml to main, and it appears here."
                }
                (false, true) => "Nothing matches. Clear the filter to see all applications.",
                (false, false) => "",
            },
            rows,
            clusters: if names.len() <= CHOICES {
                names.iter().map(ToString::to_string).collect()
            } else {
                Vec::new()
            },
            q: asked.q,
            cluster: asked.cluster,
            show: asked.show,
        }
    }
}

fn tiles(asked: &Asked, named: &[(Mood, &Arc<ApplicationStatus>)]) -> Vec<Tile> {
    let all = Tile {
        label: "All",
        mood: None,
        count: named.len(),
        address: address(asked, "", 1),
        current: asked.show.is_empty(),
    };
    let others = Mood::OF_APPLICATIONS.into_iter().map(|mood| Tile {
        label: mood.label(),
        mood: Some(mood),
        count: named.iter().filter(|(one, _)| *one == mood).count(),
        address: address(asked, mood.word(), 1),
        current: asked.show == mood.word(),
    });
    std::iter::once(all).chain(others).collect()
}

fn address(asked: &Asked, show: &str, page: usize) -> String {
    let pairs = [("q", asked.q.as_str()), ("cluster", asked.cluster.as_str()), ("show", show)];
    let mut query: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key}={}", encode(value)))
        .collect();
    if page > 1 {
        query.push(format!("page={page}"));
    }
    if query.is_empty() { "/".to_owned() } else { format!("/?{}", query.join("&")) }
}
