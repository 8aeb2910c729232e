//! What the analyses of a step mean: one measure each, conditions that can be judged, placeholders that stand for something [A4].

use super::check::{Checker, join};
use super::rules::present;
use crate::analysis::{Expression, ExpressionError, Reading, check as check_placeholders};
use crate::intent::strategy::duration;
use crate::yaml::{Data, Node};
use std::time::Duration;

const MEASURES: [&str; 3] = ["prometheus", "http", "job"];
/// A gate that measures more often says nothing more and only loads what is measured.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// Checks the analyses of a step.
pub(super) fn check(checker: &mut Checker<'_>, step: &Node, path: &str) {
    let Some(list) = present(step, "gate").and_then(|gate| present(gate, "analysis")) else { return };
    let Data::List(items) = &list.data else { return };
    for (index, item) in items.iter().enumerate() {
        one(checker, item, &format!("{}[{index}]", join(&join(path, "gate"), "analysis")));
    }
}

fn one(checker: &mut Checker<'_>, item: &Node, path: &str) {
    let given: Vec<&str> = MEASURES.into_iter().filter(|name| present(item, name).is_some()).collect();
    let [kind] = given.as_slice() else {
        let found =
            if given.is_empty() { "has none".to_owned() } else { format!("has {}", given.join(" and ")) };
        checker.error(item.at, path, format!("{found} of `prometheus`, `http` and `job`; give exactly one"));
        return;
    };
    let Some(measure) = present(item, kind) else { return };
    let inner = join(path, kind);
    placeholders(checker, measure, &inner);
    for field in ["address", "url"] {
        if let Some(url) = present(measure, field)
            && url.text().is_some_and(|text| text.starts_with("oci://"))
        {
            checker.error(url.at, &join(&inner, field), "begins with oci://; it must be http:// or https://");
        }
    }
    match *kind {
        "job" => job(checker, item, measure, path),
        "prometheus" if present(item, "failIf").is_none() && present(item, "passIf").is_none() => {
            checker.error(
                item.at,
                path,
                "has neither `failIf` nor `passIf`; say what makes a sample good or bad",
            );
        }
        _ => {}
    }
    if let Some(interval) = present(item, "interval")
        && let Some(Ok(length)) = interval.text().map(duration::parse)
        && length < LEAST_INTERVAL
    {
        checker.error(interval.at, &join(path, "interval"), "must be at least 1s");
    }
    for field in ["failIf", "passIf"].into_iter().filter(|_| *kind != "job") {
        condition(checker, item, kind, &join(path, field), field);
    }
}

fn job(checker: &mut Checker<'_>, item: &Node, job: &Node, path: &str) {
    for field in ["failIf", "passIf", "interval", "count"] {
        if let Some(given) = present(item, field) {
            let message = "given beside `job`; a Job is run once, and its result counts";
            checker.error(given.at, &join(path, field), message);
        }
    }
    let Some(spec) = present(job, "spec") else { return };
    let containers = spec.get("template").and_then(|pod| pod.get("spec")?.get("containers"));
    if !containers.is_some_and(|list| matches!(&list.data, Data::List(items) if !items.is_empty())) {
        let message = "has no template.spec.containers; it is the spec of a Kubernetes Job";
        checker.error(spec.at, &join(&join(path, "job"), "spec"), message);
    }
}

fn condition(checker: &mut Checker<'_>, item: &Node, kind: &str, path: &str, field: &str) {
    let Some(node) = present(item, field) else { return };
    let Some(text) = node.text() else { return };
    let tried = Expression::parse(text).map(|expression| expression.holds(&Reading::example(kind)));
    match tried {
        // What an example does not have, a real answer may.
        Ok(Ok(_) | Err(ExpressionError::Failed(_))) => {}
        Ok(Err(error)) | Err(error) => checker.error(node.at, path, error.to_string()),
    }
}

fn placeholders(checker: &mut Checker<'_>, node: &Node, path: &str) {
    match &node.data {
        Data::Text(text) => {
            if let Err(error) = check_placeholders(text) {
                checker.error(node.at, path, error.to_string());
            }
        }
        Data::List(items) => {
            for (index, item) in items.iter().enumerate() {
                placeholders(checker, item, &format!("{path}[{index}]"));
            }
        }
        Data::Map(entries) => {
            for entry in entries {
                placeholders(checker, &entry.value, &join(path, &entry.key));
            }
        }
        _ => {}
    }
}
