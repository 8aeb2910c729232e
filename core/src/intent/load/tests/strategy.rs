//! What the steps of a strategy mean together [I2, M3, M4, M7].

use super::*;

/// Problems of a shared strategy with these steps, one per line of YAML's flow style, from line 3 on.
fn steps(steps: &[&str]) -> String {
    let steps: String = steps.iter().map(|step| format!("- {step}\n")).collect();
    problems(
        "strategies/s.yaml",
        &format!(
            "{{apiVersion: shipper.dev/v1alpha1, kind: Strategy, metadata: {{name: s}}, spec: {{steps: [\n{}]}}}}",
            steps.replace("- ", "").replace("}\n", "},\n")
        ),
    )
}

const END: &str =
    "{name: end, capacity: {contender: 100, incumbent: 0}, traffic: {contender: 1, incumbent: 0}}";

#[test]
fn weight_without_capacity() {
    insta::assert_snapshot!(steps(&["{name: a, capacity: {contender: 0}, traffic: {contender: 10}}", END]), @"strategies/s.yaml:2:58: spec.steps[0].traffic.contender: the contender has traffic weight 10 here, but no capacity");
    insta::assert_snapshot!(steps(&["{name: a, traffic: {contender: 10}}", END]), @"strategies/s.yaml:2:32: spec.steps[0].traffic.contender: the contender has traffic weight 10 here, but no capacity");
    insta::assert_snapshot!(steps(&["{name: a, capacity: {contender: 10, incumbent: 0}, traffic: {contender: 1, incumbent: 9}}", END]), @"strategies/s.yaml:2:87: spec.steps[0].traffic.incumbent: the incumbent has traffic weight 9 here, but no capacity");
}

/// [M4] What a step leaves out it has from the step before it.
#[test]
fn weight_without_capacity_that_is_inherited() {
    insta::assert_snapshot!(
        steps(&["{name: a, capacity: {contender: 5}, traffic: {contender: 5}}", "{name: b, capacity: {contender: 0}}", END]), @"strategies/s.yaml:3:33: spec.steps[1].capacity.contender: the contender has traffic weight 5 here, but no capacity");
    insta::assert_snapshot!(
        steps(&["{name: a, capacity: {contender: 0}}", "{name: b}", "{name: c, traffic: {contender: 5}}", END]), @"strategies/s.yaml:4:32: spec.steps[2].traffic.contender: the contender has traffic weight 5 here, but no capacity");
    assert_eq!(
        steps(&[
            "{name: a, capacity: {contender: 5}}",
            "{name: b}",
            "{name: c, traffic: {contender: 5}}",
            END
        ]),
        ""
    );
}

/// [M3] A cluster has the numbers of the steps that select it.
#[test]
fn weight_without_capacity_in_the_clusters_that_a_step_selects() {
    let edge = "{name: a, clusters: {matchLabels: {tier: edge}}, capacity: {contender: 5}}";
    assert_eq!(
        steps(&[edge, "{name: b, clusters: {matchLabels: {tier: edge}}, traffic: {contender: 5}}", END]),
        ""
    );
    insta::assert_snapshot!(steps(&[edge, "{name: b, traffic: {contender: 5}}", END]), @"warning: strategies/s.yaml:3:32: spec.steps[1].traffic.contender: the contender may have traffic weight 5 without capacity in some clusters here");
    insta::assert_snapshot!(steps(&[edge, "{name: b, clusters: {regions: [eu]}, traffic: {contender: 5}}", END]), @"warning: strategies/s.yaml:3:59: spec.steps[1].traffic.contender: the contender may have traffic weight 5 without capacity in some clusters here");
}

