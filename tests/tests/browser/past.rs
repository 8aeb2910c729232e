//! What was measured for gates that are over: of a version that failed at first and was measured again, and of the one before it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shipper_core::api::Measurement;

const CLUSTERS: [&str; 3] = ["eu-1", "eu-2", "us-1"];

/// Of `payments/ledger`.
pub fn measured() -> Vec<Measurement> {
    let before = CLUSTERS.map(|cluster| {
        let errors =
            ["0.0011", "0.0008", "0.0012", "0.0010", "0.0009", "0.0011"].map(|value| ("passed", value));
        let latency = ["0.171", "0.168", "0.175"].map(|value| ("passed", value));
        measurement("ledger-00ff00ff-0", (9000, 8985), cluster, "passed", &errors, &latency)
    });
    let first = CLUSTERS.map(|cluster| {
        let latency: &[(&str, &str)] = if cluster == "eu-2" {
            &[("passed", "0.302"), ("passed", "0.447"), ("failed", "0.913")]
        } else {
            &[("passed", "0.184"), ("passed", "0.201")]
        };
        let outcome = if cluster == "eu-2" { "failed" } else { "unknown" };
        let errors = [
            ("passed", "0.0014"),
            ("passed", "0.0019"),
            ("unknown", "no answer: timed out"),
            ("passed", "0.0016"),
        ];
        measurement("ledger-c01dcafe-0", (48, 41), cluster, outcome, &errors, latency)
    });
    before.into_iter().chain(first).collect()
}

fn measurement(
    release: &str,
    (from, to): (i64, i64),
    cluster: &str,
    outcome: &str,
    errors: &[(&str, &str)],
    latency: &[(&str, &str)],
) -> Measurement {
    let now = Timestamp::now();
    let ago = |minutes: i64| now.checked_sub(SignedDuration::from_mins(minutes)).unwrap();
    let measure = |name: &str, samples: &[(&str, &str)]| {
        let count = |wanted: &str| samples.iter().filter(|(outcome, _)| *outcome == wanted).count();
        let samples = samples
            .iter()
            .map(|(outcome, measured)| json!({"at": ago(to), "outcome": outcome, "measured": measured}));
        json!({"name": name, "passed": count("passed"), "failed": count("failed"), "unknown": count("unknown"), "samples": samples.collect::<Vec<Value>>()})
    };
    let measured = json!({
        "at": ago(to), "application": "payments/ledger", "release": release, "step": 1, "stepName": "half",
        // One run in all clusters.
        "run": Timestamp::from_second(ago(from).as_second() / 60 * 60).unwrap(),
        "cluster": cluster, "outcome": outcome, "gate": if release == "ledger-c01dcafe-0" { "failed" } else { "passed" }, "measures": [measure("errors", errors), measure("latency", latency)],
    });
    serde_json::from_value(measured).unwrap()
}
