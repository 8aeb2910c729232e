//! Charts as their projects publish them: all of them render, normalise, and say which Service takes the traffic or why none can be told.
//!
//! They are in the folder `SHIPPER_CHARTS` names, or in `shared/charts` beside the project; without it the test says so.

use super::{Bench, Limits, RenderRequest, Source, helm, request};
use crate::render::SourceFile;
use serde_json::{Value, json};
use shipper_core::manifest::{Manifests, Scope};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/charts");
    let folder = std::env::var_os("SHIPPER_CHARTS").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no charts: set SHIPPER_CHARTS");
    None
}

fn files_below(folder: &Path, prefix: &str, into: &mut Vec<SourceFile>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files_below(&entry.path(), &format!("{path}/"), into);
        } else {
            into.push((path, std::fs::read(entry.path()).unwrap()));
        }
    }
}

fn rendering(chart: &Path) -> RenderRequest {
    let mut files = Vec::new();
    files_below(chart, "", &mut files);
    RenderRequest {
        allow_cluster_scope: true,
        allow_secrets: true,
        ..request(Source::Chart(files), json!({}))
    }
}

#[tokio::test]
async fn public_charts_work_unmodified() {
    let (Some(helm), Some(folder)) = (helm(), folder()) else { return };
    let bench = Bench::new(Some(helm), Limits::default());
    let mut charts: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    charts.retain(|chart| chart.is_dir());
    charts.sort();
    let mut outcome = BTreeMap::new();
    for chart in &charts {
        let name = chart.file_name().unwrap().to_str().unwrap().to_owned();
        let request = rendering(chart);
        let bytes = bench.renderer.render(&request).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&name, &Manifests::parse(&bytes).unwrap());
        let traffic = bench.renderer.render(&RenderRequest { manages_traffic: true, ..request }).await;
        outcome.insert(
            name,
            match traffic {
                Ok(bytes) => match Manifests::parse(&bytes).unwrap().traffic_service() {
                    Some(service) => format!("traffic through {}", service.key.name),
                    None => "no traffic to shift".to_owned(),
                },
                Err(error) => error.to_string(),
            },
        );
    }
    eprintln!("{outcome:#?}");
    assert!(!outcome.is_empty(), "the folder has no charts");
    if let Some(podinfo) = outcome.get("podinfo") {
        assert_eq!(podinfo, "traffic through shop-podinfo");
    }
}

/// What must hold of every release, whatever the chart.
fn check(chart: &str, manifests: &Manifests) {
    let release = "shop-83e4eedd-1";
    let keys: BTreeSet<_> = manifests.objects.iter().map(|object| &object.key).collect();
    assert_eq!(keys.len(), manifests.objects.len(), "{chart}: every object once");
    for object in &manifests.objects {
        let labels = &object.value["metadata"]["labels"];
        assert_eq!(labels["shipper.dev/application"], "shop", "{chart}: {}", object.key);
        assert_eq!(labels["app.kubernetes.io/managed-by"], "shipper", "{chart}: {}", object.key);
        assert_eq!(
            labels["shipper.dev/release"] == release,
            object.scope == Scope::Release,
            "{chart}: {}",
            object.key
        );
        assert!(object.key.name.len() <= 63 || object.scope == Scope::Application, "{chart}: {}", object.key);
    }
    let mut named = Vec::new();
    manifests.objects.iter().for_each(|object| names(&object.value, &mut named));
    for object in manifests.objects.iter().filter(|object| object.scope == Scope::Release) {
        if let Some(rendered) = object.key.name.strip_suffix("-83e4eedd-1") {
            let dangling = (object.key.kind.as_str(), rendered);
            assert!(
                !named.contains(&dangling),
                "{chart}: {dangling:?} is named by its name before the suffix"
            );
        }
    }
    for deployment in manifests.deployments() {
        let selector = &deployment.value["spec"]["selector"]["matchLabels"];
        assert_eq!(selector["shipper.dev/release"], release, "{chart}: {}", deployment.key);
        let labels = deployment.pod_labels();
        for (name, value) in selector.as_object().unwrap() {
            assert_eq!(labels.get(name).map(String::as_str), value.as_str(), "{chart}: {}", deployment.key);
        }
    }
}

/// Every ConfigMap and Secret that is named anywhere, by the fields that name them in all of Kubernetes' own kinds.
fn names<'a>(value: &'a Value, into: &mut Vec<(&'static str, &'a str)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| names(item, into)),
        Value::Object(map) => {
            for (field, value) in map {
                let kind = match field.as_str() {
                    "configMap" | "configMapRef" | "configMapKeyRef" => "ConfigMap",
                    "secret" | "secretRef" | "secretKeyRef" | "secretName" | "imagePullSecrets" => "Secret",
                    _ => "",
                };
                let name = value.as_str().or_else(|| value.get("name")?.as_str());
                into.extend(name.filter(|_| !kind.is_empty()).map(|name| (kind, name)));
                names(value, into);
            }
        }
        _ => {}
    }
}
