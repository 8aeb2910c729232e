//! Every recorded series is what it says: tried by promtool on the series of `records.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{chart, promtool};

const CASES: &str = include_str!("records.yaml");

/// What is scraped, and what is recorded of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    record: String,
    /// Between two values of a series.
    every: String,
    series: BTreeMap<String, String>,
    /// When it is looked at.
    at: String,
    /// By labels.
    is: BTreeMap<String, f64>,
}

impl Case {
    /// A test as promtool has it.
    fn test(&self) -> Value {
        let series: Vec<Value> =
            self.series.iter().map(|(series, values)| json!({"series": series, "values": values})).collect();
        let sample = |(labels, value): (&String, &f64)| json!({"labels": format!("{}{labels}", self.record), "value": value});
        let samples: Vec<Value> = self.is.iter().map(sample).collect();
        json!({
            "name": self.record, "interval": self.every, "input_series": series,
            "promql_expr_test": [{"expr": self.record, "eval_time": self.at, "exp_samples": samples}],
        })
    }
}

#[test]
fn every_recorded_series_is_what_it_says() {
    let cases = shipper_core::yaml::read_documents(CASES.as_bytes()).unwrap().remove(0);
    let cases: Vec<Case> = serde_json::from_value(cases).unwrap();
    let files = chart::rules(&chart::render(&[]));
    let groups = files.iter().flat_map(|file| file["groups"].as_array().unwrap());
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let recorded: BTreeSet<&str> = rules.filter_map(|rule| rule.get("record")?.as_str()).collect();
    let tried: BTreeSet<&str> = cases.iter().map(|case| case.record.as_str()).collect();
    assert_eq!(tried, recorded, "each is tried, and no other");
    assert!(cases.iter().all(|case| !case.is.is_empty()));
    promtool::test("1h", &cases.iter().map(Case::test).collect::<Vec<_>>());
}
