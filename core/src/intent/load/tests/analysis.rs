//! Analyses that are refused, and why [A4].

use super::*;

fn gate(analyses: &str) -> String {
    let strategy = format!(
        "apiVersion: shipper.dev/v1alpha1\nkind: Strategy\nmetadata: {{name: s}}\nspec:\n  steps:\n  - {{name: a, capacity: {{contender: 100, incumbent: 0}}, gate: {{analysis: [\n{analyses}\n    ]}}}}\n"
    );
    problems("strategies/s.yaml", &strategy)
}

const QUERY: &str = "prometheus: {address: 'http://prometheus:9090', query: up}";

#[test]
fn a_whole_gate_is_accepted() {
    assert_eq!(gate(&format!("{{name: errors, {QUERY}, failIf: '> 0.01', interval: 30s, count: 5}},")), "");
    assert_eq!(
        gate(&format!("{{name: errors, {QUERY}, failIf: 'value > 1', passIf: 'size(values) == 1'}},")),
        ""
    );
    assert_eq!(
        gate("{name: up, http: {url: 'http://{{application}}.{{namespace}}/healthz', status: [200, 204]}},"),
        ""
    );
    assert_eq!(gate("{name: up, http: {url: 'https://a/'}, passIf: 'json.errors < 5 && json.ready'},"), "");
    assert_eq!(
        gate(
            "{name: smoke, job: {spec: {template: {spec: {containers: [{name: t, image: t, args: ['{{release}}']}]}}}}, timeout: 5m},"
        ),
        ""
    );
}

