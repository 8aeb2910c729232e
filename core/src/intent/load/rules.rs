//! What fields mean together, beyond what each of them may be.

use super::check::{Checker, join};
use super::{Kind, steps};
use crate::intent::Schedule;
use crate::yaml::Node;
use serde_json::Value;

/// Checks what fields of `root` mean together; those that are wrong by themselves have been reported.
pub(super) fn check(checker: &mut Checker<'_>, root: &Node, kind: Kind) {
    let Some(spec) = root.get("spec") else { return };
    match kind {
        Kind::Application => {
            if let Some(template) = present(spec, "template") {
                self::template(checker, template, "spec.template");
            }
            if let Some(rollout) = present(spec, "rollout") {
                self::rollout(checker, rollout, "spec.rollout");
            }
        }
        Kind::Strategy => steps::check(checker, spec, "spec"),
        Kind::RolloutBlock => block(checker, spec),
        Kind::Cluster => {
            if spec.get("region").is_none_or(Node::is_null) && checker.original {
                checker.warn(
                    spec.at,
                    "spec.region",
                    "is missing; no application that names regions runs here",
                );
            }
        }
    }
}

/// Brings together what was listed twice in an object of the original: the larger number of clusters counts.
pub(super) fn merge_regions(spec: &mut Value) {
    let Some(Value::Array(regions)) = spec.pointer_mut("/template/clusterRequirements/regions") else {
        return;
    };
    let mut merged: Vec<Value> = Vec::with_capacity(regions.len());
    for region in regions.drain(..) {
        let replicas = |region: &Value| region["replicas"].as_u64().unwrap_or(1);
        match merged.iter_mut().find(|other| other["name"] == region["name"]) {
            Some(other) if replicas(other) < replicas(&region) => *other = region,
            Some(_) => {}
            None => merged.push(region),
        }
    }
    *regions = merged;
}

pub(super) fn present<'a>(node: &'a Node, field: &str) -> Option<&'a Node> {
    node.get(field).filter(|value| !value.is_null())
}

fn template(checker: &mut Checker<'_>, template: &Node, path: &str) {
    match (present(template, "chart"), present(template, "manifests")) {
        (Some(chart), None) => self::chart(checker, chart, &join(path, "chart")),
        (None, Some(_)) => {
            for field in ["values", "overrides"] {
                if let Some(given) = present(template, field)
                    .filter(|given| !given.entries().is_empty() || !given.items().is_empty())
                {
                    checker.error(
                        given.at,
                        &join(path, field),
                        "is for charts; plain manifests take no values",
                    );
                }
            }
        }
        (Some(_), Some(manifests)) => {
            checker.error(manifests.at, &join(path, "manifests"), "given beside `chart`; keep one of them");
        }
        (None, None) => {
            checker.error(template.at, path, "has neither `chart` nor `manifests`; give one of them");
        }
    }
    match (present(template, "strategy"), present(template, "strategyRef")) {
        (Some(_), Some(reference)) => {
            checker.error(
                reference.at,
                &join(path, "strategyRef"),
                "given beside `strategy`; keep one of them",
            );
        }
        (Some(strategy), None) => steps::check(checker, strategy, &join(path, "strategy")),
        _ => {}
    }
}

/// `paused` stands by itself; everything else is said to a release.
fn rollout(checker: &mut Checker<'_>, rollout: &Node, path: &str) {
    let given = |field| present(rollout, field);
    match (given("release"), given("targetStep")) {
        (Some(_), None) => checker.error(
            rollout.at,
            &join(path, "targetStep"),
            "is missing beside `release`; name the step to go to, or the one the release is at",
        ),
        (None, Some(_)) => checker.error(
            rollout.at,
            &join(path, "release"),
            "is missing beside `targetStep`; name the release that is to go there",
        ),
        (None, None) => {
            for field in ["request", "skipGates", "adoptStrategy"] {
                if let Some(node) = given(field) {
                    checker.error(
                        node.at,
                        &join(path, field),
                        "says nothing without `release` and `targetStep`; give both",
                    );
                }
            }
        }
        (Some(_), Some(_)) => {}
    }
}

fn chart(checker: &mut Checker<'_>, chart: &Node, path: &str) {
    match (present(chart, "path"), present(chart, "name")) {
        (None, None) => checker.error(
            chart.at,
            path,
            "has neither `path` (a folder of this repository) nor `name` (in the repository `repoUrl`); give one of them",
        ),
        (None, Some(_)) if present(chart, "repoUrl").is_none() => {
            checker.error(chart.at, &join(path, "repoUrl"), "is missing; a chart with a `name` comes from a repository");
        }
        (Some(_), _) => {
            for field in ["name", "version", "repoUrl"] {
                if let Some(given) = present(chart, field) {
                    checker.error(given.at, &join(path, field), "given beside `path`; a chart of this repository has only a path");
                }
            }
        }
        _ => {}
    }
}

/// The parts of a schedule that are wrong by themselves have been reported.
fn block(checker: &mut Checker<'_>, spec: &Node) {
    let Some(schedule) = present(spec, "schedule") else { return };
    let text = |field| present(schedule, field).and_then(Node::text);
    let (Some(cron), Some(duration)) = (text("cron"), text("duration")) else { return };
    for error in Schedule::errors(cron, duration, text("timeZone")) {
        let field = error.field();
        let path = join("spec.schedule", field);
        if !checker.problems.iter().any(|problem| problem.field.as_ref() == Some(&path)) {
            checker.error(schedule.get(field).map_or(schedule.at, |node| node.at), &path, error.to_string());
        }
    }
}
