//! The dashboards, read with what Grafana publishes: the schemas of its dashboards and panels, and the libraries of its page.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use shipper_tests::node_js;
use shipper_tests::prometheus::Series;
use shipper_tests::scratch::Scratch;

use super::chart::{dashboards, render};
use super::loaded::Shown;

/// What a Prometheus answers to the queries of dashboards: by dashboard, panel and `refId`.
#[derive(Default)]
pub struct Answers(BTreeMap<String, Value>);

impl Answers {
    pub fn add(&mut self, shown: &Shown, found: &[Series]) {
        let series: Vec<Value> =
            found.iter().map(|(labels, value)| json!({"labels": labels, "value": value})).collect();
        let dashboard = self.0.entry(shown.dashboard.clone()).or_insert_with(|| json!({}));
        dashboard[shown.panel.to_string()][&shown.query] = series.into();
    }
}

/// What Grafana's libraries find wrong with a dashboard, and with what they make of the answers to its queries.
fn misread(dashboard: &Value, answers: Option<&Value>) -> String {
    let program = shipper_toolchain::grafana_libraries(&mut std::io::stderr()).unwrap();
    let scratch = Scratch::new("grafana").unwrap();
    let input = json!({"dashboard": dashboard, "answers": answers});
    let path = scratch.write("dashboard.json", input.to_string()).unwrap();
    let output = Command::new(node_js::program().unwrap()).arg(program).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Grafana shows every answer under a name of its own, as it is meant.
pub fn shows(answers: &Answers) {
    if !node_js::possible("what Grafana makes of the answers") {
        return;
    }
    for dashboard in dashboards(&render(&[])) {
        let answers = &answers.0[dashboard["title"].as_str().unwrap()];
        assert_eq!(misread(&dashboard, Some(answers)), "");
    }
}

/// A dashboard with another value in this place of its first panel of a kind.
fn with(dashboard: &Value, kind: &str, field: &str, value: Value) -> Value {
    let mut changed = dashboard.clone();
    let panels = changed["panels"].as_array_mut().unwrap();
    let panel = panels.iter_mut().find(|panel| panel["type"] == kind).unwrap();
    let (parent, name) = field.rsplit_once('/').unwrap();
    panel.pointer_mut(&format!("/{parent}")).unwrap()[name] = value;
    changed
}

/// Each is as the schemas of Grafana and of its panels have it: no field that there is not, none missing that must be there, each of its type.
#[test]
fn dashboards_are_as_grafana_has_them() {
    let program = shipper_toolchain::dashboards(&mut std::io::stderr()).unwrap();
    let scratch = Scratch::new("dashboards").unwrap();
    let faults = |name: &str, dashboard: &Value| {
        let path = scratch.write(name, dashboard.to_string()).unwrap();
        let output = Command::new(&program).arg(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let dashboards = dashboards(&render(&[]));
    assert_eq!(dashboards.len(), 4);
    for dashboard in &dashboards {
        assert_eq!(faults("good", dashboard), "", "{}", dashboard["title"]);
    }
    for (field, value) in [("options/colorMod", "value"), ("gridPos/w", "4"), ("targets/0/exp", "up")] {
        let bad = with(&dashboards[0], "stat", field, value.into());
        assert_ne!(faults("bad", &bad), "", "{field} is taken");
    }
}

/// Every word is one that Grafana knows in its place: of the modes of panels by its types, of units, calculations and transformations by the
/// libraries that carry them out.
#[test]
fn dashboards_say_what_grafana_knows() {
    if !node_js::possible("dashboards_say_what_grafana_knows") {
        return;
    }
    let dashboards = dashboards(&render(&[]));
    for dashboard in &dashboards {
        assert_eq!(misread(dashboard, None), "");
    }
    let steps = json!([{"color": "green", "value": null}, {"color": "red", "value": 5}, {"color": "red", "value": 1}]);
    for (field, value, fault) in [
        ("options/colorMode", json!("vlue"), "'\"vlue\"' is not assignable"),
        ("fieldConfig/defaults/unit", json!("seconds"), "no unit seconds"),
        ("options/reduceOptions/calcs", json!(["latest"]), "no calculation latest"),
        ("fieldConfig/defaults/color", json!({"mode": "palette"}), "'\"palette\"' is not assignable"),
        ("fieldConfig/defaults/thresholds/steps", steps, "thresholds do not rise"),
        ("fieldConfig/overrides", json!([]), ""),
    ] {
        let found = misread(&with(&dashboards[0], "stat", field, value), None);
        assert!(found.contains(fault) && found.is_empty() == fault.is_empty(), "{field}: {found}");
    }
}

/// What is made of answers is looked at: a name that two series have, a label that none has, a column that there is not.
#[test]
fn answers_that_would_be_misread_are_found() {
    if !node_js::possible("answers_that_would_be_misread_are_found") {
        return;
    }
    let panel = |kind: &str, more: Value| {
        let mut panel = json!({"id": 1, "title": "One", "type": kind, "options": {},
            "fieldConfig": {"defaults": {"unit": "s"}, "overrides": []}});
        panel.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"title": "Tried", "panels": [panel]})
    };
    let answers = json!({"1": {"A": [
        {"labels": {"cluster": "one"}, "value": 1.0}, {"labels": {"cluster": "two"}, "value": 2.0},
    ]}});
    let legend = |text: &str| panel("timeseries", json!({"targets": [{"refId": "A", "legendFormat": text}]}));
    let table = |column: &str| {
        panel(
            "table",
            json!({"targets": [{"refId": "A", "format": "table"}], "transformations": [
                {"id": "organize", "options": {"excludeByName": {column: true}}},
            ]}),
        )
    };
    for (dashboard, fault) in [
        (legend("{{cluster}}"), ""),
        (legend("all"), "Tried: One: two series are called all\n"),
        (legend("{{zone}} {{cluster}}"), "Tried: One: the legend names zone, which series do not have\n"),
        (table("Time"), ""),
        (table("Zeit"), "Tried: One: no column Zeit\n"),
    ] {
        assert_eq!(misread(&dashboard, Some(&answers)), fault);
    }
}
