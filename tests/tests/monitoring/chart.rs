//! The chart, as Helm renders it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Where the chart is.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/shipper-monitoring")
}

/// What Helm makes of it with these settings.
pub fn render(settings: &[&str]) -> Vec<Value> {
    let helm = shipper_toolchain::helm(&mut std::io::stderr()).unwrap();
    let mut command = Command::new(helm);
    command.args(["template", "watch"]).arg(folder()).args(["--namespace", "monitoring"]);
    let output =
        command.args(settings.iter().flat_map(|setting| ["--set-string", setting])).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    shipper_core::yaml::read_documents(&output.stdout).unwrap()
}

/// The rule files in what was rendered.
pub fn rules(rendered: &[Value]) -> Vec<Value> {
    let rules = rendered.iter().filter(|object| object["kind"] == "PrometheusRule");
    rules.map(|object| object["spec"].clone()).collect()
}

/// The dashboards in what was rendered.
pub fn dashboards(rendered: &[Value]) -> Vec<Value> {
    let maps = rendered.iter().filter(|object| object["kind"] == "ConfigMap");
    let files = maps.flat_map(|object| object["data"].as_object().unwrap().values());
    files.map(|file| serde_json::from_str(file.as_str().unwrap()).unwrap()).collect()
}

/// What is rendered is what lies in the chart as plain files, for those who use no Helm.
#[test]
fn the_rendered_chart_is_its_plain_files() {
    let rendered = render(&["rules.labels.release=stack", "dashboards.annotations.grafana_folder=Shipper"]);
    assert_eq!(rendered.len(), 6, "two rule files and four dashboards");
    let plain = |folder_name: &str| {
        let entries = std::fs::read_dir(folder().join("files").join(folder_name)).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        // JSON is YAML.
        paths
            .iter()
            .map(|path| shipper_core::yaml::read_documents(&std::fs::read(path).unwrap()).unwrap().remove(0))
            .collect::<Vec<Value>>()
    };
    assert_eq!(rules(&rendered), plain("rules"));
    assert_eq!(dashboards(&rendered), plain("dashboards"));
    for object in &rendered {
        let metadata = &object["metadata"];
        assert_eq!(metadata["namespace"], "monitoring");
        match object["kind"].as_str() {
            Some("PrometheusRule") => assert_eq!(metadata["labels"]["release"], "stack"),
            _ => {
                assert_eq!(metadata["labels"]["grafana_dashboard"], "1");
                assert_eq!(metadata["annotations"]["grafana_folder"], "Shipper");
            }
        }
    }
    let names: BTreeSet<&str> =
        rendered.iter().filter_map(|object| object["metadata"]["name"].as_str()).collect();
    assert_eq!(names.len(), rendered.len(), "{names:?}");
}

#[test]
fn either_half_may_be_left_out_and_runbooks_may_be_elsewhere() {
    let rendered = render(&["rules.runbooks=https://wiki.example/shipper/"]);
    let text = serde_json::to_string(&rules(&rendered)).unwrap();
    assert!(
        text.contains("https://wiki.example/shipper/monitoring.md#shipperrolloutheld")
            && !text.contains("github.com")
    );
    let helm = shipper_toolchain::helm(&mut std::io::stderr()).unwrap();
    let template = |settings: &str| {
        Command::new(&helm)
            .args(["template", "watch"])
            .arg(folder())
            .args(["--set", settings])
            .output()
            .unwrap()
    };
    let without = template("rules.enabled=false,dashboards.enabled=false");
    assert!(without.status.success() && without.stdout.trim_ascii().is_empty());
    let wrong = template("rules.enbled=false");
    assert!(!wrong.status.success(), "a setting that does not exist is taken");
}

/// Every alert says how bad it is, what is so, and where to read on; the book has a section for each.
#[test]
fn every_alert_has_a_section_in_the_book() {
    let book = std::fs::read_to_string(folder().join("../../docs/monitoring.md")).unwrap();
    let rules = rules(&render(&[]));
    let alerts = rules
        .iter()
        .flat_map(|file| file["groups"].as_array().unwrap())
        .flat_map(|group| group["rules"].as_array().unwrap());
    let mut names = BTreeSet::new();
    for alert in alerts.filter(|rule| rule.get("alert").is_some()) {
        let name = alert["alert"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
        let annotations = &alert["annotations"];
        for words in ["summary", "description"] {
            assert!(annotations[words].as_str().is_some_and(|text| text.ends_with('.')), "{name}: {words}");
        }
        let link = annotations["runbook_url"].as_str().unwrap();
        assert!(link.ends_with(&format!("/docs/monitoring.md#{}", name.to_lowercase())), "{name}: {link}");
        assert!(book.contains(&format!("\n### {name}\n")), "the book has no section on {name}");
    }
    let sections = book.lines().filter_map(|line| line.strip_prefix("### Shipper")).count();
    assert_eq!(sections, names.len(), "sections of alerts that do not exist");
}

/// Grafana reads what is there, in places that do not overlap.
#[test]
fn dashboards_are_whole() {
    let kinds = ["row", "stat", "timeseries", "bargauge", "table"];
    let mut uids = BTreeSet::new();
    for dashboard in dashboards(&render(&[])) {
        let title = dashboard["title"].as_str().unwrap();
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()), "{title}: its uid is another's");
        assert_eq!(dashboard["templating"]["list"][0]["name"], "datasource", "{title}");
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in dashboard["panels"].as_array().unwrap() {
            let name = format!("{title}: {}", panel["title"]);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: its id is another's");
            assert!(kinds.contains(&panel["type"].as_str().unwrap()), "{name}");
            let place = |edge: &str| panel["gridPos"][edge].as_u64().unwrap();
            assert!(place("x") + place("w") <= 24, "{name} is too wide");
            for (x, y) in (0..place("w")).flat_map(|x| (0..place("h")).map(move |y| (x, y))) {
                assert!(taken.insert((place("x") + x, place("y") + y)), "{name} lies over another");
            }
            if panel["type"] != "row" {
                assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}");
                assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{name} has no unit");
                let description = panel["description"].as_str().unwrap();
                assert!(description.ends_with('.'), "{name} is not described: {description:?}");
                let targets = panel["targets"].as_array().unwrap();
                assert!(!targets.is_empty(), "{name} shows nothing");
                let refs: BTreeSet<&str> =
                    targets.iter().map(|target| target["refId"].as_str().unwrap()).collect();
                assert_eq!(refs.len(), targets.len(), "{name}");
            }
        }
    }
}
