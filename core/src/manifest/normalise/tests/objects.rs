//! Before and after, object by object.

use super::{Fixture, find, normalised, shown};
use insta::assert_snapshot;
use serde_json::json;

const DEPLOYMENT: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  creationTimestamp: null
  labels: {app: shop, app.kubernetes.io/managed-by: Helm, helm.sh/chart: shop-1.2.3}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {creationTimestamp: null, labels: {app: shop}}
    spec:
      nodeSelector: null
      containers: [{name: shop, image: 'shop:1'}]
status: {}
";

#[test]
fn a_deployment_is_a_release_of_its_own() {
    assert_snapshot!(shown(DEPLOYMENT, &Fixture::new().lenient()));
}

#[test]
fn a_stateful_set_keeps_name_and_selector() {
    let rendered = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: db, \
                    selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: []}}}}";
    assert_snapshot!(shown(rendered, &Fixture::new().lenient()));
}

#[test]
fn a_cron_job_labels_its_jobs_and_their_pods() {
    let rendered = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly}, spec: {schedule: '@daily', \
                    jobTemplate: {spec: {template: {spec: {containers: []}}}}}}";
    let objects = normalised(rendered, &Fixture::new().lenient());
    let label = json!({"shipper.dev/application": "shop"});
    assert_eq!(objects[0]["metadata"]["name"], "nightly");
    assert_eq!(objects[0]["spec"]["jobTemplate"]["metadata"]["labels"], label);
    assert_eq!(objects[0]["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"], label);
}

#[test]
fn the_scope_annotation_overrides_and_is_written_only_where_it_says_something() {
    let rendered = "
{apiVersion: v1, kind: ConfigMap, metadata: {name: shared, annotations: {shipper.dev/scope: application}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: own, annotations: {shipper.dev/scope: release}}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: db, annotations: {shipper.dev/scope: release}},
 spec: {selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: []}}}}";
    assert_snapshot!(shown(rendered, &Fixture::new().lenient()));
}

#[test]
fn a_disruption_budget_protects_the_pods_of_its_release() {
    let rendered = format!(
        "{DEPLOYMENT}\n---\n{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: shop}}, \
         spec: {{maxUnavailable: 1, selector: {{matchLabels: {{app: shop}}}}}}}}"
    );
    let objects = normalised(&rendered, &Fixture::new().lenient());
    let budget = find(&objects, "PodDisruptionBudget");
    assert_eq!(budget["metadata"]["name"], "shop-83e4eedd-1");
    assert_eq!(
        budget["spec"]["selector"]["matchLabels"],
        json!({"app": "shop", "shipper.dev/release": "shop-83e4eedd-1"})
    );
}

#[test]
fn what_acts_on_application_scoped_workloads_is_application_scoped() {
    let rendered = "
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db},
 spec: {selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: []}}}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: db},
 spec: {selector: {matchExpressions: [{key: app, operator: In, values: [db]}]}}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: db},
 spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}}}";
    let objects = normalised(rendered, &Fixture::new().lenient());
    for kind in ["PodDisruptionBudget", "HorizontalPodAutoscaler"] {
        let object = find(&objects, kind);
        assert_eq!(object["metadata"]["name"], "db", "{kind}");
        assert_eq!(object["metadata"]["annotations"]["shipper.dev/scope"], "application", "{kind}");
    }
    let budget = find(&objects, "PodDisruptionBudget");
    assert!(budget["spec"]["selector"].get("matchLabels").is_none(), "the pods have no release label");
}

#[test]
fn lists_are_taken_apart_and_hooks_left_out() {
    let rendered = "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: shop}}
- {apiVersion: v1, kind: ConfigMapList, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}]}
---
{apiVersion: v1, kind: Pod, metadata: {name: t, annotations: {helm.sh/hook: test}}, spec: {containers: []}}";
    let objects = normalised(rendered, &Fixture::new().lenient());
    let kinds: Vec<_> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ServiceAccount", "ConfigMap"]);
}

#[test]
fn cluster_scoped_objects_have_no_namespace_and_others_keep_theirs() {
    let rendered = "
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r, namespace: web}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: things.example.com},
 spec: {group: example.com, scope: Cluster, names: {kind: Thing, plural: things}}}
---
{apiVersion: example.com/v1, kind: Thing, metadata: {name: t}}
---
{apiVersion: example.org/v1, kind: Thing, metadata: {name: t}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: kube-system}}";
    let objects = normalised(rendered, &Fixture::new().lenient());
    let namespaces: Vec<_> = objects
        .iter()
        .map(|o| {
            (
                o["kind"].as_str().unwrap(),
                o["apiVersion"].as_str().unwrap(),
                o["metadata"]["namespace"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        namespaces,
        [
            ("CustomResourceDefinition", "apiextensions.k8s.io/v1", None),
            ("ClusterRole", "rbac.authorization.k8s.io/v1", None),
            ("Role", "rbac.authorization.k8s.io/v1", Some("kube-system")),
            ("Thing", "example.com/v1", None),
            ("Thing", "example.org/v1", Some("web")),
        ]
    );
}

#[test]
fn what_helm_keeps_is_kept() {
    let rendered = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, annotations: {helm.sh/resource-policy: keep}}}";
    let objects = normalised(rendered, &Fixture::new().lenient());
    assert_eq!(objects[0]["metadata"]["annotations"]["shipper.dev/keep"], "true");
}
