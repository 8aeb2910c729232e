//! Plain manifests, which need no Helm.

use super::{Bench, Limits, Source, file, request};
use serde_json::json;

#[tokio::test]
async fn files_are_taken_in_order_of_their_paths() {
    let bench = Bench::new(None, Limits::default());
    let account = |name: &str| format!("apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}}}\n");
    let source = Source::Manifests(vec![
        file("b/two.yml", &account("two")),
        file("README.md", "not: {yaml"),
        file("a.yaml", &format!("---\n{}---\n{}", account("one"), account("three"))),
        file("c.json", r#"{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "four"}}"#),
    ]);
    let objects = bench.objects(&request(source, json!({}))).await.unwrap();
    let names: Vec<_> = objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["four", "one", "three", "two"]);
    assert_eq!(objects[0]["metadata"]["namespace"], "web");
}

#[tokio::test]
async fn a_bad_file_is_named() {
    let bench = Bench::new(None, Limits::default());
    let source = Source::Manifests(vec![file("a.yaml", "a: 1"), file("b/bad.yaml", "a: 1\nb: [\n")]);
    let error = bench.objects(&request(source, json!({}))).await.unwrap_err();
    assert!(error.to_string().starts_with("b/bad.yaml: "), "{error}");
    assert!(error.is_permanent());
}

#[tokio::test]
async fn no_manifests_and_too_many() {
    let bench = Bench::new(None, Limits { output_bytes: 1000, ..Limits::default() });
    let none =
        bench.objects(&request(Source::Manifests(vec![file("README.md", "")]), json!({}))).await.unwrap_err();
    assert_eq!(none.to_string(), "no file ending in .yaml, .yml or .json below the path of the manifests");
    let large = file("a.yaml", &format!("a: {}", "x".repeat(1000)));
    let error = bench.objects(&request(Source::Manifests(vec![large]), json!({}))).await.unwrap_err();
    assert_eq!(error.to_string(), "more than 1000 bytes were rendered: split the application");
}
