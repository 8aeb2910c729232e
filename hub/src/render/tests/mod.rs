//! Rendering with the real Helm, and charts from a real HTTP server.
//!
//! Helm is the one `SHIPPER_HELM` names, or that of `PATH`; without it these tests say so and check nothing.

mod helm;
mod manifests;
mod public_charts;
pub(crate) mod repository;

use super::{Limits, RenderError, RenderRequest, Renderer, Source, SourceFile};
use serde_json::{Value, json};
use shipper_core::{AppKey, ReleaseName, yaml};
use std::path::PathBuf;
use tempfile::TempDir;

pub(crate) fn helm() -> Option<PathBuf> {
    let helm = std::env::var_os("SHIPPER_HELM").map(PathBuf::from).or_else(super::helm::in_path);
    if helm.is_none() {
        eprintln!("SKIPPED: no helm: set SHIPPER_HELM or put helm into PATH");
    }
    helm
}

/// A renderer with a work folder of its own, which goes with it.
struct Bench {
    renderer: Renderer,
    work: TempDir,
}

impl Bench {
    fn new(helm: Option<PathBuf>, limits: Limits) -> Self {
        let work = TempDir::new().unwrap();
        Self { renderer: Renderer::new(helm, limits, work.path().join("work")), work }
    }

    async fn objects(&self, request: &RenderRequest) -> Result<Vec<Value>, RenderError> {
        self.renderer.render(request).await.map(|bytes| yaml::read_documents(&bytes).unwrap())
    }

    fn leftovers(&self) -> usize {
        std::fs::read_dir(self.work.path().join("work")).map_or(0, Iterator::count)
    }
}

fn file(path: &str, contents: &str) -> SourceFile {
    (path.to_owned(), contents.as_bytes().to_vec())
}

fn chart(files: &[(&str, &str)]) -> Vec<SourceFile> {
    let mut all = vec![file("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n")];
    all.extend(files.iter().map(|(path, contents)| file(path, contents)));
    all
}

#[expect(clippy::needless_pass_by_value, reason = "calls read better with json!(…)")]
fn request(source: Source, values: Value) -> RenderRequest {
    RenderRequest {
        application: AppKey::new("web", "shop"),
        release: ReleaseName::from("shop-83e4eedd-1"),
        source,
        values: values.as_object().unwrap().clone(),
        manages_traffic: false,
        allow_cluster_scope: false,
        allow_secrets: false,
    }
}

fn charts_of(files: &[(&str, &str)]) -> RenderRequest {
    request(Source::Chart(chart(files)), json!({}))
}
