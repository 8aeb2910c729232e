//! Every place that names a release-scoped object names this release's copy.

use super::{Fixture, find, normalised};
use serde_json::{Value, json};

const SUFFIX: &str = "-83e4eedd-1";

/// A ConfigMap and a Secret that are rendered; `foreign` is not.
const SOURCES: &str = "
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
---
{apiVersion: v1, kind: Secret, metadata: {name: s}}
---
";

const POD_SPEC: &str = "
  imagePullSecrets: [{name: s}, {name: foreign}]
  volumes:
  - {name: a, configMap: {name: c}}
  - {name: b, secret: {secretName: s}}
  - {name: d, projected: {sources: [{configMap: {name: c}}, {secret: {name: s}}, {secret: {name: foreign}}]}}
  - {name: e, configMap: {name: foreign}}
  initContainers:
  - name: i
    envFrom: [{secretRef: {name: s}}]
  containers:
  - name: m
    envFrom: [{configMapRef: {name: c}}, {configMapRef: {name: foreign}}]
    env:
    - {name: A, valueFrom: {configMapKeyRef: {name: c, key: k}}}
    - {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}
    - {name: C, value: c}
";

fn expected_pod_spec() -> Value {
    let (c, s) = (format!("c{SUFFIX}"), format!("s{SUFFIX}"));
    json!({
        "imagePullSecrets": [{"name": s}, {"name": "foreign"}],
        "volumes": [
            {"name": "a", "configMap": {"name": c}},
            {"name": "b", "secret": {"secretName": s}},
            {"name": "d", "projected": {"sources": [
                {"configMap": {"name": c}}, {"secret": {"name": s}}, {"secret": {"name": "foreign"}}]}},
            {"name": "e", "configMap": {"name": "foreign"}},
        ],
        "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": s}}]}],
        "containers": [{
            "name": "m",
            "envFrom": [{"configMapRef": {"name": c}}, {"configMapRef": {"name": "foreign"}}],
            "env": [
                {"name": "A", "valueFrom": {"configMapKeyRef": {"name": c, "key": "k"}}},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": s, "key": "k"}}},
                {"name": "C", "value": "c"},
            ],
        }],
    })
}

fn one(kind: &str, rest: &str) -> Value {
    let objects = normalised(&format!("{SOURCES}{rest}"), &Fixture::new().lenient());
    find(&objects, kind).clone()
}

#[test]
fn in_the_pods_of_every_workload() {
    let indented = |by: usize| POD_SPEC.replace('\n', &format!("\n{}", " ".repeat(by)));
    for (api, kind) in [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("batch/v1", "Job"),
    ] {
        let rendered = format!(
            "apiVersion: {api}\nkind: {kind}\nmetadata: {{name: w}}\nspec:\n  template:\n    spec:{}",
            indented(4)
        );
        assert_eq!(one(kind, &rendered)["spec"]["template"]["spec"], expected_pod_spec(), "{kind}");
    }
    let pod = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: w}}\nspec:{}", indented(0));
    assert_eq!(one("Pod", &pod)["spec"], expected_pod_spec());
    let cron = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: w}}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:{}",
        indented(8)
    );
    assert_eq!(one("CronJob", &cron)["spec"]["jobTemplate"]["spec"]["template"]["spec"], expected_pod_spec());
}

#[test]
fn in_other_kinds_of_kubernetes() {
    let account = one(
        "ServiceAccount",
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: [{name: s}], imagePullSecrets: [{name: s}, {name: foreign}]}",
    );
    assert_eq!(account["secrets"][0]["name"], "s-83e4eedd-1");
    assert_eq!(account["imagePullSecrets"], json!([{"name": "s-83e4eedd-1"}, {"name": "foreign"}]));

    let ingress = one(
        "Ingress",
        "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {tls: [{secretName: s}, {secretName: foreign}]}}",
    );
    assert_eq!(ingress["spec"]["tls"], json!([{"secretName": "s-83e4eedd-1"}, {"secretName": "foreign"}]));

    let role = one(
        "Role",
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r}, rules: [\
         {apiGroups: [''], resources: [configmaps], resourceNames: [c, foreign]}, \
         {apiGroups: [''], resources: [services], resourceNames: [c]}]}",
    );
    assert_eq!(role["rules"][0]["resourceNames"], json!(["c-83e4eedd-1", "foreign"]));
    assert_eq!(role["rules"][1]["resourceNames"], json!(["c"]), "a Service that is called like a ConfigMap");
}

#[test]
fn in_autoscalers() {
    let rendered = "
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: []}}}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h},
 spec: {maxReplicas: 5, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}}}";
    let autoscaler = one("HorizontalPodAutoscaler", rendered);
    assert_eq!(autoscaler["metadata"]["name"], "h-83e4eedd-1");
    assert_eq!(autoscaler["spec"]["scaleTargetRef"]["name"], "d-83e4eedd-1");
}

#[test]
fn in_custom_resources_where_it_cannot_be_misread() {
    let rendered = "
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: []}}}}
---
{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: d},
  otherRef: {apiVersion: example.com/v1, kind: Deployment, name: d},
  auth: {passwordSecretRef: {kind: Secret, name: s}, secretKeyRef: {name: s, key: k}},
  configRefs: [{kind: ConfigMap, name: c}, {kind: ConfigMap, name: c, namespace: other}],
  tls: [{secretName: s}], configMapName: c, name: c, plainRef: {name: c}, title: s}}";
    assert_eq!(
        one("Widget", rendered)["spec"],
        json!({
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d-83e4eedd-1"},
            "otherRef": {"apiVersion": "example.com/v1", "kind": "Deployment", "name": "d"},
            "auth": {"passwordSecretRef": {"kind": "Secret", "name": "s-83e4eedd-1"}, "secretKeyRef": {"name": "s-83e4eedd-1", "key": "k"}},
            "configRefs": [{"kind": "ConfigMap", "name": "c-83e4eedd-1"}, {"kind": "ConfigMap", "name": "c", "namespace": "other"}],
            "tls": [{"secretName": "s-83e4eedd-1"}], "configMapName": "c-83e4eedd-1", "name": "c", "plainRef": {"name": "c"}, "title": "s",
        })
    );
}

#[test]
fn to_services_and_accounts_with_a_copy_per_release() {
    let rendered = "
{apiVersion: v1, kind: Service, metadata: {name: v, annotations: {shipper.dev/scope: release}}, spec: {selector: {app: x}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: a, annotations: {shipper.dev/scope: release}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {serviceAccountName: a, containers: []}}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b},
 subjects: [{kind: ServiceAccount, name: a}, {kind: ServiceAccount, name: a, namespace: other}, {kind: User, name: a}],
 roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i},
 spec: {rules: [{http: {paths: [{path: /, backend: {service: {name: v, port: {number: 80}}}}]}}]}}";
    let objects = normalised(rendered, &Fixture::new().lenient());
    assert_eq!(
        find(&objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"],
        "a-83e4eedd-1"
    );
    let binding = find(&objects, "RoleBinding");
    let subjects: Vec<_> =
        binding["subjects"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["a-83e4eedd-1", "a", "a"]);
    let ingress = find(&objects, "Ingress");
    assert_eq!(ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"], "v-83e4eedd-1");
    let service = find(&objects, "Service");
    assert_eq!(service["spec"]["selector"], json!({"app": "x", "shipper.dev/release": "shop-83e4eedd-1"}));
}
