//! What a daemon exposes, by the rules of OpenMetrics and of Prometheus' own linter.

use std::collections::BTreeMap;

/// A metric: its type, help and unit.
#[derive(Debug, Default)]
pub struct Family {
    pub kind: String,
    pub help: String,
    pub unit: Option<String>,
}

/// Every metric in an answer, by the name that a query has for it.
pub fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# ")) {
        let mut words = line.splitn(3, ' ');
        let (Some(what), Some(name), rest) = (words.next(), words.next(), words.next().unwrap_or_default())
        else {
            continue;
        };
        let family = families.entry(name.to_owned()).or_default();
        match what {
            "HELP" => rest.clone_into(&mut family.help),
            "TYPE" => rest.clone_into(&mut family.kind),
            "UNIT" => family.unit = Some(rest.to_owned()),
            _ => {}
        }
    }
    let named = |(name, family): (String, Family)| match family.kind.as_str() {
        "counter" => (format!("{name}_total"), family),
        _ => (name, family),
    };
    families.into_iter().map(named).collect()
}

/// What is wrong with names and help.
pub fn lint(prefix: &str, families: &BTreeMap<String, Family>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |name: &str, what: &str| faults.push(format!("{name}: {what}"));
    for (name, family) in families {
        if !name.starts_with(prefix) {
            fault(name, "belongs to nobody");
        }
        if name.chars().any(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')) {
            fault(name, "is not in small letters with underscores");
        }
        if family.help.len() < 10 || !family.help.ends_with('.') || family.help.contains("..") {
            fault(name, "has no sentence of help");
        }
        let stem = name.strip_suffix("_total").unwrap_or(name);
        if family.kind != "counter" && name.ends_with("_total") {
            fault(name, "is no counter and named like one");
        }
        for reserved in ["_sum", "_count", "_bucket", "_created", "_info"] {
            if stem.ends_with(reserved) && !stem.ends_with("build_info") {
                fault(name, "ends as parts of a metric do");
            }
        }
        for kind in ["gauge", "counter", "histogram", "summary"] {
            if stem.split('_').any(|word| word == kind) {
                fault(name, "has its type in its name");
            }
        }
        let times = ["duration", "time", "age", "wait", "timestamp"];
        let is_time = stem.split('_').any(|word| times.contains(&word)) && family.kind != "counter";
        if is_time != (family.unit.as_deref() == Some("seconds")) || is_time != stem.ends_with("_seconds") {
            fault(name, "a time is in seconds and says so, and nothing else does");
        }
    }
    faults
}
