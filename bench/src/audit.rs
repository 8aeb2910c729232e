//! What the API server says was asked of it, by its audit log.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;
use shipper_tests::cluster::Cluster;

/// Requests by verb.
pub type Calls = BTreeMap<String, u64>;

/// The requests of the clients whose user agent begins so, by verb, from event `from` on; and where the log ends now.
///
/// # Errors
/// There is no audit log.
pub fn calls(cluster: &Cluster, user_agent: &str, from: usize) -> Result<(Calls, usize)> {
    let events = cluster.audit_events(None)?;
    let mut calls = Calls::new();
    for event in events.iter().skip(from).filter(|event| is_request(event)) {
        if text(event, "/userAgent").starts_with(user_agent) {
            *calls.entry(text(event, "/verb").to_owned()).or_default() += 1;
        }
    }
    Ok((calls, events.len()))
}

/// What the requests since `from` were about: verb, resource, and how many.
///
/// # Errors
/// There is no audit log.
pub fn about(cluster: &Cluster, user_agent: &str, from: usize) -> Result<Calls> {
    let events = cluster.audit_events(None)?;
    let mut calls = Calls::new();
    for event in events.iter().skip(from).filter(|event| is_request(event)) {
        if text(event, "/userAgent").starts_with(user_agent) {
            let resource = text(event, "/objectRef/resource");
            *calls.entry(format!("{} {resource}", text(event, "/verb"))).or_default() += 1;
        }
    }
    Ok(calls)
}

/// Each request has one event: that of its end, but for watches, which begin.
fn is_request(event: &Value) -> bool {
    let stage = if text(event, "/verb") == "watch" { "ResponseStarted" } else { "ResponseComplete" };
    text(event, "/stage") == stage
}

fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What came on top between two counts.
pub fn difference(before: &Calls, after: &Calls) -> Calls {
    let grown =
        |verb: &String, count: &u64| count - before.get(verb).copied().unwrap_or_default().min(*count);
    after
        .iter()
        .map(|(verb, count)| (verb.clone(), grown(verb, count)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// In one line.
pub fn line(calls: &Calls) -> String {
    if calls.is_empty() {
        return "none".to_owned();
    }
    calls.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}