#[test]
fn the_last_step_should_be_the_contender_alone() {
    insta::assert_snapshot!(steps(&["{name: a, capacity: {contender: 100}}"]), @"warning: strategies/s.yaml:2:1: spec.steps[0].capacity: the rollout ends with capacity 100/100, not with contender 100 and incumbent 0");
    insta::assert_snapshot!(steps(&["{name: a, capacity: {contender: 50, incumbent: 0}}"]), @"warning: strategies/s.yaml:2:1: spec.steps[0].capacity: the rollout ends with capacity 50/0, not with contender 100 and incumbent 0");
    insta::assert_snapshot!(
        steps(&["{name: a, capacity: {contender: 100, incumbent: 0}, traffic: {contender: 9, incumbent: 1}}"]), @"strategies/s.yaml:2:88: spec.steps[0].traffic.incumbent: the incumbent has traffic weight 1 here, but no capacity");
    insta::assert_snapshot!(steps(&["{name: a, clusters: {regions: [eu]}, capacity: {contender: 100, incumbent: 0}}"]), @"warning: strategies/s.yaml:2:1: spec.steps[0]: clusters that no step selects never get the new release; end with a step without `clusters`");
    insta::assert_snapshot!(
        steps(&["{name: a, capacity: {contender: 100, incumbent: 0}}", "{name: b, clusters: {regions: [eu]}, capacity: {contender: 50}}"]), @"warning: strategies/s.yaml:3:1: spec.steps[1].capacity: the rollout ends with capacity 50/0 in the clusters of some step, not with contender 100 and incumbent 0");
}

/// [M4] Workers and queues: no step names traffic.
#[test]
fn a_strategy_without_traffic_is_whole() {
    assert_eq!(
        steps(&[
            "{name: a, capacity: {contender: 1}}",
            "{name: b, capacity: {contender: 100, incumbent: 0}}"
        ]),
        ""
    );
}

