//! Charts rendered by the real Helm, and what it is kept from.

use super::{Bench, Limits, RenderError, Source, chart, charts_of, file, helm, request};
use serde_json::json;
use std::time::Duration;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-config'}\ndata:\n  \
                      namespace: {{ .Release.Namespace }}\n  colour: {{ .Values.colour | default \"none\" }}\n";

#[tokio::test]
async fn a_chart_becomes_a_release() {
    let Some(helm) = helm() else { return };
    let bench = Bench::new(Some(helm), Limits::default());
    let files = chart(&[
        ("templates/config.yaml", CONFIG),
        (
            "templates/hook.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\n",
        ),
        ("values.yaml", "colour: red\n"),
    ]);
    let objects = bench.objects(&request(Source::Chart(files), json!({"colour": "blue"}))).await.unwrap();
    assert_eq!(objects.len(), 1, "hooks are left out");
    assert_eq!(objects[0]["metadata"]["name"], "shop-config-83e4eedd-1", "Helm's release is the application");
    assert_eq!(objects[0]["data"], json!({"namespace": "web", "colour": "blue"}));
    assert_eq!(bench.leftovers(), 0, "nothing stays in the work folder");
}

#[tokio::test]
async fn null_drops_a_default_of_the_chart() {
    let Some(helm) = helm() else { return };
    let bench = Bench::new(Some(helm), Limits::default());
    let files = chart(&[("templates/config.yaml", CONFIG), ("values.yaml", "colour: red\n")]);
    let objects = bench.objects(&request(Source::Chart(files), json!({"colour": null}))).await.unwrap();
    assert_eq!(objects[0]["data"]["colour"], "none");
}

#[tokio::test]
async fn custom_resource_definitions_are_rendered() {
    let Some(helm) = helm() else { return };
    let bench = Bench::new(Some(helm), Limits::default());
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n";
    let mut request = charts_of(&[("crds/thing.yaml", definition), ("templates/config.yaml", CONFIG)]);
    request.allow_cluster_scope = true;
    let objects = bench.objects(&request).await.unwrap();
    assert_eq!(objects[0]["metadata"]["name"], "things.example.com");
}

#[tokio::test]
async fn helms_own_words() {
    let Some(helm) = helm() else { return };
    let bench = Bench::new(Some(helm), Limits::default());
    for (template, words) in [
        ("{{ fail \"set a colour\" }}", "execution error at (shop/templates/x.yaml:1:3): set a colour"),
        ("{{ .Values.a.b.c }}", "nil pointer evaluating interface {}.b"),
        ("a: [1", "YAML parse error on shop/templates/x.yaml"),
        ("{{ if }}", "missing value for if"),
    ] {
        let error = bench.objects(&charts_of(&[("templates/x.yaml", template)])).await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains(words), "{message}");
        assert!(!message.contains("--debug") && !message.contains("Error:"), "{message}");
        assert!(!message.contains(bench.work.path().to_str().unwrap()), "{message}");
        assert!(error.is_permanent());
    }
}

#[tokio::test]
async fn values_against_the_schema_are_refused() {
    let Some(helm) = helm() else { return };
    let bench = Bench::new(Some(helm), Limits::default());
    let schema = r#"{"properties": {"replicas": {"type": "integer"}}}"#;
    let files = chart(&[("values.schema.json", schema), ("templates/config.yaml", CONFIG)]);
    let error = bench.objects(&request(Source::Chart(files), json!({"replicas": "many"}))).await.unwrap_err();
    assert!(error.to_string().contains("replicas"), "{error}");
}

#[tokio::test]
async fn a_missing_dependency() {
    let Some(helm) = helm() else { return };
    let bench = Bench::new(Some(helm), Limits::default());
    let files = vec![
        file(
            "Chart.yaml",
            "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n- {name: redis, version: 1.x, repository: 'https://charts.example'}\n",
        ),
        file("templates/config.yaml", CONFIG),
    ];
    let error = bench.objects(&request(Source::Chart(files), json!({}))).await.unwrap_err();
    assert!(matches!(error, RenderError::MissingDependencies { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("redis") && message.contains("commit the folder charts/"), "{message}");
}

#[tokio::test]
async fn a_chart_that_does_not_end() {
    let Some(helm) = helm() else { return };
    let bench = Bench::new(Some(helm), Limits { time: Duration::from_millis(400), ..Limits::default() });
    let endless = "{{- range $i := until 10000 }}{{- range $j := until 100000 }}{{- $x := sha256sum (print $i $j) }}{{- end }}{{- end }}";
    let started = std::time::Instant::now();
    let error = bench.objects(&charts_of(&[("templates/x.yaml", endless)])).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "helm took longer than 0.4 s and was stopped: look for loops in the chart's templates"
    );
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(bench.leftovers(), 0);
}

#[tokio::test]
async fn a_chart_that_says_too_much() {
    let Some(helm) = helm() else { return };
    let bench = Bench::new(Some(helm), Limits { output_bytes: 100_000, ..Limits::default() });
    let much =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: {{ repeat 4000000 \"x\" }}\n";
    let error = bench.objects(&charts_of(&[("templates/x.yaml", much)])).await.unwrap_err();
    assert_eq!(error.to_string(), "more than 100000 bytes were rendered: split the application");
}

#[tokio::test]
async fn a_chart_that_fails_at_length_is_quoted_in_part() {
    let Some(helm) = helm() else { return };
    let bench = Bench::new(Some(helm), Limits::default());
    let error = bench
        .objects(&charts_of(&[("templates/x.yaml", "{{ fail (repeat 3000000 \"no\") }}")]))
        .await
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("execution error at (shop/templates/x.yaml:1:3): nono") && message.len() <= 4096
    );
}

#[tokio::test]
async fn a_chart_sees_nothing_of_the_hub() {
    let Some(helm) = helm() else { return };
    let bench = Bench::new(Some(helm), Limits::default());
    let curious = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  \
                   file: '{{ .Files.Get \"../../../../../../../../etc/hostname\" }}'\n  \
                   address: '{{ getHostByName \"localhost\" }}'\n  \
                   secret: '{{ lookup \"v1\" \"Secret\" \"web\" \"s\" | len }}'\n";
    let objects = bench.objects(&charts_of(&[("templates/x.yaml", curious)])).await.unwrap();
    assert_eq!(objects[0]["data"], json!({"file": "", "address": "", "secret": "0"}));
}

#[tokio::test]
async fn without_helm_charts_do_not_render() {
    let work = tempfile::TempDir::new().unwrap();
    let bench = Bench::new(Some(work.path().join("no-helm-here")), Limits::default());
    let error = bench.objects(&charts_of(&[("templates/config.yaml", CONFIG)])).await.unwrap_err();
    assert!(matches!(error, RenderError::Run(_)), "{error:?}");
    assert!(!error.is_permanent(), "it is not the chart's fault");
}

#[tokio::test]
async fn files_cannot_leave_the_chart() {
    let bench = Bench::new(Some("helm".into()), Limits::default());
    for path in ["../evil.yaml", "/tmp/evil.yaml", "templates/../../evil.yaml", "templates\\..\\evil.yaml"] {
        let error = bench.objects(&charts_of(&[(path, "a: 1")])).await.unwrap_err();
        assert!(matches!(&error, RenderError::Path { path: named, .. } if named == path), "{error:?}");
    }
    let error = bench
        .objects(&request(Source::Chart(vec![file("templates/a.yaml", CONFIG)]), json!({})))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "no Chart.yaml in the chart's folder: name the folder that holds it");
}
