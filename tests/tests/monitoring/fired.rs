//! Every alert fires for what it is for, and for nothing else: tried by promtool on the series of `alerts.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{chart, promtool};

const CASES: &str = include_str!("alerts.yaml");
/// A hub that runs.
const HUB: &str = r#"shipper_hub_build_info{version="1"}"#;
/// Longer than any case, in minutes.
const LONG: usize = 800;

/// What happens, and which alert it is for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    alert: String,
    series: BTreeMap<String, String>,
    /// Of the alert, beside its severity.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Minutes.
    quiet: Vec<u32>,
    fires: Vec<u32>,
    /// What templates become, always or by the minute.
    #[serde(default)]
    says: BTreeMap<String, Value>,
}

impl Case {
    fn series(&self) -> Vec<Value> {
        let mut series = self.series.clone();
        series.entry(HUB.to_owned()).or_insert_with(|| format!("1x{LONG}"));
        series.into_iter().map(|(series, values)| json!({"series": series, "values": values})).collect()
    }

    /// An annotation at a minute.
    fn said(&self, template: &Value, minute: u32) -> String {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.says.iter().fold(text(template), |said, (expression, value)| {
            let value = value.get(minute.to_string()).unwrap_or(value);
            said.replace(&format!("{{{{ {expression} }}}}"), &text(value))
        })
    }

    /// A test as promtool has it.
    fn test(&self, rule: &Value) -> Value {
        let mut labels = json!(self.labels);
        labels["severity"] = rule["labels"]["severity"].clone();
        let at = |minute: u32| format!("{minute}m");
        let fired = |minute: &u32| {
            let annotations = rule["annotations"].as_object().unwrap().iter();
            let said = annotations.map(|(name, text)| (name.clone(), json!(self.said(text, *minute))));
            let alert = json!({"exp_labels": labels, "exp_annotations": Value::Object(said.collect())});
            json!({"eval_time": at(*minute), "alertname": self.alert, "exp_alerts": [alert]})
        };
        let mut all = labels.clone();
        all["alertstate"] = json!("firing");
        all["alertname"] = json!(self.alert);
        let pairs = all.as_object().unwrap().iter().map(|(name, value)| format!("{name}={value}"));
        let series = format!("ALERTS{{{}}}", pairs.collect::<Vec<_>>().join(","));
        let alone = |minutes: &[u32], samples: Value| -> Vec<Value> {
            let expression = r#"ALERTS{alertstate="firing"}"#;
            let test =
                |minute: &u32| json!({"expr": expression, "eval_time": at(*minute), "exp_samples": samples});
            minutes.iter().map(test).collect()
        };
        let mut expressions = alone(&self.quiet, json!([]));
        expressions.extend(alone(&self.fires, json!([{"labels": series, "value": 1}])));
        json!({
            "name": self.alert, "interval": "1m", "input_series": self.series(),
            "promql_expr_test": expressions,
            "alert_rule_test": self.fires.iter().map(fired).collect::<Vec<_>>(),
        })
    }
}

/// Labels whose values are whatever there is.
const NAMES: [&str; 4] = ["cluster", "instance", "job", "version"];

/// What the watched fleet does not bring about: a hub that fails or stands by, and an API server that fails.
const UNSEEN: [(&str, &str); 4] = [("status", "503"), ("code", "500"), ("code", "429"), ("code", "none")];

/// What cannot fire on a real fleet: series of the cases that are none of `real`, by their names, and by their labels and what these say. A
/// metric of `once` may not be there yet.
pub fn unreal(real: &[BTreeMap<String, String>], once: &[&str]) -> Vec<String> {
    let cases = cases();
    let all: BTreeSet<&String> = cases.iter().flat_map(|case| case.series.keys()).collect();
    let is_real = |series: &&String| {
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('='));
        let labels: Vec<(&str, &str)> =
            labels.map(|(label, value)| (label, value.trim_matches('"'))).collect();
        let said = |of: &BTreeMap<String, String>, (label, value): &(&str, &str)| {
            let any = NAMES.contains(label) || UNSEEN.contains(&(label, value));
            of.get(*label).is_some_and(|real| any || real == value)
        };
        let mut own = real.iter().filter(|real| real["__name__"] == name);
        once.contains(&name) || own.any(|real| labels.iter().all(|label| said(real, label)))
    };
    all.into_iter().filter(|series| !is_real(series)).cloned().collect()
}

fn cases() -> Vec<Case> {
    let cases = shipper_core::yaml::read_documents(CASES.as_bytes()).unwrap().remove(0);
    serde_json::from_value(cases).unwrap()
}

#[test]
fn every_alert_fires_when_it_is_to_and_only_then() {
    let files = chart::rules(&chart::render(&[]));
    let groups = files.iter().flat_map(|file| file["groups"].as_array().unwrap());
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let alerts: BTreeMap<&str, &Value> =
        rules.filter_map(|rule| Some((rule.get("alert")?.as_str()?, rule))).collect();
    let cases = cases();
    let tried: BTreeSet<&str> = cases.iter().map(|case| case.alert.as_str()).collect();
    assert_eq!(tried, alerts.keys().copied().collect(), "each is tried, and no other");
    let tests: Vec<Value> = cases.iter().map(|case| case.test(alerts[case.alert.as_str()])).collect();
    assert!(cases.iter().all(|case| !case.quiet.is_empty() && !case.fires.is_empty()));
    promtool::test("1m", &tests);
}
