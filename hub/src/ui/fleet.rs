//! *Fleet*: applications by clusters at a glance. What fails comes first, then what waits for a person, then what moves. A page has few
//! enough lines to be small however large the fleet is.

use super::answer;
use super::frame::Frame;
use super::mood::{Mood, contender, incumbent};
use super::strip::{self, Marks};
use super::words::{application, cut, encode, list};
use crate::access::View;
use askama::Template;
use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Deserialize;
use shipper_core::ClusterName;
use shipper_core::status::{ApplicationStatus, ClusterStatus};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Applications on a page: with a hundred clusters and long messages it stays under 100 KB.
const ROWS: usize = 40;
/// With more clusters than that, they are marks on a strip and not cells with a name.
const CELLS: usize = 12;
/// With more clusters than that, the one to filter by is typed and not chosen.
const CHOICES: usize = 200;
/// Characters of a message that a line shows.
const MESSAGE: usize = 140;

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

struct Row {
    namespace: String,
    name: String,
    address: String,
    mood: Mood,
    message: String,
    version: String,
    before: Option<String>,
    step: Option<Step>,
    cells: Vec<Cell>,
    strip: Vec<Marks>,
    columns: usize,
    words: String,
}

struct Step {
    number: usize,
    count: usize,
    name: String,
    /// One for each step: it is behind, the present one, or ahead.
    dots: Vec<&'static str>,
}

struct Cell {
    cluster: String,
    mood: Option<Mood>,
    label: String,
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
        let at = |page: usize| address(&asked, &asked.show, page);
        Self {
            frame,
            tiles,
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

impl Row {
    fn of(mood: Mood, status: &ApplicationStatus, columns: &BTreeMap<&ClusterName, usize>) -> Self {
        let mut moods: Vec<Option<Mood>> = vec![None; columns.len()];
        let mut labels: Vec<Option<String>> = vec![None; columns.len()];
        let few = columns.len() <= CELLS;
        for cluster in &status.clusters {
            let Some(&column) = columns.get(&cluster.cluster) else { continue };
            let within = Mood::within(cluster);
            moods[column] = Some(within);
            if few {
                labels[column] = Some(told(within, cluster));
            }
        }
        let words = if few { named(columns, &moods) } else { strip::words(&moods) };
        let names = columns.keys().map(ToString::to_string);
        let cells = names.zip(moods.iter().zip(labels)).map(|(cluster, (mood, label))| Cell {
            label: label.unwrap_or_else(|| "not placed here".to_owned()),
            mood: *mood,
            cluster,
        });
        let release = contender(status);
        Self {
            namespace: status.application.namespace.clone(),
            name: status.application.name.clone(),
            address: application(&status.application),
            mood,
            message: cut(&message(mood, status), MESSAGE),
            version: release.map_or_else(|| "no release yet".to_owned(), |release| release.version.clone()),
            before: release
                .filter(|release| release.complete.is_none())
                .and_then(|_| incumbent(status))
                .map(|release| release.version.clone()),
            step: release
                .filter(|release| release.complete.is_none() && !release.steps.is_empty())
                .map(Step::of),
            cells: if few { cells.collect() } else { Vec::new() },
            strip: if few { Vec::new() } else { strip::marks(&moods) },
            columns: columns.len(),
            words,
        }
    }
}

impl Step {
    fn of(release: &shipper_core::status::ReleaseStatus) -> Self {
        let achieved = release.achieved.as_ref().map(|achieved| achieved.step);
        let dot = |index: usize| match index {
            _ if Some(index) == achieved && index == release.step => "done here",
            _ if index == release.step => "here",
            _ if achieved.is_some_and(|achieved| index <= achieved) && index < release.step => "done",
            _ => "ahead",
        };
        Self {
            number: release.step + 1,
            count: release.steps.len(),
            name: release.steps.get(release.step).cloned().unwrap_or_default(),
            dots: (0..release.steps.len()).map(dot).collect(),
        }
    }
}

/// What the cells show, in words, with the names of those that are not at rest: `eu-1 failing, 3 at rest`.
fn named(columns: &BTreeMap<&ClusterName, usize>, moods: &[Option<Mood>]) -> String {
    let mut kinds: Vec<Mood> = moods.iter().copied().flatten().collect();
    kinds.sort();
    kinds.dedup();
    let told = |mood: &Mood| {
        let within = columns.iter().filter(|(_, column)| moods[**column] == Some(*mood));
        let names: Vec<&ClusterName> = within.map(|(name, _)| *name).collect();
        let label = mood.label().to_lowercase();
        match names.as_slice() {
            few if few.len() <= 2 && *mood != Mood::Settled => format!("{} {label}", list(few, 2)),
            many => format!("{} {label}", many.len()),
        }
    };
    kinds.iter().map(told).collect::<Vec<_>>().join(", ")
}

/// What a line says of an application.
fn message(mood: Mood, status: &ApplicationStatus) -> String {
    if mood == Mood::Failing {
        if let Some(failure) = contender(status).and_then(|release| release.failed.as_ref()) {
            return failure.message.clone();
        }
        let mut failing = status.clusters.iter().filter(|cluster| Mood::within(cluster) == Mood::Failing);
        if let Some(first) = failing.next() {
            let others = match failing.count() {
                0 => String::new(),
                1 => " and 1 other cluster".to_owned(),
                more => format!(" and {more} other clusters"),
            };
            return format!("{}{others}: {}", first.cluster, trouble(first));
        }
    }
    status.waiting.message.clone()
}

/// What fails in a cluster.
pub(super) fn trouble(cluster: &ClusterStatus) -> String {
    if let Some(failing) = &cluster.failing {
        return failing.message.clone();
    }
    if let Some(problem) = cluster.problems.iter().find(|problem| !problem.heals) {
        return format!("{}: {}", problem.object, problem.message);
    }
    let groups = cluster.releases.iter().flat_map(|release| &release.pods);
    match groups.into_iter().find(|group| super::mood::in_trouble(group)) {
        Some(group) => format!("{}: {}", group.reason, group.message),
        None => cluster.message.clone(),
    }
}

/// What a cell says.
fn told(mood: Mood, cluster: &ClusterStatus) -> String {
    let words = match mood {
        Mood::Failing => trouble(cluster),
        _ => cluster.message.clone(),
    };
    let words = cut(&words, 80);
    let mood = mood.label().to_lowercase();
    if words.is_empty() { mood } else { format!("{mood}: {words}") }
}
