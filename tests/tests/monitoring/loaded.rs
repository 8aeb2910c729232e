//! Expressions of alerts and dashboards, as Prometheus takes them.

use std::collections::BTreeSet;

use serde_json::Value;
use shipper_tests::prometheus::Prometheus;

/// An expression of a dashboard, and where it stands.
pub struct Shown {
    /// The title of the dashboard.
    pub dashboard: String,
    /// The id of the panel.
    pub panel: u64,
    /// The `refId` of the query.
    pub query: String,
    pub place: String,
    pub expression: String,
}

/// Every expression of the dashboards, with what Grafana puts in the place of its variables.
pub fn shown(dashboards: &[Value]) -> Vec<Shown> {
    let mut all = Vec::new();
    for dashboard in dashboards {
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let place = format!("{}: {} ({})", dashboard["title"], panel["title"], target["refId"]);
                let mut expression = target["expr"].as_str().unwrap().to_owned();
                for (variable, value) in [
                    ("$__rate_interval", "30s"),
                    ("$__range_s", "60"),
                    ("$__range", "1m"),
                    ("$namespace", ".*"),
                    ("$cluster", ".*"),
                    ("[1d]", "[1m]"),
                ] {
                    expression = expression.replace(variable, value);
                }
                assert!(!expression.contains('$'), "{place}: {expression}");
                all.push(Shown {
                    dashboard: dashboard["title"].as_str().unwrap().to_owned(),
                    panel: panel["id"].as_u64().unwrap(),
                    query: target["refId"].as_str().unwrap().to_owned(),
                    place,
                    expression,
                });
            }
        }
    }
    all
}

/// The metrics that an expression names, without what stands for their parts.
pub fn named(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let metrics = words.filter(|word| word.starts_with("shipper_") || word.starts_with("shipper:"));
    metrics
        .map(|metric| {
            let part = ["_bucket", "_sum", "_count"].iter().find_map(|part| metric.strip_suffix(part));
            part.unwrap_or(metric).to_owned()
        })
        .collect()
}

/// The rules with the time that alerts wait before they fire, and that they look back, made short.
pub fn hurried(rules: &Value) -> String {
    let mut text = rules.to_string();
    for minutes in [0, 1, 2, 5, 10, 15] {
        text = text.replace(&format!("\"for\":\"{minutes}m\""), "\"for\":\"1s\"");
    }
    text
}

/// The names of the alerts that fire.
pub async fn firing(prometheus: &Prometheus) -> anyhow::Result<BTreeSet<String>> {
    let alerts = prometheus.query(r#"ALERTS{alertstate="firing"}"#).await?;
    Ok(alerts.into_iter().filter_map(|(mut labels, _)| labels.remove("alertname")).collect())
}
