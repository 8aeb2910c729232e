//! *Search*: one field for applications, clusters, releases, versions, blocks, and what fails.

use super::answer::{self, Query};
use super::frame::Frame;
use super::mood::Mood;
use super::words::{application, cluster, cut};
use crate::access::View;
use askama::Template;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Deserialize;
use shipper_core::status::ApplicationStatus;

/// Results of each kind.
const MOST: usize = 20;

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Page {
    frame: Frame,
    q: String,
    kinds: Vec<Kind>,
    total: usize,
}

struct Kind {
    heading: &'static str,
    hits: Vec<Hit>,
    more: bool,
}

struct Hit {
    address: String,
    name: String,
    says: String,
    mood: Option<Mood>,
}

/// The page.
pub async fn page(view: View, headers: HeaderMap, uri: Uri, Query(asked): Query<Asked>) -> Response {
    let mut frame = Frame::new(&view, &headers, &uri, "search", "");
    frame.query.clone_from(&asked.q);
    let wanted = asked.q.trim().to_lowercase();
    let kinds = if wanted.is_empty() { Vec::new() } else { find(&view, &wanted) };
    let total = kinds.iter().map(|kind| kind.hits.len()).sum();
    answer::page(&Page { frame, q: asked.q, kinds, total }, Some(&headers))
}

fn find(view: &View, wanted: &str) -> Vec<Kind> {
    let holds = |text: &str| text.to_lowercase().contains(wanted);
    let all = view.list();
    let applications = all.iter().filter(|status| holds(&status.application.to_string())).map(|status| {
        let mood = Mood::of(status);
        hit(status, cut(&status.waiting.message, 120), Some(mood))
    });
    let clusters =
        view.status().clusters.into_iter().filter(|one| holds(one.name.as_str()) || holds(&one.region));
    let clusters = clusters.map(|one| Hit {
        address: cluster(one.name.as_str()),
        name: one.name.to_string(),
        says: format!("region {}", one.region),
        mood: None,
    });
    let releases = all.iter().flat_map(|status| status.releases.iter().map(move |release| (status, release)));
    let releases = releases
        .filter(|(_, release)| {
            holds(release.name.as_str()) || holds(&release.version) || release.source.starts_with(wanted)
        })
        .map(|(status, release)| Hit {
            name: release.name.to_string(),
            ..hit(
                status,
                format!("{}, commit {}", release.version, super::words::short(&release.source)),
                None,
            )
        });
    let pods = all.iter().flat_map(|status| {
        let clusters =
            status.clusters.iter().flat_map(|one| one.releases.iter().map(move |release| (one, release)));
        let groups = clusters.flat_map(|(one, release)| release.pods.iter().map(move |group| (one, group)));
        groups.map(move |(one, group)| (status, one, group))
    });
    let pods = pods
        .filter(|(_, _, group)| holds(&group.reason) || holds(&group.example) || holds(&group.message))
        .map(|(status, one, group)| Hit {
            name: format!("{} in {}", group.reason, one.cluster),
            ..hit(
                status,
                cut(&format!("{} {}: {}", group.example, status.application, group.message), 200),
                Some(if group.is_starting() { Mood::Moving } else { Mood::Failing }),
            )
        });
    let blocks = view.blocks();
    let blocks =
        blocks.into_iter().filter(|block| holds(&block.name) || holds(&block.message)).map(|block| Hit {
            address: "/blocks".to_owned(),
            name: block.name,
            says: cut(&block.message, 160),
            mood: block.in_force.then_some(Mood::Stopped),
        });
    let kinds = [
        gather("Applications", applications),
        gather("Clusters", clusters),
        gather("Releases", releases),
        gather("Pods in trouble", pods),
        gather("Blocks", blocks),
    ];
    kinds.into_iter().filter(|kind| !kind.hits.is_empty()).collect()
}

fn hit(status: &ApplicationStatus, says: String, mood: Option<Mood>) -> Hit {
    Hit { address: application(&status.application), name: status.application.to_string(), says, mood }
}

fn gather(heading: &'static str, mut hits: impl Iterator<Item = Hit>) -> Kind {
    let shown: Vec<Hit> = hits.by_ref().take(MOST).collect();
    Kind { heading, more: hits.next().is_some(), hits: shown }
}

#[cfg(test)]
mod tests {
    use crate::ui::support::{hub, rollout, two};

    #[tokio::test]
    async fn a_pod_is_found_by_its_reason_and_a_release_by_its_commit() {
        let hub = hub().await;
        hub.clusters(&two());
        hub.publish(&rollout("web/shop"));
        let found = hub.get("/search?q=imagepull").await;
        assert!(
            found.read().contains("ImagePullBackOff in eu-1")
                && found.text.contains("/applications/web/shop")
        );
        assert!(
            hub.get("/search?q=01234567").await.read().contains("shop-new-0"),
            "releases are found by their commit"
        );
    }
}
