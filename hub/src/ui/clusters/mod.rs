//! *Clusters* and *Cluster*: who reports, what is free, which applications are there and how they fare.
//!
//! - [`row`]: a cluster on a line; [`line`](mod@line): an application in a cluster.

mod line;
mod row;

use super::answer::{self, Notice, Path, Query};
use super::frame::Frame;
use crate::access::View;
use askama::Template;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use line::Line;
use row::{Row, Tally};
use serde::Deserialize;
use shipper_core::resources::Resources;
use std::collections::BTreeMap;

/// Lines on a page.
const ROWS: usize = 100;

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

#[cfg(test)]
mod tests {
    use crate::ui::support::{hub, rollout, two};

    #[tokio::test]
    async fn a_cluster_says_what_it_has_and_how_it_fares() {
        let hub = hub().await;
        hub.clusters(&two());
        hub.publish(&rollout("web/shop"));
        let cluster = hub.get("/clusters/eu-1").await.read();
        assert!(
            cluster.contains("1 application, 1 failing") && cluster.contains("shop-new-0 0/2"),
            "{cluster}"
        );
    }
}
