//! What becomes of rendered objects, what is refused, and what holds for all of them.

mod objects;
mod properties;
mod references;
mod refusals;
mod traffic;

use super::{Context, RenderProblem, normalise};
use crate::{AppKey, ReleaseName, yaml};
use serde_json::Value;

/// Application `web/shop`, release `shop-83e4eedd-1`.
struct Fixture {
    application: AppKey,
    release: ReleaseName,
}

impl Fixture {
    fn new() -> Self {
        Self { application: AppKey::new("web", "shop"), release: ReleaseName::from("shop-83e4eedd-1") }
    }

    /// With traffic, and nothing out of the ordinary allowed.
    fn strict(&self) -> Context<'_> {
        Context {
            application: &self.application,
            release: &self.release,
            manages_traffic: true,
            allow_cluster_scope: false,
            allow_secrets: false,
        }
    }

    /// Without traffic, and everything allowed.
    fn lenient(&self) -> Context<'_> {
        Context { manages_traffic: false, allow_cluster_scope: true, allow_secrets: true, ..self.strict() }
    }
}

fn normalised(rendered: &str, context: &Context<'_>) -> Vec<Value> {
    yaml::read_documents(&normalise(rendered.as_bytes(), context).unwrap()).unwrap()
}

/// The objects as text for snapshots: JSON, so that the layout of YAML is not what is tested here.
fn shown(rendered: &str, context: &Context<'_>) -> String {
    let objects: Vec<String> = normalised(rendered, context)
        .iter()
        .map(|object| serde_json::to_string_pretty(object).unwrap())
        .collect();
    objects.join("\n")
}

fn refused(rendered: &str, context: &Context<'_>) -> RenderProblem {
    normalise(rendered.as_bytes(), context).expect_err("must be refused")
}

fn find<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut of_kind = objects.iter().filter(|object| object["kind"] == kind);
    let found = of_kind.next().unwrap_or_else(|| panic!("no {kind} among {objects:?}"));
    assert!(of_kind.next().is_none(), "more than one {kind}");
    found
}
