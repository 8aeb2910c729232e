//! Instant queries by Prometheus' HTTP API, which Thanos, Mimir and VictoriaMetrics speak as well.

use super::AskError;
use super::http::send;
use super::secret::Credentials;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::Value;
use shipper_core::analysis::{Reading, Series};
use shipper_core::intent::PrometheusQuery;
use std::collections::BTreeMap;

/// Most elements of a result that are judged.
const MOST_SERIES: usize = 1000;
/// Characters of an error that are told.
const SHOWN: usize = 200;

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

#[derive(Deserialize)]
struct Element {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

/// Asks a query.
///
/// # Errors
/// No answer, an error, or a result that is neither numbers nor a number.
pub(super) async fn ask(
    client: &Client,
    credentials: &Credentials,
    query: &PrometheusQuery,
) -> Result<Reading, AskError> {
    let path = format!("{}/api/v1/query", query.address.trim_end_matches('/'));
    let url = Url::parse_with_params(&path, [("query", &query.query)])
        .map_err(|error| AskError::Answer(format!("{path} is no address: {error}")))?;
    let (status, body) = send(client.get(url), credentials).await?;
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
        AskError::Answer(format!("status {status}, and no answer of a Prometheus; is the address right?"))
    })?;
    if answer.status != "success" {
        let error: String = answer.error.chars().take(SHOWN).collect();
        return Err(AskError::Answer(format!("status {status}: {error}")));
    }
    let data = answer.data.ok_or_else(|| AskError::Answer("an answer without data".to_owned()))?;
    read(data)
}

fn read(data: Data) -> Result<Reading, AskError> {
    let wrong =
        |what: &str| AskError::Answer(format!("the query gives {what}; ask for numbers at one moment"));
    let elements: Vec<Element> = match data.result_type.as_str() {
        "vector" => serde_json::from_value(data.result).map_err(|_| wrong("no numbers (histograms?)"))?,
        "scalar" => {
            let value = serde_json::from_value(data.result).map_err(|_| wrong("no number"))?;
            vec![Element { metric: BTreeMap::new(), value }]
        }
        other => return Err(wrong(&format!("a {other}"))),
    };
    if elements.len() > MOST_SERIES {
        return Err(wrong(&format!("more than {MOST_SERIES} series")));
    }
    let series = elements.into_iter().map(|element| {
        // `NaN`, `+Inf` and `-Inf` are numbers of Rust as well.
        let value = element.value.1.parse().map_err(|_| wrong("what is no number"))?;
        Ok(Series { labels: element.metric, value })
    });
    Ok(Reading::Query(series.collect::<Result<_, AskError>>()?))
}
