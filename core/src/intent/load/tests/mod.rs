mod accepted;
mod agreement;
mod analysis;
mod refused;
mod strategy;

use super::*;

/// Loads `yaml` as the application `web/app` and prints its problems, warnings marked.
fn application(yaml: &str) -> String {
    problems("applications/web/app.yaml", yaml)
}

fn problems(path: &str, yaml: &str) -> String {
    let loaded = load(path, yaml.as_bytes());
    let refused = loaded.problems.iter().any(|problem| problem.severity == Severity::Error);
    assert_eq!(loaded.object.is_none(), refused, "an object if and only if nothing is an error");
    let lines = loaded.problems.iter().map(|problem| match problem.severity {
        Severity::Error => problem.to_string(),
        Severity::Warning => format!("warning: {problem}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// An application whose template is `template`, in YAML's flow style.
fn template(template: &str) -> String {
    spec(&format!("{{template: {template}}}"))
}

fn spec(spec: &str) -> String {
    application(&format!(
        "{{apiVersion: shipper.dev/v1alpha1, kind: Application, metadata: {{name: app}},\nspec: {spec}}}"
    ))
}

const CHART: &str = "chart: {path: charts/app}";
