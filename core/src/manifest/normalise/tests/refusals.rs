//! Everything that is refused, with its message [I3].

use super::{Context, Fixture, refused};
use insta::assert_snapshot;

#[test]
fn nothing_rendered() {
    let fixture = Fixture::new();
    assert_snapshot!(refused("# only comments\n---\n", &fixture.strict()), @"nothing was rendered: check the values that switch the chart's objects on");
    assert_snapshot!(refused("{apiVersion: v1, kind: List, items: []}", &fixture.strict()), @"nothing was rendered: check the values that switch the chart's objects on");
}

#[test]
fn only_hooks() {
    let hook = "{apiVersion: v1, kind: Pod, metadata: {name: t, annotations: {helm.sh/hook: test}}}";
    assert_snapshot!(refused(hook, &Fixture::new().strict()), @"nothing but Helm hooks was rendered (1), and Shipper runs no hooks: render at least one object without `helm.sh/hook`");
}

#[test]
fn no_object() {
    let fixture = Fixture::new();
    let good = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}\n---\n";
    assert_snapshot!(refused(&format!("{good}just text"), &fixture.strict()), @"rendered document 2 has no kind: every document must be a Kubernetes object with apiVersion, kind and metadata.name");
    assert_snapshot!(refused(&format!("{good}{{apiVersion: v1, kind: ConfigMap}}"), &fixture.strict()), @"rendered document 2 has no metadata.name (a string): every document must be a Kubernetes object with apiVersion, kind and metadata.name");
    assert_snapshot!(refused(&format!("{good}{{kind: ConfigMap, metadata: {{name: b}}}}"), &fixture.strict()), @"rendered document 2 has no apiVersion: every document must be a Kubernetes object with apiVersion, kind and metadata.name");
    assert_snapshot!(refused(&format!("{good}{{apiVersion: v1, kind: ConfigMap, metadata: {{name: 12}}}}"), &fixture.strict()), @"rendered document 2 has no metadata.name (a string): every document must be a Kubernetes object with apiVersion, kind and metadata.name");
}

#[test]
fn not_yaml() {
    let message = refused("a: [1, 2", &Fixture::new().strict()).to_string();
    assert!(message.starts_with("the rendered manifests are not usable YAML: "), "{message}");
}

#[test]
fn the_same_object_twice() {
    let rendered = "
{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: a, namespace: web}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: b}}";
    assert_snapshot!(refused(rendered, &Fixture::new().strict()), @"rendered more than once: ServiceAccount web/a; each object may be rendered once");
}

#[test]
fn a_name_that_another_object_gets_by_its_suffix() {
    let rendered = "
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: a-83e4eedd-1, annotations: {shipper.dev/scope: application}}}";
    assert_snapshot!(refused(rendered, &Fixture::new().strict()), @"rendered more than once: ConfigMap web/a-83e4eedd-1; each object may be rendered once");
}

#[test]
fn outside_of_the_namespace() {
    let fixture = Fixture::new();
    let elsewhere = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: other}}";
    assert_snapshot!(refused(elsewhere, &fixture.strict()), @"outside of namespace web: ConfigMap other/a; set `allowClusterScope: true` in the Application to allow that");
    let cluster: Vec<String> = ["c", "a", "b", "g", "f", "e", "d"]
        .iter()
        .map(|name| {
            format!(
                "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: {name}}}}}"
            )
        })
        .collect();
    assert_snapshot!(refused(&cluster.join("\n---\n"), &fixture.strict()), @"outside of namespace web: ClusterRole a, ClusterRole b, ClusterRole c, ClusterRole d, ClusterRole e and 2 more; set `allowClusterScope: true` in the Application to allow that");
}

#[test]
fn plaintext_secrets() {
    let fixture = Fixture::new();
    let secret = |fields: &str| format!("{{apiVersion: v1, kind: Secret, metadata: {{name: s}}{fields}}}");
    assert_snapshot!(refused(&secret(", stringData: {password: hunter2}"), &fixture.strict()), @"plaintext in Secret web/s; it would be committed to Git: let the chart refer to a Secret that is made in the cluster, or set `allowSecrets: true` in the Application");
    refused(&secret(", data: {password: aHVudGVyMg==}"), &fixture.strict());
    for empty in ["", ", data: {}", ", stringData: null, type: kubernetes.io/service-account-token"] {
        super::normalised(&secret(empty), &fixture.strict());
    }
    super::normalised(
        &secret(", data: {password: aHVudGVyMg==}"),
        &Context { allow_secrets: true, ..fixture.strict() },
    );
}

#[test]
fn no_message_shows_the_contents_of_a_secret() {
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {password: hunter2}}";
    let problem = refused(secret, &Fixture::new().strict());
    assert!(!format!("{problem} {problem:?}").contains("hunter2"));
}

#[test]
fn a_scope_that_cannot_be() {
    let fixture = Fixture::new();
    let scoped = |kind: &str, scope: &str| {
        format!(
            "{{apiVersion: v1, kind: {kind}, metadata: {{name: a, annotations: {{shipper.dev/scope: {scope}}}}}}}"
        )
    };
    assert_snapshot!(refused(&scoped("ConfigMap", "cluster"), &fixture.lenient()), @r#"ConfigMap web/a cannot have the annotation shipper.dev/scope: "cluster": the value must be release or application"#);
    assert_snapshot!(refused(&scoped("Namespace", "release"), &fixture.lenient()), @r#"Namespace a cannot have the annotation shipper.dev/scope: "release": its name has a meaning to Kubernetes, so there can be only one"#);
    assert_snapshot!(refused(&scoped("PersistentVolumeClaim", "release"), &fixture.lenient()), @r#"PersistentVolumeClaim web/a cannot have the annotation shipper.dev/scope: "release": its data would stay behind with every release; use one claim for the application"#);
    let stateful = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, annotations: {shipper.dev/scope: release}}}";
    assert_snapshot!(refused(stateful, &fixture.lenient()), @r#"StatefulSet web/a cannot have the annotation shipper.dev/scope: "release": its pods and volumes go by its name, so the next release would begin without their data"#);
}
