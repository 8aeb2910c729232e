//! *Blocks*: what stops rollouts, why and until when, what it stops and what goes on all the same [B4].

use super::answer;
use super::frame::Frame;
use super::words::{Moment, application, count};
use crate::access::View;
use askama::Template;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use shipper_core::AppKey;
use shipper_core::command::Command;
use shipper_core::status::BlockStatus;

/// Applications that a block names; of more it says how many.
const NAMED: usize = 20;

#[derive(Template)]
#[template(path = "blocks.html")]
struct Page {
    frame: Frame,
    blocks: Vec<Block>,
    in_force: usize,
}

struct Block {
    name: String,
    scope: String,
    message: String,
    author: Option<String>,
    in_force: bool,
    schedule: Option<String>,
    since: Option<Moment>,
    until: Option<Moment>,
    next: Option<Moment>,
    allow: String,
    problem: Option<String>,
    stops: String,
    stopped: Vec<(String, String)>,
    overridden: Vec<(String, String)>,
    command: String,
}

/// The page.
pub async fn page(view: View, headers: HeaderMap, uri: Uri) -> Response {
    let frame = Frame::new(&view, &headers, &uri, "blocks", "");
    let mut blocks: Vec<Block> = view.blocks().iter().map(Block::of).collect();
    blocks.sort_by_key(|block| !block.in_force);
    let in_force = blocks.iter().filter(|block| block.in_force).count();
    answer::page(&Page { frame, blocks, in_force }, Some(&headers))
}

impl Block {
    fn of(block: &BlockStatus) -> Self {
        let name = match &block.namespace {
            Some(namespace) => format!("{namespace}/{}", block.name),
            None => block.name.clone(),
        };
        let allowed: Vec<String> = block
            .allow
            .iter()
            .filter_map(|one| serde_json::to_value(one).ok()?.as_str().map(str::to_owned))
            .collect();
        let named = |apps: &[AppKey]| {
            apps.iter().take(NAMED).map(|app| (app.to_string(), application(app))).collect::<Vec<_>>()
        };
        let verb = if block.in_force { "Stops" } else { "Would stop" };
        Self {
            scope: match &block.namespace {
                Some(namespace) => format!("namespace {namespace}"),
                None => "the whole fleet".to_owned(),
            },
            message: block.message.clone(),
            author: block.author.as_ref().map(|author| format!("{} {}", author.kind, author.name)),
            in_force: block.in_force,
            schedule: block.schedule.as_ref().map(ToString::to_string),
            since: block.since.map(Moment::of),
            until: block.until.map(Moment::of),
            next: block.next.map(Moment::of),
            allow: if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") },
            problem: block.problem.as_ref().map(ToString::to_string),
            stops: format!("{verb} {}", count(block.applications.len(), "application")),
            stopped: named(&block.applications),
            overridden: named(&block.overridden_by),
            command: Command::new("shipperctl blocks remove").word(&name).to_string(),
            name,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ui::support::{hub, two};

    #[tokio::test]
    async fn a_fleet_without_blocks_says_so() {
        let hub = hub().await;
        hub.clusters(&two());
        assert!(hub.get("/blocks").await.read().contains("Nothing stops rollouts."));
    }
}
