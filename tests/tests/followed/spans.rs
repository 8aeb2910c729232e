//! The spans that a collector has taken in, out of the JSON of OTLP that it writes.

use std::collections::BTreeMap;

use serde_json::Value;
use shipper_tests::collector::Collector;

/// A span as it arrived.
#[derive(Clone, Debug)]
pub struct Span {
    pub service: String,
    pub cluster: String,
    pub name: String,
    pub trace: String,
    pub id: String,
    /// Empty = it is the first of its trace.
    pub parent: String,
    /// In nanoseconds since 1970.
    pub times: (u64, u64),
    pub attributes: BTreeMap<String, String>,
}

/// The spans of a trace.
pub fn of_trace(collector: &Collector, trace: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for resource in collector.written().unwrap().iter().flat_map(|line| list(&line["resourceSpans"])) {
        let of = said(&resource["resource"]);
        let scopes = list(&resource["scopeSpans"]);
        let all = scopes.flat_map(|scope| list(&scope["spans"])).map(|span| Span::read(span, &of));
        spans.extend(all.filter(|span| span.trace == trace));
    }
    spans
}

impl Span {
    fn read(span: &Value, of: &BTreeMap<String, String>) -> Self {
        let told = |name: &str| of.get(name).cloned().unwrap_or_default();
        let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
        let time = |name: &str| text(name).parse().unwrap();
        Self {
            service: told("service.name"),
            cluster: told("cluster"),
            name: text("name"),
            trace: text("traceId"),
            id: text("spanId"),
            parent: text("parentSpanId"),
            times: (time("startTimeUnixNano"), time("endTimeUnixNano")),
            attributes: said(span),
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn said(of: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| match value["stringValue"].as_str().or_else(|| value["intValue"].as_str()) {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    let one = |attribute: &Value| Some((attribute["key"].as_str()?.to_owned(), text(&attribute["value"])));
    list(&of["attributes"]).filter_map(one).collect()
}