#[test]
fn steps_have_names_of_their_own() {
    insta::assert_snapshot!(steps(&["{name: a}", "{name: a}", "{name: '7'}", "{name: 7}", "{name: ''}", "{}", END]), @r#"
    strategies/s.yaml:3:8: spec.steps[1].name: "a" is listed twice, first on line 2
    strategies/s.yaml:4:8: spec.steps[2].name: "7" is purely numeric, and could be taken for the index of a step
    strategies/s.yaml:5:8: spec.steps[3].name: expected text, found the number 7; put it in quotes
    strategies/s.yaml:6:8: spec.steps[4].name: expected text, found empty text
    strategies/s.yaml:7:1: spec.steps[5].name: is required and missing
    "#);
    insta::assert_snapshot!(steps(&[]), @"strategies/s.yaml:1:87: spec.steps: has no steps; leave `strategy` out to roll out in one step");
}

#[test]
fn a_step_that_no_command_could_name_is_refused() {
    let read = steps(&[
        "{name: $(touch x)}",
        r#"{name: "a\nreboot"}"#,
        r#"{name: "b\e[2J"}"#,
        r#"{name: "\u202ec"}"#,
        END,
    ]);
    insta::assert_snapshot!(read, @r"
    strategies/s.yaml:3:8: spec.steps[1].name: has the character U+000A, which acts on a terminal or hides, so that no command could name the step; take it out
    strategies/s.yaml:4:8: spec.steps[2].name: has the character U+001B, which acts on a terminal or hides, so that no command could name the step; take it out
    strategies/s.yaml:5:8: spec.steps[3].name: has the character U+202E, which acts on a terminal or hides, so that no command could name the step; take it out
    ");
}

#[test]
fn numbers_are_in_their_range() {
    insta::assert_snapshot!(
        steps(&[
            "{name: a, capacity: {contender: 101, incumbent: -1}}",
            "{name: b, capacity: {contender: 10%, incumbent: 2.5}, traffic: {contender: -1, incumbent: 4294967296}}",
            END
        ]), @r#"
    strategies/s.yaml:2:33: spec.steps[0].capacity.contender: expected a whole number from 0 to 100, found 101
    strategies/s.yaml:2:49: spec.steps[0].capacity.incumbent: expected a whole number from 0 to 100, found -1
    strategies/s.yaml:3:33: spec.steps[1].capacity.contender: expected a whole number from 0 to 100, found text "10%"
    strategies/s.yaml:3:49: spec.steps[1].capacity.incumbent: expected a whole number from 0 to 100, found 2.5
    strategies/s.yaml:3:76: spec.steps[1].traffic.contender: expected a whole number of at least 0, found -1
    strategies/s.yaml:3:91: spec.steps[1].traffic.incumbent: expected a whole number of at least 0, found 4294967296
    "#);
}

#[test]
fn gates_are_approval_soak_and_analysis() {
    insta::assert_snapshot!(
        steps(&[
            "{name: a, gate: {approval: nobody, soak: 600}}",
            "{name: b, gate: {soak: soon, approve: auto}}",
            END
        ]), @r#"
    strategies/s.yaml:2:28: spec.steps[0].gate.approval: expected manual or auto, found text "nobody"
    strategies/s.yaml:2:42: spec.steps[0].gate.soak: expected a duration such as 30s, 10m or 1h30m, found the number 600
    strategies/s.yaml:3:24: spec.steps[1].gate.soak: "soon" is not a duration such as 30s, 10m or 1h30m
    strategies/s.yaml:3:30: spec.steps[1].gate.approve: unknown field `approve`, did you mean `approval`?
    "#);
}

#[test]
fn surge_is_never_nothing() {
    let strategy = |fields: &str| template(&format!("{{{CHART}, strategy: {{{fields}, steps: [{END}]}}}}"));
    insta::assert_snapshot!(strategy("surge: 0"), @"applications/web/app.yaml:2:64: spec.template.strategy.surge: surge must be at least one pod or 1%");
    insta::assert_snapshot!(strategy("surge: 0%"), @"applications/web/app.yaml:2:64: spec.template.strategy.surge: surge must be at least one pod or 1%");
    insta::assert_snapshot!(strategy("surge: 200%"), @r#"applications/web/app.yaml:2:64: spec.template.strategy.surge: surge is a number of pods or a percentage from 1% to 100%, not "200%""#);
    insta::assert_snapshot!(strategy("surge: -1, withdrawalSurge: many"), @r#"
    applications/web/app.yaml:2:64: spec.template.strategy.surge: surge is a number of pods or a percentage from 1% to 100%, found the number -1
    applications/web/app.yaml:2:85: spec.template.strategy.withdrawalSurge: surge is a number of pods or a percentage from 1% to 100%, not "many"
    "#);
    insta::assert_snapshot!(strategy("surge: [1]"), @"applications/web/app.yaml:2:64: spec.template.strategy.surge: surge is a number of pods or a percentage from 1% to 100%, found a list");
    insta::assert_snapshot!(
        strategy("progressDeadline: 0s, settle: -5s, onFailure: panic, maxFailedClusters: -1"), @r#"
    applications/web/app.yaml:2:75: spec.template.strategy.progressDeadline: must be longer than nothing
    applications/web/app.yaml:2:87: spec.template.strategy.settle: "-5s" is not a duration such as 30s, 10m or 1h30m
    applications/web/app.yaml:2:103: spec.template.strategy.onFailure: expected hold or rollback, found text "panic"
    applications/web/app.yaml:2:129: spec.template.strategy.maxFailedClusters: maxFailedClusters is a number of clusters or a percentage from 0% to 100%, found the number -1
    "#);
}

/// [A1] [A3] How many clusters may fail, and what happens when more do.
#[test]
fn the_failure_budget_is_a_number_or_a_percentage() {
    let strategy = |fields: &str| template(&format!("{{{CHART}, strategy: {{{fields}, steps: [{END}]}}}}"));
    for good in
        ["maxFailedClusters: 3, onFailure: rollback", "maxFailedClusters: 10%", "maxFailedClusters: 0%"]
    {
        assert_eq!(strategy(good), "");
    }
    insta::assert_snapshot!(strategy("maxFailedClusters: 101%"), @r#"applications/web/app.yaml:2:76: spec.template.strategy.maxFailedClusters: maxFailedClusters is a number of clusters or a percentage from 0% to 100%, not "101%""#);
    insta::assert_snapshot!(strategy("maxFailedClusters: some"), @r#"applications/web/app.yaml:2:76: spec.template.strategy.maxFailedClusters: maxFailedClusters is a number of clusters or a percentage from 0% to 100%, not "some""#);
    insta::assert_snapshot!(strategy("maxFailedClusters: [1]"), @r#"applications/web/app.yaml:2:76: spec.template.strategy.maxFailedClusters: maxFailedClusters is a number of clusters or a percentage from 0% to 100%, found a list"#);
}