#[test]
fn one_measure_each_with_a_name_of_its_own() {
    insta::assert_snapshot!(gate(&format!("{{name: a, failIf: '> 1'}},\n{{name: a, {QUERY}, http: {{url: 'http://a'}}, failIf: '> 1'}},\n{{name: A b, {QUERY}, failIf: '> 1'}},")), @r#"
    strategies/s.yaml:7:1: spec.steps[0].gate.analysis[0]: has none of `prometheus`, `http` and `job`; give exactly one
    strategies/s.yaml:8:1: spec.steps[0].gate.analysis[1]: has prometheus and http of `prometheus`, `http` and `job`; give exactly one
    strategies/s.yaml:8:8: spec.steps[0].gate.analysis[1].name: "a" is listed twice, first on line 7
    strategies/s.yaml:9:8: spec.steps[0].gate.analysis[2].name: "A b" is not a DNS label: at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit
    "#);
}

#[test]
fn fields_that_nobody_knows_have_a_nearest_name() {
    insta::assert_snapshot!(gate(&format!("{{name: a, {QUERY}, failIff: '> 1', failIf: '> 1'}},\n{{name: b, prometheus: {{adress: 'http://a', query: up}}, failIf: '> 1'}},")), @r#"
    strategies/s.yaml:7:71: spec.steps[0].gate.analysis[0].failIff: unknown field `failIff`, did you mean `failIf`?
    strategies/s.yaml:8:23: spec.steps[0].gate.analysis[1].prometheus.address: is required and missing
    strategies/s.yaml:8:24: spec.steps[0].gate.analysis[1].prometheus.adress: unknown field `adress`, did you mean `address`?
    "#);
}

#[test]
fn conditions_are_read_and_tried() {
    let conditions = |list: &[&str]| {
        let items: Vec<String> = list
            .iter()
            .enumerate()
            .map(|(i, text)| format!("{{name: a{i}, {QUERY}, failIf: {}}},", serde_json::Value::from(*text)))
            .collect();
        gate(&items.join("\n"))
    };
    insta::assert_snapshot!(conditions(&["> ", "value >", "", "value", "errors > 1", "now() > 1", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]] == []"]), @r#"
    strategies/s.yaml:7:80: spec.steps[0].gate.analysis[0].failIf: is not a CEL expression: mismatched input '<EOF>'
    strategies/s.yaml:8:80: spec.steps[0].gate.analysis[1].failIf: is not a CEL expression: mismatched input '<EOF>'
    strategies/s.yaml:9:80: spec.steps[0].gate.analysis[2].failIf: is empty; write a condition such as `> 0.01` or `value > 0.01`, or leave it out
    strategies/s.yaml:10:80: spec.steps[0].gate.analysis[3].failIf: gives a float, not true or false
    strategies/s.yaml:11:80: spec.steps[0].gate.analysis[4].failIf: names "errors", which is not there; there are value, values, result
    strategies/s.yaml:12:80: spec.steps[0].gate.analysis[5].failIf: names "now", which is not there; there are value, values, result
    strategies/s.yaml:13:80: spec.steps[0].gate.analysis[6].failIf: is nested deeper than 16 brackets or choices
    "#);
    insta::assert_snapshot!(gate("{name: a, http: {url: 'http://a'}, failIf: '> 1'},\n{name: b, prometheus: {address: 'http://a', query: up}},"), @r#"
    strategies/s.yaml:7:44: spec.steps[0].gate.analysis[0].failIf: names "value", which is not there; there are status, body, json
    strategies/s.yaml:8:1: spec.steps[0].gate.analysis[1]: has neither `failIf` nor `passIf`; say what makes a sample good or bad
    "#);
}

#[test]
fn numbers_and_addresses_are_in_their_range() {
    insta::assert_snapshot!(gate(&format!("{{name: a, {QUERY}, failIf: '> 1', interval: 10ms, count: 0, timeout: 0s}},\n{{name: b, http: {{url: 'oci://a', status: [99]}}}},\n{{name: c, http: {{url: 'http://a', auth: {{secretRef: {{name: ../other/secrets/x}}}}}}}},")), @r#"
    strategies/s.yaml:7:96: spec.steps[0].gate.analysis[0].interval: must be at least 1s
    strategies/s.yaml:7:109: spec.steps[0].gate.analysis[0].count: expected a whole number from 1 to 1000, found 0
    strategies/s.yaml:7:121: spec.steps[0].gate.analysis[0].timeout: must be longer than nothing
    strategies/s.yaml:8:23: spec.steps[0].gate.analysis[1].http.url: begins with oci://; it must be http:// or https://
    strategies/s.yaml:8:43: spec.steps[0].gate.analysis[1].http.status[0]: expected a whole number from 100 to 599, found 99
    strategies/s.yaml:9:60: spec.steps[0].gate.analysis[2].http.auth.secretRef.name: "../other/secrets/x" is not a DNS label: at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit
    "#);
}

#[test]
fn placeholders_stand_for_something() {
    insta::assert_snapshot!(gate("{name: a, prometheus: {address: 'http://a', query: 'up{release=\"{{relase}}\"}'}, failIf: '> 1'},\n{name: b, http: {url: 'http://{{cluster'}},\n{name: c, job: {spec: {template: {spec: {containers: [{args: ['{{ .Values.x }}']}]}}}}},"), @r#"
    strategies/s.yaml:7:52: spec.steps[0].gate.analysis[0].prometheus.query: `{{relase}}` stands for nothing; there are {{application}}, {{namespace}}, {{release}}, {{cluster}}
    strategies/s.yaml:8:23: spec.steps[0].gate.analysis[1].http.url: `{{` has no `}}` after it
    strategies/s.yaml:9:63: spec.steps[0].gate.analysis[2].job.spec.template.spec.containers[0].args[0]: `{{.Values.x}}` stands for nothing; there are {{application}}, {{namespace}}, {{release}}, {{cluster}}
    "#);
}

#[test]
fn a_job_is_run_once_and_has_containers() {
    insta::assert_snapshot!(gate("{name: a, job: {spec: {template: {spec: {}}}}, failIf: '> 1', count: 3},"), @r#"
    strategies/s.yaml:7:23: spec.steps[0].gate.analysis[0].job.spec: has no template.spec.containers; it is the spec of a Kubernetes Job
    strategies/s.yaml:7:56: spec.steps[0].gate.analysis[0].failIf: given beside `job`; a Job is run once, and its result counts
    strategies/s.yaml:7:70: spec.steps[0].gate.analysis[0].count: given beside `job`; a Job is run once, and its result counts
    "#);
}
